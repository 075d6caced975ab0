#include <fejer/operators/total_variation.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>
#include <fejer/check.hpp>
#include <fejer/operators/finite_difference.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

using namespace fejer;
using Cd = std::complex<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class X>
Array<X> random_image(const Shape& shape, std::uint64_t seed = 1) {
  Array<X> v(shape);
  fill_normal<X>(v, Rng(seed).stream("image"));
  return v;
}

TvOptions exact(TvKind kind = TvKind::isotropic, double lower = -infinity,
                double upper = infinity) {
  return {
      .kind = kind, .lower = lower, .upper = upper, .tolerance = 1e-13, .max_iterations = 60000};
}

template <class X>
Array<X> prox(const TotalVariation<X>& g, const Array<X>& v, double gamma) {
  Array<X> out(v.shape());
  g.prox(v, gamma, out);
  return out;
}

/// g(x) + ||x - v||^2 / (2 gamma).
template <class X>
double objective(const TotalVariation<X>& g, const Array<X>& x, const Array<X>& v, double gamma) {
  const double d = distance(x, v);
  return g.value(x) + d * d / (2 * gamma);
}

/// The dual by plain projected gradient without acceleration, edge by edge; complex numbers all
/// through. Slow and simple.
struct BruteForce {
  struct Edge {
    Index from, to, pixel;
    int axis;
  };
  std::vector<Edge> edges;
  Index pixels;
  double t, lower, upper;
  bool isotropic;

  BruteForce(const Shape& shape, double t_in, const TvOptions& options)
      : pixels(shape.size()),
        t(t_in),
        lower(options.lower),
        upper(options.upper),
        isotropic(options.kind == TvKind::isotropic) {
    const Index h = shape.back(1), w = shape.back(0);
    for (Index i = 0; i < pixels; ++i) {
      if (i / w % h + 1 < h) edges.push_back({i, i + w, i, 0});
      if (i % w + 1 < w) edges.push_back({i, i + 1, i, 1});
    }
  }

  std::vector<Cd> image(const std::vector<Cd>& v, const std::vector<Cd>& dual) const {
    std::vector<Cd> x = v;
    for (std::size_t e = 0; e < edges.size(); ++e) {
      x[static_cast<std::size_t>(edges[e].from)] += t * dual[e];
      x[static_cast<std::size_t>(edges[e].to)] -= t * dual[e];
    }
    if (lower > -infinity || upper < infinity)
      for (Cd& value : x) value = std::clamp(value.real(), lower, upper);
    return x;
  }

  std::vector<Cd> minimise(const std::vector<Cd>& v, int iterations) const {
    std::vector<Cd> dual(edges.size());
    std::vector<double> size(static_cast<std::size_t>(2 * pixels));
    for (int k = 0; k < iterations; ++k) {
      const std::vector<Cd> x = image(v, dual);
      std::fill(size.begin(), size.end(), 0.0);
      const auto group = [&](const Edge& e) {
        return static_cast<std::size_t>(2 * e.pixel + (isotropic ? 0 : e.axis));
      };
      for (std::size_t e = 0; e < edges.size(); ++e) {
        dual[e] += (x[static_cast<std::size_t>(edges[e].to)] -
                    x[static_cast<std::size_t>(edges[e].from)]) /
                   (8 * t);
        size[group(edges[e])] += std::norm(dual[e]);
      }
      for (std::size_t e = 0; e < edges.size(); ++e)
        dual[e] /= std::max(1.0, std::sqrt(size[group(edges[e])]));
    }
    return image(v, dual);
  }
};

template <class X>
Array<X> brute_force(const Array<X>& v, double t, const TvOptions& options, int iterations) {
  const BruteForce method(v.shape(), t, options);
  const auto x = method.minimise({v.begin(), v.end()}, iterations);
  Array<X> out(v.shape());
  for (Index i = 0; i < v.size(); ++i) {
    if constexpr (is_complex<X>) {
      out[i] = x[static_cast<std::size_t>(i)];
    } else {
      out[i] = static_cast<X>(x[static_cast<std::size_t>(i)].real());
    }
  }
  return out;
}

}  // namespace

