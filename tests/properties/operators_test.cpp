// Every linear operator against every law that holds for all of them. Adding an operator means
// adding a line to one of the lists below.
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <fejer/algorithms/eigenvalues.hpp>
#include <fejer/check.hpp>
#include <fejer/operators/blur.hpp>
#include <fejer/operators/cartesian_mri.hpp>
#include <fejer/operators/compose.hpp>
#include <fejer/operators/finite_difference.hpp>
#include <fejer/operators/identity.hpp>
#include <fejer/operators/mask.hpp>
#include <fejer/operators/per_channel.hpp>
#include <fejer/operators/tomography.hpp>
#include <fejer/operators/wavelet.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "operators/dense.hpp"

using namespace fejer;

namespace {

/// A source of random shapes and parameters; images are at most `size` pixels wide.
class Draw {
 public:
  Draw(std::uint64_t seed, Index size) : stream_(Rng(seed).stream("shapes")), size_(size) {}
  double uniform(double low, double high) { return low + (high - low) * stream_.uniform(next_++); }
  Index integer(Index low, Index high) {
    return low +
           static_cast<Index>(stream_.bits(next_++) % static_cast<std::uint64_t>(high - low + 1));
  }
  bool coin() { return integer(0, 1) == 1; }
  /// One pixel wide every fifth time.
  Index length() { return integer(0, 4) == 0 ? 1 : integer(1, size_); }
  Shape image() { return {integer(1, 2), length(), length()}; }
  Shape plane() { return {1, length(), length()}; }
  template <class X>
  Array<X> normal(const Shape& shape) {
    Array<X> x(shape);
    for (Index i = 0; i < x.size(); ++i) {
      if constexpr (is_complex<X>) {
        const double re = stream_.normal(next_++), im = stream_.normal(next_++);
        x[i] = X(std::complex<double>(re, im));
      } else {
        x[i] = static_cast<X>(stream_.normal(next_++));
      }
    }
    return x;
  }
  RandomStream stream() { return Rng(stream_.bits(next_++)).stream("inner"); }
  Index size() const { return size_; }

