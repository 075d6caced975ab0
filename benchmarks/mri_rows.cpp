#include <complex>
#include <memory>

#include <fejer/algorithms/accelerated_forward_backward.hpp>
#include <fejer/operators/cartesian_mri.hpp>
#include <fejer/operators/least_squares.hpp>
#include <fejer/operators/shepp_logan.hpp>
#include <fejer/operators/total_variation.hpp>
#include <fejer/parallel.hpp>

#include "fftw.hpp"
#include "row.hpp"

namespace fejer::benchmarks {
namespace {

using Complex = std::complex<float>;
constexpr Index coils = 8, side = 256;
constexpr double lambda = 0.002;
constexpr Index iterations = 50;

Array<float> sampling() {
  return random_column_mask<float>(side, side, 3, 0.1, Rng(2026).stream("mask"));
}

CartesianMri<float> make_operator(const Setting& setting) {
  const Array<float> mask = sampling();
  const Array<Complex> maps = birdcage_maps<float>(coils, side, side);
  setting.files.save("mask", mask);
  setting.files.save("maps", maps);
  return CartesianMri<float>(mask, maps);
}

struct Normal {
  CartesianMri<float> A;
  Array<Complex> x, result;
  explicit Normal(const Setting& setting)
      : A(make_operator(setting)), x(noise<Complex>("image", {1, side, side})), result(x.shape()) {
    setting.files.save("x", x);
  }
  void run() { A.normal(x, result); }
};

/// The transforms that this takes: one each way for every coil, the coils shared by the threads.
struct CoilTransforms {
  FftwPlan forward{Transform::c2c_forward, side, side}, inverse{Transform::c2c_inverse, side, side};
  Array<Complex> x = noise<Complex>("coils", {coils, side, side});
  Array<Complex> spectrum{x.shape()}, out{x.shape()};
  void run() {
    constexpr Index n = side * side;
    parallel_for(coils, 1, [this](Index begin, Index end) {
      for (Index c = begin; c < end; ++c) {
        forward.run(x.data() + c * n, spectrum.data() + c * n);
        inverse.run(spectrum.data() + c * n, out.data() + c * n);
      }
    });
  }
};

Row normal_row(FftPlanning planning) {
  const bool measured = planning == FftPlanning::measure;
  return {.name = std::string(measured ? "mri-normal-measured/" : "mri-normal/") + "8x256x256",
          .what = std::string("A*A x of Cartesian MRI with 8 coils, whole lines sampled") +
                  (measured ? ", plans measured" : ""),
          .opponents = {{"fftw", 1 / 1.5}, {"torch-tuned"}},
          .ours =
              [=](const Setting& setting) {
                set_fft_planning(planning);
                const auto state = std::make_shared<Normal>(setting);
                set_fft_planning(FftPlanning::estimate);
                return make_call(state, setting);
              },
          .fftw = [](const Setting&) -> Call {
            return {.run = [state = std::make_shared<CoilTransforms>()] { state->run(); }};
          }};
}

/// min 1/2 |Ax - y|^2 + lambda TV(x) by FISTA from A*y, 50 iterations; the result is the objective.
/// Each prox goes on from the dual variables of the last, for 8 steps: the objective ends 4e-5
/// above where proxes to 1e-5 (20 to 30 steps) bring it, which is 6e-5 above the minimum.
struct TotalVariationProblem {
  LinearOperator<Complex> A;
  Array<Complex> y;
  LeastSquares<Complex> f;
  TotalVariation<Complex> g;
  std::vector<double> result;

  explicit TotalVariationProblem(const Setting& setting)
      : A(make_operator(setting)),
        y(measure(A)),
        f(A, y),
        g(lambda, {.tolerance = 0, .max_iterations = 8}) {
    setting.files.save("y", y);
    setting.files.save("lambda", {lambda});
  }
  static Array<Complex> measure(const LinearOperator<Complex>& A) {
    const Array<float> phantom = shepp_logan<float>(side);
    Array<Complex> x(phantom.shape());
    for (Index i = 0; i < x.size(); ++i) x[i] = phantom[i];
    Array<Complex> y = A.apply(x);
    const Array<Complex> error = noise<Complex>("measurement", y.shape(), 0.01);
    for (Index i = 0; i < y.size(); ++i)
      if (y[i] != Complex()) y[i] += error[i];
    return y;
  }
  void run() {
    const AcceleratedForwardBackward<Complex> fista(f, g);
    RunOptions options;
    options.max_iterations = iterations;
    options.tolerance = 1e-30;
    const auto end = fejer::run(fista, A.apply_adjoint(y), options);
    result = {f.value(end.x) + g.value(end.x)};
  }
};

}  // namespace

void add_mri_rows(std::vector<Row>& rows) {
  rows.push_back(normal_row(FftPlanning::estimate));
  rows.push_back(normal_row(FftPlanning::measure));
  rows.push_back({.name = "mri-tv-iteration/8x256x256",
                  .what = "an iteration of total variation for Cartesian MRI with 8 coils, 50 of "
                          "them: FISTA, 8 warm steps a prox (bart: ADMM); compared: the objectives",
                  .opponents = {{"bart", 4}},
                  .ours =
                      [](const Setting& setting) {
                        return make_call(std::make_shared<TotalVariationProblem>(setting), setting);
                      },
                  .tolerance = 0.01,
                  .units = static_cast<double>(iterations)});
}

}  // namespace fejer::benchmarks