TEST_CASE("two pixels in closed form") {
  for (const Shape& shape : {Shape{1, 1, 2}, Shape{1, 2, 1}, Shape{2, 1}})
    for (const TvKind kind : {TvKind::isotropic, TvKind::anisotropic}) {
      Array<double> v(shape);
      v[0] = 1, v[1] = 4;
      const auto far = prox(TotalVariation<double>(2, exact(kind)), v, 0.25);  // t = 0.5
      CHECK(far[0] == doctest::Approx(1.5).epsilon(1e-9));
      CHECK(far[1] == doctest::Approx(3.5).epsilon(1e-9));
      const auto near = prox(TotalVariation<double>(2, exact(kind)), v, 1);  // t = 2 > 3/2
      CHECK(near[0] == doctest::Approx(2.5).epsilon(1e-9));
      CHECK(near[1] == doctest::Approx(2.5).epsilon(1e-9));
      CHECK(TotalVariation<double>(2).value(v) == 6);
    }
}

TEST_CASE("values by hand") {
  Array<double> x(Shape{1, 2, 2});
  x[0] = 0, x[1] = 3, x[2] = 4, x[3] = 0;
  // Differences (4,3), (-3,0), (0,-4), (0,0).
  CHECK(TotalVariation<double>(1).value(x) == 5 + 3 + 4);
  CHECK(TotalVariation<double>(1, {.kind = TvKind::anisotropic}).value(x) == 7 + 3 + 4);
  CHECK(std::isinf(TotalVariation<double>(1, {.lower = 0.5}).value(x)));
  CHECK(TotalVariation<double>(1, {.lower = 0, .upper = 4}).value(x) == 12);
  Array<Cd> z(Shape{1, 2});
  z[1] = {3, 4};  // one modulus for both parts
  CHECK(TotalVariation<Cd>(2).value(z) == 10);
  CHECK(TotalVariation<Cd>(2, {.kind = TvKind::anisotropic}).value(z) == 10);
}

TEST_CASE_TEMPLATE("the differences are those of FiniteDifference", X, double, Cd) {
  for (const Shape& shape : {Shape{3, 4}, Shape{2, 5, 3}, Shape{1, 6, 1}, Shape{1, 1, 6}}) {
    const Array<X> x = random_image<X>(shape);
    const Array<X> d = LinearOperator<X>(FiniteDifference<X>(shape)).apply(x);
    double isotropic = 0, anisotropic = 0;
    for (Index i = 0; i < x.size(); ++i) {
      isotropic += std::sqrt(std::norm(Cd(d[i])) + std::norm(Cd(d[x.size() + i])));
      anisotropic += std::abs(d[i]) + std::abs(d[x.size() + i]);
    }
    CHECK(TotalVariation<X>(1).value(x) == doctest::Approx(isotropic).epsilon(1e-13));
    CHECK(TotalVariation<X>(1, {.kind = TvKind::anisotropic}).value(x) ==
          doctest::Approx(anisotropic).epsilon(1e-13));
  }
}

TEST_CASE_TEMPLATE("the prox against a slow brute-force minimiser", X, double, Cd) {
  for (const Shape& shape :
       {Shape{1, 3, 4}, Shape{5, 2}, Shape{1, 1, 6}, Shape{1, 6, 1}, Shape{2, 3, 2}})
    for (const TvKind kind : {TvKind::isotropic, TvKind::anisotropic})
      for (const bool bounded : {false, true}) {
        if (bounded && is_complex<X>) continue;
        const TvOptions options = bounded ? exact(kind, -0.2, 0.5) : exact(kind);
        const Array<X> v = random_image<X>(shape);
        const TotalVariation<X> g(0.5, options);
        Array<X> x(shape);
        const TvReport report = g.prox_gap(v, 0.6, x);
        const Array<X> expected = brute_force(v, 0.3, options, 20000);
        CHECK(report.converged);
        CHECK(report.objective == doctest::Approx(objective(g, x, v, 0.6)).epsilon(1e-12));
        // A gap of 1e-13 allows errors of its root; the slow method is within 1e-7 of its limit.
        CHECK(distance(x, expected) < 2e-6 * (1 + norm(x)));
        CHECK(prox_violation<X>(g, v, 0.6) < 1e-12);
      }
}