 private:
  RandomStream stream_;
  Index size_;
  std::uint64_t next_ = 0;
};

template <class X, class Y = X>
struct Family {
  std::string name;
  std::function<LinearOperator<X, Y>(Draw&)> make;
  /// Largest upper / true norm that is accepted on tiny shapes; 0: any finite one.
  double sharpness = 0;
};

template <class T>
LinearOperator<T> random_blur(Draw& draw, Boundary boundary, bool nonnegative) {
  const Shape image = draw.coin() ? draw.image() : Shape{draw.length(), draw.length()};
  // Kernels from one element to larger than the image.
  Array<T> kernel = draw.normal<T>(
      Shape{draw.integer(1, draw.size() + 3), draw.integer(1, draw.coin() ? 3 : draw.size() + 3)});
  if (nonnegative)
    for (T& h : kernel) h = std::abs(h);
  return Blur<T>(kernel, image, boundary);
}

template <class T>
LinearOperator<T> random_tomography(Draw& draw, TomographyGeometry::Kind kind) {
  const Shape image = draw.image();
  TomographyGeometry g;
  g.kind = kind;
  const Index views = draw.integer(1, 6);
  for (Index v = 0; v < views; ++v) g.angles_rad.push_back(draw.uniform(-4, 7));
  // The angles at which the stepping axis changes, or lines meet pixels exactly.
  if (draw.coin())
    g.angles_rad[0] = static_cast<double>(draw.integer(-4, 8)) * std::numbers::pi / 4;
  g.detectors = draw.integer(1, 2 * draw.size());
  g.pitch = draw.uniform(0.3, 2.5);
  g.pixel_size = draw.coin() ? 1 : draw.uniform(0.2, 3);
  if (draw.coin()) g.centre = draw.uniform(-2, static_cast<double>(g.detectors) + 1);
  const double radius =
      g.pixel_size *
      std::hypot(static_cast<double>(image[1] + 1), static_cast<double>(image[2] + 1)) / 2;
  g.source_distance = radius * draw.uniform(1.001, 6);
  g.detector_distance = draw.coin() ? 0 : radius * draw.uniform(0, 5);
  return Tomography<T>(g, image);
}

template <class T>
std::vector<Family<T>> real_families() {
  using Kind = TomographyGeometry::Kind;
  std::vector<Family<T>> list;
  list.push_back({"identity", [](Draw& d) { return Identity<T>(d.image()); }, 1.0 + 1e-9});
  list.push_back({"mask",
                  [](Draw& d) {
                    const Shape s = d.image();
                    return Mask<T>(d.normal<T>(d.coin() ? s : Shape(s.begin() + 1, s.end())), s);
                  },
                  1.0 + 1e-9});
  list.push_back(
      {"differences",
       [](Draw& d) {
         return FiniteDifference<T>(d.coin() ? d.image() : Shape{d.length(), d.length()});
       },
       1.0 + 1e-9});
  list.push_back({"wavelet",
                  [](Draw& d) {
                    return Wavelet<T>(d.integer(1, 10), d.integer(1, 4),
                                      d.coin() ? d.image() : Shape{d.length(), d.length()});
                  },
                  1.0 + 1e-4});
  list.push_back(
      {"per channel", [](Draw& d) {
         const Shape s = d.image(), plane(s.begin() + 1, s.end());
         std::vector<LinearOperator<T>> parts;
         for (Index c = 0; c < s[0]; ++c)
           parts.emplace_back(Blur<T>(d.normal<T>(Shape{3, 2}), plane, Boundary::circular));
         return PerChannel<T>(std::move(parts));
       }});
  const std::pair<const char*, Boundary> boundaries[] = {{"circular", Boundary::circular},
                                                         {"zero", Boundary::zero},
                                                         {"reflect", Boundary::reflect},
                                                         {"replicate", Boundary::replicate}};
  for (const auto& [name, boundary] : boundaries) {
    const bool exact = boundary == Boundary::circular;
    for (const bool nonnegative : {true, false}) {
      const double sharpness = exact ? 1.0 + 1e-8 : nonnegative ? 1.02 : 0;
      list.push_back(
          {std::string("blur ") + name + (nonnegative ? ", kernel >= 0" : ", any kernel"),
           [b = boundary, nonnegative](Draw& d) { return random_blur<T>(d, b, nonnegative); },
           sharpness});
    }
  }
  list.push_back({"tomography parallel",
                  [](Draw& d) { return random_tomography<T>(d, Kind::parallel); }, 1.3});
  list.push_back(
      {"tomography fan", [](Draw& d) { return random_tomography<T>(d, Kind::fan); }, 1.3});
  list.push_back({"A * B", [](Draw& d) {
                    const Shape s = d.image();
                    return FiniteDifference<T>(s) * Mask<T>(d.normal<T>(s));
                  }});
  list.push_back(
      {"adjoint", [](Draw& d) { return adjoint(FiniteDifference<T>(d.image())); }, 1.0 + 1e-9});
  list.push_back(
      {"A + B", [](Draw& d) {
         const Shape s = d.image();
         return Mask<T>(d.normal<T>(s)) + Blur<T>(d.normal<T>(Shape{2, 3}), s, Boundary::reflect);
       }});
  list.push_back({"scaled",
                  [](Draw& d) {
                    const double factor = d.uniform(-3, 3);
                    return factor * FiniteDifference<T>(d.image());
                  },
                  1.0 + 1e-9});
  list.push_back({"stack, equal ranges", [](Draw& d) {
                    const Shape s = d.image();
                    return stack(Mask<T>(d.normal<T>(s)), Identity<T>(s));
                  }});
  list.push_back({"stack, mixed ranges", [](Draw& d) {
                    const Shape s = d.image();
                    return stack<T, T>({Identity<T>(s), FiniteDifference<T>(s)});
                  }});
  list.push_back({"normal equations", [](Draw& d) {
                    const LinearOperator<T> A = random_tomography<T>(d, Kind::parallel);
                    return adjoint(A) * A + 0.5 * Identity<T>(A.domain());
                  }});
  return list;
}

template <class T>
std::vector<Family<std::complex<T>>> complex_families() {
  using C = std::complex<T>;
  std::vector<Family<C>> list;
  list.push_back({"identity", [](Draw& d) { return Identity<C>(d.image()); }, 1.0 + 1e-9});
  list.push_back({"mask",
                  [](Draw& d) {
                    const Shape s = d.image();
                    return Mask<C>(d.normal<T>(s), s);
                  },
                  1.0 + 1e-9});
  list.push_back(
      {"differences", [](Draw& d) { return FiniteDifference<C>(d.image()); }, 1.0 + 1e-9});
  list.push_back({"mri, one coil",
                  [](Draw& d) {
                    const Shape s = d.plane();
                    return CartesianMri<T>(random_mask<T>(Shape{s[1], s[2]}, 0.5, d.stream()));
                  },
                  1.0 + 1e-9});
  list.push_back({"mri, any maps", [](Draw& d) {
                    const Shape s = d.plane();
                    const Array<T> mask = random_mask<T>(Shape{s[1], s[2]}, 0.6, d.stream());
                    return CartesianMri<T>(mask, d.normal<C>(Shape{d.integer(1, 4), s[1], s[2]}));
                  }});
  list.push_back({"mri, normalised maps, all sampled",
                  [](Draw& d) {
                    const Shape s = d.plane();
                    return CartesianMri<T>(Array<T>(Shape{s[1], s[2]}, T(1)),
                                           birdcage_maps<T>(d.integer(1, 5), s[1], s[2]));
                  },
                  1.0 + 1e-9});
  list.push_back({"algebra", [](Draw& d) {
                    const Shape s = d.plane();
                    const CartesianMri<T> A(random_mask<T>(Shape{s[1], s[2]}, 0.6, d.stream()),
                                            birdcage_maps<T>(2, s[1], s[2]));
                    const LinearOperator<C> D = FiniteDifference<C>(s);
                    return stack<C, C>({A * Mask<C>(d.normal<T>(s)), -0.3 * D});
                  }});
  return list;
}

/// x real -> x (1 + 2i), a real-linear operator between different spaces.
template <class T>
struct Embedding {
  using Domain = T;
  using Range = std::complex<T>;
  Shape shape;
  Shape domain() const { return shape; }
  Shape range() const { return shape; }
  void apply(ConstView<T> x, View<Range> y) const {
    for (Index i = 0; i < x.size(); ++i) y[i] = Range(x[i], 2 * x[i]);
  }
  void apply_adjoint(ConstView<Range> y, View<T> x) const {
    for (Index i = 0; i < x.size(); ++i) x[i] = y[i].real() + 2 * y[i].imag();
  }
  NormInterval norm_interval() const { return {0, std::sqrt(5.0) * (1 + 1e-15), "closed form"}; }
};

template <class T>
std::vector<Family<T, std::complex<T>>> mixed_families() {
  using C = std::complex<T>;
  return {{"mri of real images",
           [](Draw& d) -> LinearOperator<T, C> {
             const Shape s = d.plane();
             return CartesianMri<T>(random_mask<T>(Shape{s[1], s[2]}, 0.5, d.stream())) *
                    Embedding<T>{s};
           }},
          {"mixed algebra", [](Draw& d) -> LinearOperator<T, C> {
             const Shape s = d.plane();
             const LinearOperator<T, C> E = Embedding<T>{s};
             const LinearOperator<C> D = adjoint(FiniteDifference<C>(s)) * FiniteDifference<C>(s);
             return stack<T, C>({D * E + 2.0 * E, adjoint(adjoint(E))});
           }}};
}

/// Runs check(family, operator) on `count` random operators of every family of every list.
template <class Check>
void for_all(int count, Index size, Check check) {
  const auto run = [&](const auto& families) {
    for (const auto& family : families) {
      for (int i = 0; i < count; ++i) {
        Draw draw(static_cast<std::uint64_t>(i), size);
        const auto A = family.make(draw);
        CAPTURE(family.name);
        CAPTURE(i);
        CAPTURE(to_string(A.domain()));
        CAPTURE(to_string(A.range()));
        check(family, A);
      }
    }
  };
  run(real_families<double>());
  run(complex_families<double>());
  run(mixed_families<double>());
}

template <class X>
Array<X> random_array(const Shape& shape, std::uint64_t seed) {
  Array<X> x(shape);
  fill_normal<X>(x, Rng(seed).stream("array"));
  return x;
}

template <class X>
bool same_bits(const Array<X>& a, const Array<X>& b) {
  return a.shape() == b.shape() &&
         (a.size() == 0 ||
          std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(X)) == 0);
}

