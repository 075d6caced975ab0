#include <algorithm>
#include <complex>
#include <memory>

#include <fejer/fft.hpp>
#include <fejer/operators/blur.hpp>
#include <fejer/operators/least_squares.hpp>

#include "fftw.hpp"
#include "row.hpp"

namespace fejer::benchmarks {
namespace {

using Complex = std::complex<float>;

Array<float> real_input(Index n) { return noise<float>("signal", {n, n}); }
Array<Complex> complex_input(Index n) { return noise<Complex>("spectrum", {n, n}); }
/// Of a real image, so that every program understands the half spectrum alike.
Array<Complex> half_input(Index n) {
  const RealFft<float> fft(Shape{n, n});
  Array<Complex> half(fft.spectrum_dims());
  const Array<float> signal = real_input(n);
  fft.forward(signal, half);
  return half;
}

struct OurReal {
  RealFft<float> fft;
  Array<float> x;
  Array<Complex> result;
  explicit OurReal(Index n) : fft({n, n}), x(real_input(n)), result(fft.spectrum_dims()) {}
  void run() { fft.forward(x, result); }
};
/// The transform destroys its input: each run starts with a copy, on both sides.
struct OurRealInverse {
  RealFft<float> fft;
  Array<Complex> x, work;
  Array<float> result;
  explicit OurRealInverse(Index n)
      : fft({n, n}), x(half_input(n)), work(x.shape()), result({n, n}) {}
  void run() {
    std::copy(x.begin(), x.end(), work.begin());
    fft.inverse(work, result);
  }
};
struct OurComplex {
  ComplexFft<float> fft;
  Array<Complex> x, result;
  explicit OurComplex(Index n) : fft({n, n}), x(complex_input(n)), result({n, n}) {}
  void run() { fft.forward(x, result); }
};

/// The same by FFTW, unscaled; scaled where it is compared.
template <class In, class Out>
struct Bare {
  FftwPlan plan;
  Array<In> x, work;
  Array<Out> result;
  float factor;
  Bare(Transform kind, Array<In> input, const Shape& output, Index n)
      : plan(kind, n, n),
        x(std::move(input)),
        work(x.shape()),
        result(output),
        factor(1 / static_cast<float>(n)) {}
  void run() {
    if constexpr (is_complex<In> && !is_complex<Out>) {
      std::copy(x.begin(), x.end(), work.begin());
      plan.run(work.data(), result.data());
    } else {
      plan.run(x.data(), result.data());
    }
  }
};
template <class In, class Out>
Call bare_call(Transform kind, Array<In> x, const Shape& output, Index n, const Setting& setting) {
  const auto bare = std::make_shared<Bare<In, Out>>(kind, std::move(x), output, n);
  return {.run = [bare] { bare->run(); },
          .save =
              [bare, files = setting.files](const std::string& name) {
                Array<Out> scaled = bare->result;
                for (Out& v : scaled) v *= bare->factor;
                files.save(name, scaled);
              }};
}

template <class Ours>
Call our_call(Index n, FftPlanning planning, const Setting& setting) {
  set_fft_planning(planning);
  const auto state = std::make_shared<Ours>(n);
  set_fft_planning(FftPlanning::estimate);
  setting.files.save("x", state->x);
  return make_call(state, setting);
}

std::string planned(FftPlanning planning) {
  return planning == FftPlanning::measure ? ", plans measured" : "";
}
std::string suffix(FftPlanning planning) {
  return planning == FftPlanning::measure ? "-measured/" : "/";
}

template <class Ours, class In, class Out>
Row transform(const std::string& kind, Transform transform, Index n, FftPlanning planning,
              Array<In> (*input)(Index), Index output_columns) {
  const Shape output{n, output_columns};
  return {
      .name = "fft-" + kind + suffix(planning) + std::to_string(n) + "x" + std::to_string(n),
      .what = "FFT " + kind + planned(planning),
      .opponents = {{"torch-tuned"}, {"fftw"}},
      .ours = [=](const Setting& s) { return our_call<Ours>(n, planning, s); },
      .fftw =
          [=](const Setting& s) { return bare_call<In, Out>(transform, input(n), output, n, s); },
      .scales = false};
}

/// A gradient step's gradient, A^T (A x - y), of a circular blur.
struct BlurGradient {
  LeastSquares<float> f;
  Array<float> x, result;
  BlurGradient(Index n, const Setting& setting)
      : f(Blur<float>(gaussian_kernel<float>(1.6), {1, n, n}, Boundary::circular),
          photograph(setting, n, n)),
        x(noise<float>("estimate", {1, n, n})),
        result(x.shape()) {
    setting.files.save("x", x);
    setting.files.save("y", f.data());
    setting.files.save("kernel", gaussian_kernel<float>(1.6));
  }
  void run() { f.gradient(x, result); }
};

/// The one transform each way that this takes.
struct BlurTransforms {
  FftwPlan forward, inverse;
  Array<float> x, out;
  Array<Complex> spectrum;
  explicit BlurTransforms(Index n)
      : forward(Transform::r2c, n, n),
        inverse(Transform::c2r, n, n),
        x(real_input(n)),
        out(x.shape()),
        spectrum({n, n / 2 + 1}) {}
  void run() {
    forward.run(x.data(), spectrum.data());
    inverse.run(spectrum.data(), out.data());
  }
};

Row blur(Index n, FftPlanning planning) {
  return {.name = "blur-gradient" + suffix(planning) + std::to_string(n) + "x" + std::to_string(n),
          .what = "gradient of 1/2 |Ax - y|^2, A a circular blur" + planned(planning),
          .opponents = {{"fftw", 1 / 1.3}, {"torch-tuned"}},
          .ours =
              [=](const Setting& setting) {
                set_fft_planning(planning);
                const auto state = std::make_shared<BlurGradient>(n, setting);
                set_fft_planning(FftPlanning::estimate);
                return make_call(state, setting);
              },
          .fftw = [=](const Setting&) -> Call {
            return {.run = [state = std::make_shared<BlurTransforms>(n)] { state->run(); }};
          },
          .scales = false};
}

}  // namespace

void add_fourier_rows(std::vector<Row>& rows) {
  for (const FftPlanning planning : {FftPlanning::estimate, FftPlanning::measure})
    for (const Index n : {256, 512, 1024}) {
      if (planning == FftPlanning::measure && n != 512) continue;
      rows.push_back(transform<OurReal, float, Complex>("r2c", Transform::r2c, n, planning,
                                                        real_input, n / 2 + 1));
      rows.push_back(transform<OurRealInverse, Complex, float>("c2r", Transform::c2r, n, planning,
                                                               half_input, n));
      rows.push_back(transform<OurComplex, Complex, Complex>("c2c", Transform::c2c_forward, n,
                                                             planning, complex_input, n));
    }
  for (const FftPlanning planning : {FftPlanning::estimate, FftPlanning::measure})
    rows.push_back(blur(512, planning));
}

}  // namespace fejer::benchmarks