TEST_CASE("one row: the optimality conditions hold for every jump") {
  const Index n = 60;
  const double t = 0.7;
  Array<double> v = random_image<double>(Shape{1, 1, n});
  const Array<double> x = prox(TotalVariation<double>(t, exact()), v, 1);
  double sum = 0;  // of v - x up to here: in [-t, t], and at an end of it where x jumps
  int jumps = 0;
  for (Index i = 0; i + 1 < n; ++i) {
    sum += v[i] - x[i];
    const double jump = x[i + 1] - x[i];
    CHECK(std::abs(sum) <= t * (1 + 1e-9));
    if (std::abs(jump) > 1e-4) {
      ++jumps;
      CHECK(sum == doctest::Approx(jump > 0 ? -t : t).epsilon(1e-4));
    }
  }
  CHECK(jumps > 3);
}

TEST_CASE("the gap bounds the distance to the minimum, at every accuracy, and shrinks") {
  for (const bool bounded : {false, true})
    for (const TvKind kind : {TvKind::isotropic, TvKind::anisotropic}) {
      const double gamma = 0.5, lower = bounded ? 0.0 : -infinity;
      const Array<double> v = random_image<double>(Shape{1, 20, 17});
      const TotalVariation<double> g(0.8, exact(kind, lower));
      const Array<double> best = prox(g, v, gamma);
      const double minimum = objective(g, best, v, gamma);
      double first = 0;
      for (const int iterations : {1, 2, 5, 20, 100, 400}) {
        TvOptions options = exact(kind, lower);
        options.max_iterations = iterations;
        Array<double> x(v.shape());
        const TvReport report = TotalVariation<double>(0.8, options).prox_gap(v, gamma, x);
        CHECK(report.iterations == iterations);
        CHECK(!report.converged);
        CHECK(objective(g, x, v, gamma) - minimum <= report.gap + 1e-9 * minimum);
        CHECK(distance(x, best) <= std::sqrt(2 * gamma * report.gap) + 1e-5 * norm(v));
        if (iterations == 1) first = report.gap;
        if (iterations == 400) CHECK(report.gap < 1e-3 * first);
      }
    }
}

TEST_CASE("it stops at the tolerance, and says when it does not reach it") {
  const Array<double> v = random_image<double>(Shape{1, 32, 32});
  Array<double> x(v.shape());
  const TvReport report = TotalVariation<double>(0.1, {.tolerance = 1e-4}).prox_gap(v, 1, x);
  CHECK(report.converged);
  CHECK(report.gap <= 1e-4 * report.objective);
  CHECK(report.iterations < 100);
  TvOptions few{.tolerance = 1e-12, .max_iterations = 7};
  CHECK(!TotalVariation<double>(0.1, few).prox_gap(v, 1, x).converged);
  const Array<double> constant(Shape{1, 8, 8}, 0.3);
  Array<double> same(constant.shape());
  CHECK(TotalVariation<double>(5).prox_gap(constant, 1, same).iterations == 0);
  CHECK(distance(constant, same) == 0);
}