/// ||a - b|| <= tolerance max(||a||, ||b||).
template <class X>
bool close(const Array<X>& a, const Array<X>& b, double tolerance) {
  return distance(a, b) <= tolerance * std::max(norm(a), norm(b));
}

}  // namespace

TEST_CASE("operators: the adjoint is exact on 200 random shapes of each family") {
  // Small ones, so that few different FFT plans are made; larger ones follow below.
  for_all(200, 12, [](const auto&, const auto& A) { CHECK(adjoint_error(A, 1) <= 1e-12); });
}

TEST_CASE("operators: adjoint and dense matrix agree, and the norm lies in its interval") {
  for_all(40, 5, [](const auto& family, const auto& A) {
    const Eigen::MatrixXd matrix = fejer_test::dense(A);
    const double size = fejer::spectral_norm(matrix);
    // A few roundings per element of products of at most some hundred terms.
    CHECK((fejer_test::dense_adjoint(A) - matrix.transpose()).cwiseAbs().maxCoeff() <=
          1e-13 * (1 + size));
    const NormInterval& interval = A.norm_interval();
    CAPTURE(interval.how);
    CHECK(std::isfinite(interval.upper));
    CHECK(size <= interval.upper * (1 + 1e-13) + 1e-14);  // the rounding of the test's SVD
    CHECK(interval.lower <= size * (1 + 1e-12) + 1e-14);
    if (family.sharpness > 0) CHECK(interval.upper <= family.sharpness * size + 1e-13);
    CHECK(!interval.how.empty());
  });
}

