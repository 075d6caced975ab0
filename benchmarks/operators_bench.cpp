// The forward operators against the bare FFTW transforms that they need, and projections in
// milliseconds. Prints one JSON object per row:
//   operators_bench [--threads N] [--repeats N] [--rows TEXT] [--planning estimate|measure]
//   operators_bench --write FOLDER      the MRI problem, as raw complex floats (coils,H,W)
//   operators_bench --objective FOLDER  the objective of FOLDER/image.raw (H,W)
// Time: processor time of the process for one thread, wall time for more; medians of `repeats`
// calls that alternate with those of FFTW.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

#include <fftw3.h>
#include <fejer/fft.hpp>
#include <fejer/operators/blur.hpp>
#include <fejer/operators/cartesian_mri.hpp>
#include <fejer/operators/least_squares.hpp>
#include <fejer/operators/mask.hpp>
#include <fejer/operators/shepp_logan.hpp>
#include <fejer/operators/tomography.hpp>
#include <fejer/operators/total_variation.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

namespace {

using namespace fejer;
using C = std::complex<float>;

struct Settings {
  int threads = 1, repeats = 21;
  std::string rows;
} settings;

double now_ms() {
  timespec t{};
  clock_gettime(settings.threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

bool wanted(const std::string& name) { return name.find(settings.rows) != std::string::npos; }

/// Medians of both, called in turn; `bare` may be empty.
void row(const std::string& name, const std::function<void()>& ours,
         const std::function<void()>& bare = {}) {
  if (!wanted(name)) return;
  std::vector<double> a, b;
  const auto time = [](const std::function<void()>& f, std::vector<double>& list) {
    const double start = now_ms();
    f();
    list.push_back(now_ms() - start);
  };
  ours();
  if (bare) bare();
  for (int r = 0; r < settings.repeats; ++r) {
    time(ours, a);
    if (bare) time(bare, b);
  }
  std::printf("{\"work\":\"%s\",\"threads\":%d,\"ours_ms\":%.4f,\"ours_least_ms\":%.4f",
              name.c_str(), settings.threads, median(a), *std::min_element(a.begin(), a.end()));
  if (bare) std::printf(",\"bare_fftw_ms\":%.4f,\"ratio\":%.3f", median(b), median(a) / median(b));
  std::printf(",\"median of\":%d}\n", settings.repeats);
  std::fflush(stdout);
}

template <class X>
Array<X> noise(const Shape& shape, const char* name) {
  Array<X> x(shape);
  fill_normal<X>(x, Rng(1).stream(name));
  return x;
}

fftwf_complex* raw(C* p) { return reinterpret_cast<fftwf_complex*>(p); }

/// Unscaled transforms with measured plans, each in its own memory.
struct BareReal {
  Array<float> x;
  Array<C> y;
  fftwf_plan forward, inverse;
  explicit BareReal(int n)
      : x(Shape{n, n}),
        y(Shape{n, n / 2 + 1}),
        forward(fftwf_plan_dft_r2c_2d(n, n, x.data(), raw(y.data()), FFTW_MEASURE)),
        inverse(fftwf_plan_dft_c2r_2d(n, n, raw(y.data()), x.data(), FFTW_MEASURE)) {
    x = noise<float>(x.shape(), "bare");
    forward = fftwf_plan_dft_r2c_2d(n, n, x.data(), raw(y.data()), FFTW_MEASURE);
    inverse = fftwf_plan_dft_c2r_2d(n, n, raw(y.data()), x.data(), FFTW_MEASURE);
    fill<float>(x, 1.0F);
  }
};
struct BareComplex {
  Array<C> x, y;
  fftwf_plan forward, inverse;
  BareComplex(int batch, int n)
      : x(Shape{batch, n, n}),
        y(x.shape()),
        forward(fftwf_plan_dft_2d(n, n, raw(x.data()), raw(y.data()), -1, FFTW_MEASURE)),
        inverse(fftwf_plan_dft_2d(n, n, raw(y.data()), raw(x.data()), 1, FFTW_MEASURE)) {
    fill<C>(x, C(1, 2));
  }
  void run(fftwf_plan plan, Array<C>& from, Array<C>& to) const {
    const Index n = from.shape()[1] * from.shape()[2];
    parallel_for(from.shape()[0], 1, [&](Index begin, Index end) {
      for (Index b = begin; b < end; ++b)
        fftwf_execute_dft(plan, raw(from.data() + b * n), raw(to.data() + b * n));
    });
  }
};

void transforms() {
  for (const int n : {256, 320, 512}) {
    const std::string size = std::to_string(n);
    if (!wanted("fft c2c " + size) && !wanted("fft r2c " + size) && !wanted("fft c2r " + size))
      continue;
    BareComplex c(1, n);
    BareReal r(n);
    const ComplexFft<float> F(Shape{n, n});
    const RealFft<float> R(Shape{n, n});
    const auto z = noise<C>(Shape{n, n}, "z");
    Array<C> w(z.shape()), half(R.spectrum_dims());
    Array<float> x = noise<float>(Shape{n, n}, "x");
    row(
        "fft c2c " + size, [&] { F.forward(z, w); }, [&] { c.run(c.forward, c.x, c.y); });
    row(
        "fft r2c " + size, [&] { R.forward(x, half); }, [&] { fftwf_execute(r.forward); });
    row(
        "fft c2r " + size, [&] { R.inverse(half, x); }, [&] { fftwf_execute(r.inverse); });
  }
}

void blurs() {
  const int n = 512;
  const Array<float> x = noise<float>(Shape{n, n}, "x"), y = noise<float>(Shape{n, n}, "y");
  Array<float> out(x.shape());
  const std::pair<const char*, Boundary> all[] = {
      {"circular", Boundary::circular}, {"reflect", Boundary::reflect}, {"zero", Boundary::zero}};
  for (const auto& [name, boundary] : all) {
    const std::string title = std::string("blur gradient 512 ") + name;
    if (!wanted(title) && !wanted(title + " with value")) continue;
    const bool circular = boundary == Boundary::circular;
    BareReal bare(circular ? n : 560);  // the grid of a 17x17 kernel, a fast length >= 528
    const int pairs = circular ? 1 : 2;
    const Blur<float> A(gaussian_kernel<float>(2, 17), x.shape(), boundary);
    const LeastSquares<float> f(A, y);
    const auto transforms = [&] {
      for (int k = 0; k < pairs; ++k) fftwf_execute(bare.forward), fftwf_execute(bare.inverse);
    };
    row(
        title, [&] { f.gradient(x, out); }, transforms);
    row(
        title + " with value", [&] { f.value_and_gradient(x, out); }, transforms);
  }
}

void mri() {
  const int n = 256, coils = 8;
  if (!wanted("mri normal")) return;
  const Array<C> maps = birdcage_maps<float>(coils, n, n);
  const Array<C> x = noise<C>(Shape{1, n, n}, "x");
  Array<C> out(x.shape());
  BareComplex bare(coils, n);
  const auto transforms = [&] {
    bare.run(bare.forward, bare.x, bare.y);
    bare.run(bare.inverse, bare.y, bare.x);
    scale<C>(bare.x, 1.0F / static_cast<float>(n * n));
  };
  const RandomStream stream = Rng(2).stream("mask");
  const auto normal = [&](const char* name, const Array<float>& mask) {
    const LinearOperator<C> A = CartesianMri<float>(mask, maps);
    row(
        std::string("mri normal ") + name, [&] { A.normal(x, out); }, transforms);
  };
  normal("lines along columns", random_column_mask<float>(n, n, 2, 0.1, stream, 1));
  normal("lines along rows", random_column_mask<float>(n, n, 2, 0.1, stream, 0));
  normal("random points", random_mask<float>(Shape{n, n}, 0.4, stream));
}

void tomography() {
  if (!wanted("ct forward") && !wanted("ct adjoint")) return;
  TomographyGeometry g;
  g.detectors = 512;
  for (int v = 0; v < 360; ++v) g.angles_rad.push_back(v * std::numbers::pi / 360);
  const Tomography<float> A(g, Shape{1, 512, 512});
  const Array<float> x = noise<float>(A.domain(), "x");
  Array<float> y(A.range()), back(A.domain());
  row("ct forward 512 360", [&] { A.apply(x, y); });
  row("ct adjoint 512 360", [&] { A.apply_adjoint(y, back); });
}

void variation() {
  const Array<C> x = noise<C>(Shape{1, 256, 256}, "x");
  Array<C> out(x.shape());
  TvOptions options;
  options.tolerance = 1e-12;
  for (const int inner : {1, 10}) {
    options.max_iterations = inner;
    const TotalVariation<C> g(0.1, options);
    row("tv prox 256 complex, " + std::to_string(inner) + " inner", [&] { g.prox(x, 1, out); });
  }
}

/// One problem for several programs: 1/2 ||A x - y||^2 + lambda TV(x), 8 coils of 256x256.
struct MriProblem {
  static constexpr int n = 256, coils = 8;
  Array<C> maps = birdcage_maps<float>(coils, n, n);
  Array<float> mask = random_column_mask<float>(n, n, 2, 0.1, Rng(2).stream("mask"), 1);
  Array<C> y;
  double lambda = 0.002;

  MriProblem() {
    const Array<float> phantom = shepp_logan<float>(n);
    Array<C> x(Shape{1, n, n});
    for (Index i = 0; i < x.size(); ++i)
      x[i] = std::polar(phantom[i], 1e-4F * static_cast<float>(i % n * (i / n)));
    const LinearOperator<C> A = CartesianMri<float>(mask, maps);
    Array<C> noisy = noise<C>(A.range(), "noise");
    y = A.apply(x);
    for (Index i = 0; i < y.size(); ++i)
      if (y[i] != C(0)) y[i] += 0.01F * noisy[i];
  }
  double objective(const Array<C>& x) const {
    const LeastSquares<C> f(CartesianMri<float>(mask, maps), y);
    return f.value(x) + TotalVariation<C>(lambda).value(x);
  }
};

/// FISTA whose prox starts from the dual variables of the last one.
class TvFista {
 public:
  TvFista(const MriProblem& p, int inner)
      : f_(CartesianMri<float>(p.mask, p.maps), p.y),
        g_(p.lambda, {.tolerance = 0, .max_iterations = inner}),
        step_(1 / f_.lipschitz_interval().upper),
        x(f_.forward_operator().domain()),
        z_(x),
        next_(x),
        work_(x) {}
  void iterate() {
    f_.gradient(z_, work_);
    combine<C>(1, z_, static_cast<float>(-step_), work_, work_);
    g_.prox_gap(work_, step_, next_, dual_);
    const double t = (1 + std::sqrt(1 + 4 * t_ * t_)) / 2;
    const auto momentum = static_cast<float>((t_ - 1) / t);
    combine<C>(1 + momentum, next_, -momentum, x, z_);
    std::swap(x, next_);
    t_ = t;
  }

 private:
  LeastSquares<C> f_;
  TotalVariation<C> g_;
  double step_, t_ = 1;

 public:
  Array<C> x;

 private:
  Array<C> z_, next_, work_;
  Array<float> dual_;
};

/// Arrays as another program's raw complex file: its axes are columns first.
void write_raw(const std::string& path, const Array<C>& a) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(a.data()),
             static_cast<std::streamsize>(a.size() * static_cast<Index>(sizeof(C))));
}

void tv_reconstruction() {
  if (!wanted("mri tv fista")) return;
  const MriProblem p;
  for (const int inner : {3, 5, 10}) {
    TvFista fista(p, inner);
    const std::string name = "mri tv fista iteration, " + std::to_string(inner) + " inner";
    row(name, [&] { fista.iterate(); });
    for (const int iterations : {50, 100, 400}) {
      TvFista again(p, inner);
      for (int k = 0; k < iterations; ++k) again.iterate();
      std::printf(
          "{\"work\":\"mri tv objective, %d inner\",\"iterations\":%d,\"objective\":%.6f}\n", inner,
          iterations, p.objective(again.x));
    }
  }
}

/// Writes maps.raw, data.raw (coils,H,W) to a folder, or prints the objective of its image.raw.
void exchange(const std::string& folder, bool read) {
  const MriProblem p;
  if (!read) {
    write_raw(folder + "/maps.raw", p.maps);
    write_raw(folder + "/data.raw", p.y);
    return;
  }
  Array<C> x(Shape{1, MriProblem::n, MriProblem::n});
  std::ifstream file(folder + "/image.raw", std::ios::binary);
  file.read(reinterpret_cast<char*>(x.data()),
            static_cast<std::streamsize>(x.size() * static_cast<Index>(sizeof(C))));
  std::printf("{\"work\":\"mri tv objective of %s\",\"objective\":%.6f}\n", folder.c_str(),
              p.objective(x));
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i], value = argv[i + 1];
    if (key == "--threads") settings.threads = std::stoi(value);
    if (key == "--repeats") settings.repeats = std::stoi(value);
    if (key == "--rows") settings.rows = value;
    if (key == "--write") return exchange(value, false), 0;
    if (key == "--objective") return exchange(value, true), 0;
    if (key == "--planning" && value == "measure") set_fft_planning(FftPlanning::measure);
  }
  const ScopedThreads scope(settings.threads);
  transforms();
  blurs();
  mri();
  tomography();
  variation();
  tv_reconstruction();
}