TEST_CASE_TEMPLATE("dual variables of one call start the next", X, float, double, Cd) {
  for (const TvKind kind : {TvKind::isotropic, TvKind::anisotropic}) {
    const Array<X> v = random_image<X>(Shape{2, 21, 30});
    Array<X> x(v.shape()), once(v.shape());
    TvOptions options{.kind = kind, .tolerance = 0, .max_iterations = 7};
    const TotalVariation<X> g(0.3, options);
    Array<Real<X>> dual;
    TvReport report = g.prox_gap(v, 1, x, dual);
    CHECK(report.iterations == 7);
    CHECK(dual.shape() == Shape{is_complex<X> ? 4 : 2, v.size()});
    CHECK(g.prox_gap(v, 1, once).gap == report.gap);  // from zeros, as without
    CHECK(distance(once, x) == 0);
    const double first = report.gap;
    for (int call = 0; call < 30; ++call) report = g.prox_gap(v, 1, x, dual);
    CHECK(report.gap < 0.05 * first);
    // Of a larger gamma: brought back within the bounds, so that the gap stays an upper bound.
    TvOptions accurate{.kind = kind, .tolerance = 1e-5, .max_iterations = 5000};
    const TotalVariation<X> h(0.05, accurate);
    Array<Real<X>> cold;
    CHECK(h.prox_gap(v, 1, x, dual).converged);
    CHECK(h.prox_gap(v, 1, once, cold).converged);
    CHECK(distance(x, once) <= 2 * std::sqrt(2e-5) * norm(v));
    Array<Real<X>> wrong(Shape{2, 3});
    CHECK_THROWS_AS(g.prox_gap(v, 1, x, wrong), ShapeError);
    const Array<X> pixel(Shape{1, 1, 1}, X(2));
    Array<X> same(pixel.shape());
    Array<Real<X>> none;
    g.prox_gap(pixel, 1, same, none);
    CHECK(same[0] == X(2));
  }
}

TEST_CASE_TEMPLATE("firmly non-expansive on random pairs", X, double, Cd) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    TvOptions options = exact();
    options.tolerance = 1e-11;
    if (!is_complex<X> && seed % 2 == 0) options.lower = 0;
    const TotalVariation<X> g(0.4, options);
    const Array<X> v = random_image<X>(Shape{1, 6, 5}, seed);
    Array<X> w = random_image<X>(Shape{1, 6, 5}, 100 + seed);
    if (seed % 3 == 0) combine<X>(1, v, Real<X>(0.01), w, w);
    const Array<X> pv = prox(g, v, 1), pw = prox(g, w, 1);
    Array<X> p_difference(v.shape()), difference(v.shape());
    combine<X>(1, pv, -1, pw, p_difference);
    combine<X>(1, v, -1, w, difference);
    const double square = dot(p_difference, p_difference);
    CHECK(square <= dot(p_difference, difference) + 1e-4 * norm(difference));
  }
}

TEST_CASE("bounds inside the prox are kept exactly, and are not a clip afterwards") {
  const Array<float> v = random_image<float>(Shape{1, 24, 24});
  const TotalVariation<float> g(0.5, {.lower = 0, .upper = 0.75}), free(0.5);
  const Array<float> x = prox(g, v, 1);
  CHECK(*std::min_element(x.begin(), x.end()) >= 0);
  CHECK(*std::max_element(x.begin(), x.end()) <= 0.75F);
  Array<float> clipped = prox(free, v, 1);
  for (float& value : clipped) value = std::clamp(value, 0.0F, 0.75F);
  CHECK(distance(clipped, x) > 1e-2 * norm(x));
  CHECK(objective(g, x, v, 1) < objective(g, clipped, v, 1));
  CHECK(std::isfinite(g.value(x)));
}

TEST_CASE_TEMPLATE("the same bits for 1, 2 and 4 threads, and for every call", X, float, double,
                   std::complex<float>) {
  const Array<X> v = random_image<X>(Shape{2, 70, 53});
  const TotalVariation<X> g(0.3, {.max_iterations = 25});
  Array<X> reference(v.shape());
  TvReport first;
  double value = 0;
  for (const int threads : {1, 2, 4, 1}) {
    const ScopedThreads scope(threads);
    Array<X> x(v.shape());
    const TvReport report = g.prox_gap(v, 1, x);
    if (value == 0) {
      reference = x;
      first = report;
      value = g.value(v);
    }
    CHECK(distance(x, reference) == 0);
    CHECK(report.gap == first.gap);
    CHECK(g.value(v) == value);
  }
}

TEST_CASE("each channel by itself") {
  const Array<double> v = random_image<double>(Shape{3, 9, 7});
  const TotalVariation<double> g(0.5, exact());
  const Array<double> all = prox(g, v, 1);
  double values = 0;
  for (Index c = 0; c < 3; ++c) {
    const Array<double> channel(v.slice(c)), alone = prox(g, channel, 1);
    CHECK(distance<double>(alone, all.slice(c)) < 1e-5);
    values += g.value(channel);
  }
  CHECK(g.value(v) == doctest::Approx(values).epsilon(1e-14));
}