TEST_CASE("operators: linear, outputs overwritten, inputs untouched, normal = A*A") {
  for_all(20, 16, [](const auto&, const auto& A) {
    using Handle = std::remove_cvref_t<decltype(A)>;
    using X = typename Handle::Domain;
    using Y = typename Handle::Range;
    const Array<X> x = random_array<X>(A.domain(), 1), z = random_array<X>(A.domain(), 2);
    const Array<Y> y = random_array<Y>(A.range(), 3);
    const Array<X> x_before(x);
    const Array<Y> y_before(y);
    Array<X> sum(A.domain());
    combine<X>(2, x, -3, z, sum);
    const Array<Y> Ax = A.apply(x), Az = A.apply(z);
    Array<Y> expected(A.range());
    combine<Y>(2, Ax, -3, Az, expected);
    const double size = 2 * norm(Ax) + 3 * norm(Az);
    CHECK(distance(A.apply(sum), expected) <= 1e-13 * size);

    Array<Y> out(A.range(), Y(std::numeric_limits<Real<Y>>::quiet_NaN()));
    A.apply(x, out);
    CHECK(same_bits(out, Ax));
    Array<X> back(A.domain(), X(std::numeric_limits<Real<X>>::quiet_NaN()));
    A.apply_adjoint(y, back);
    CHECK(same_bits(back, A.apply_adjoint(y)));
    A.normal(x, back);
    CHECK(distance(back, A.apply_adjoint(Ax)) <=
          1e-13 * (norm(back) + A.norm_interval().upper * norm(Ax)));
    CHECK(same_bits(x, x_before));
    CHECK(same_bits(y, y_before));
  });
}

TEST_CASE("operators: the same bits for 1, 2 and 4 threads") {
  // Large enough that loops are cut into several pieces.
  for_all(2, 300, [](const auto&, const auto& A) {
    using Handle = std::remove_cvref_t<decltype(A)>;
    using X = typename Handle::Domain;
    using Y = typename Handle::Range;
    const Array<X> x = random_array<X>(A.domain(), 1);
    const Array<Y> y = random_array<Y>(A.range(), 2);
    CHECK(adjoint_error(A, 1) <= 1e-12);
    Array<Y> Ax;
    Array<X> Aty, AtAx(A.domain());
    {
      const ScopedThreads one(1);
      Ax = A.apply(x);
      Aty = A.apply_adjoint(y);
      A.normal(x, AtAx);
    }
    for (const int threads : {2, 4}) {
      const ScopedThreads several(threads);
      Array<X> again(A.domain());
      A.normal(x, again);
      CHECK(same_bits(A.apply(x), Ax));
      CHECK(same_bits(A.apply_adjoint(y), Aty));
      CHECK(same_bits(again, AtAx));
    }
  });
}

namespace {

template <class X>
auto in_float(const Array<X>& x) {
  using F = std::conditional_t<is_complex<X>, std::complex<float>, float>;
  Array<F> out(x.shape());
  for (Index i = 0; i < x.size(); ++i) out[i] = F(x[i]);
  return out;
}

/// Families of equal position in the two lists, made from equal draws.
template <class Wide, class Narrow>
void compare_precisions(const Wide& wide, const Narrow& narrow) {
  REQUIRE(wide.size() == narrow.size());
  for (std::size_t f = 0; f < wide.size(); ++f) {
    for (std::uint64_t i = 0; i < 10; ++i) {
      CAPTURE(wide[f].name);
      CAPTURE(i);
      Draw draw(i, 20), same(i, 20);
      const auto A = wide[f].make(draw);
      const auto B = narrow[f].make(same);
      using X = typename std::remove_cvref_t<decltype(A)>::Domain;
      const Array<X> x = random_array<X>(A.domain(), 1), y = random_array<X>(A.range(), 2);
      const double size = A.norm_interval().upper;
      // Rounding of the parameters and of sums of some hundred terms, 6e-8 each.
      CHECK(distance(in_float(A.apply(x)), B.apply(in_float(x))) <= 3e-6 * size * norm(x));
      CHECK(distance(in_float(A.apply_adjoint(y)), B.apply_adjoint(in_float(y))) <=
            3e-6 * size * norm(y));
      CHECK(B.norm_interval().upper == doctest::Approx(size).epsilon(1e-3));
      CHECK(adjoint_error(B) <= 1e-5);
    }
  }
}

}  // namespace

TEST_CASE("operators: float agrees with double") {
  compare_precisions(real_families<double>(), real_families<float>());
  compare_precisions(complex_families<double>(), complex_families<float>());
}