TEST_CASE("complex images: real ones stay real, a phase goes through") {
  const Array<double> v = random_image<double>(Shape{1, 8, 9});
  const Array<double> zero(v.shape());
  const Array<Cd> z = to_complex<double>(v, zero);
  const Array<double> real = prox(TotalVariation<double>(0.5, exact()), v, 1);
  const Array<Cd> p = prox(TotalVariation<Cd>(0.5, exact()), z, 1);
  CHECK(distance(real_part<double>(p), real) < 1e-5);
  CHECK(norm(imaginary_part<double>(p)) == 0);
  const Array<Cd> w = random_image<Cd>(Shape{1, 8, 9});
  Array<Cd> turned(w), expected = prox(TotalVariation<Cd>(0.5, exact()), w, 1);
  const Cd phase = std::polar(1.0, 0.7);
  for (Cd& value : turned) value *= phase;
  for (Cd& value : expected) value *= phase;
  CHECK(distance(prox(TotalVariation<Cd>(0.5, exact()), turned, 1), expected) < 1e-5);
}

TEST_CASE("extremes: lambda 0, huge lambda, one pixel, no pixel, not-a-number") {
  const Array<double> v = random_image<double>(Shape{2, 5, 4});
  CHECK(distance(prox(TotalVariation<double>(0), v, 1), v) == 0);
  const Array<double> flat = prox(TotalVariation<double>(1e3, exact()), v, 1);
  double mean = 0;
  for (Index i = 0; i < 20; ++i) mean += v[i] / 20;
  for (Index i = 0; i < 20; ++i) CHECK(std::abs(flat[i] - mean) < 1e-5);
  const Array<double> pixel(Shape{3, 1, 1}, -2.0);
  CHECK(distance(prox(TotalVariation<double>(1), pixel, 1), pixel) == 0);
  CHECK(prox(TotalVariation<double>(1, {.lower = 0}), pixel, 1)[2] == 0);
  const Array<double> empty(Shape{1, 0, 4});
  CHECK(prox(TotalVariation<double>(1), empty, 1).size() == 0);
  Array<double> bad(v), out(v.shape());
  bad[7] = std::nan("");
  const TvReport report = TotalVariation<double>(1).prox_gap(bad, 1, out);
  CHECK(!report.converged);
  CHECK(report.iterations == 0);
  CHECK(std::isnan(out[7]));
}

TEST_CASE("misuse is refused") {
  CHECK_THROWS_WITH_AS(TotalVariation<double>(-1),
                       "TotalVariation: got lambda = -1.000000, expected a finite number >= 0",
                       ArgumentError);
  CHECK_THROWS_WITH_AS(TotalVariation<double>(1, {.lower = 1, .upper = 0}),
                       "TotalVariation: got the bounds 1.000000 and 0.000000, expected lower <= "
                       "upper",
                       ArgumentError);
  CHECK_THROWS_WITH_AS(
      TotalVariation<Cd>(1, {.lower = 0}),
      "TotalVariation: got bounds for complex images, expected none: they have no order",
      ArgumentError);
  CHECK_THROWS_WITH_AS(TotalVariation<double>(1, {.max_iterations = 0}),
                       "TotalVariation: got max_iterations = 0, expected 1 or more", ArgumentError);
  CHECK_THROWS_AS(TotalVariation<double>(1, {.tolerance = -1}), ArgumentError);
  const TotalVariation<double> g(1);
  Array<double> line(Shape{4}), out(Shape{4}), image(Shape{2, 2});
  CHECK_THROWS_WITH_AS(g.prox(line, 1, out), "TotalVariation::prox: got (4), expected (..,H,W)",
                       ShapeError);
  CHECK_THROWS_AS(g.prox(image, 1, out), ShapeError);
  Array<double> image_out(Shape{2, 2});
  CHECK_THROWS_AS(g.prox(image, 0, image_out), ArgumentError);
}
