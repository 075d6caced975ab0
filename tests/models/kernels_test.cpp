#include "kernels.hpp"

#include <cmath>
#include <complex>
#include <cstdlib>
#include <vector>

#include <doctest/doctest.h>
#include <fejer/models/convolution.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

template <class T>
Array<T> pairs(const Array<T>& offset, const Array<T>& slope) {
  Array<T> result(Shape{offset.size(), 2});
  for (Index i = 0; i < offset.size(); ++i) {
    result[2 * i] = offset[i];
    result[2 * i + 1] = slope[i];
  }
  return result;
}

/// Largest difference of the two convolutions, relative to the root of the number of terms.
template <class T>
double convolution_difference(Index block, Index k, Index columns) {
  const Index in = 3, rows = 5, stride = columns + k + 3;
  const Array<T> x = random_array<T>({in, rows + k, stride}, "x");
  const Array<T> w = random_array<T>({in, k, k, block}, "w"), bias = random_array<T>({block}, "b");
  Array<T> y[2] = {Array<T>(Shape{block, rows, columns}), Array<T>(Shape{block, rows, columns})};
  const detail::Kernels<T>* sets[] = {&detail::generic_kernels<T>(),
                                      detail::avx2_kernels_if_supported<T>()};
  const Index plane = (rows + k) * stride, taps = k * k * block;
  for (int i = 0; i < 2; ++i) {
    const auto convolve = [&](Index first, Index count, const T* start, Array<T>& to) {
      sets[i]->convolve({x.data() + first * plane, stride, plane, count, k, k,
                         w.data() + first * taps, start, to.data(), columns, rows * columns, rows,
                         columns, static_cast<int>(block)});
    };
    convolve(0, in, bias.data(), y[i]);
    Array<T> in_parts(y[i].shape());
    convolve(0, 1, bias.data(), in_parts);
    convolve(1, in - 1, nullptr, in_parts);
    CHECK(same_bits(in_parts, y[i]));
  }
  return largest_difference(y[0], y[1]) / std::sqrt(static_cast<double>(in * k * k));
}

template <class T>
void compare(double rounding) {
  for (const Index block : {1, 2, 3, 4, 6})
    for (const Index k : {1, 3, 5, 7, 9})
      for (const Index columns : {1, 7, 8, 30, 64, 101}) {
        CAPTURE(block);
        CAPTURE(k);
        CAPTURE(columns);
        CHECK(convolution_difference<T>(block, k, columns) < rounding);
      }
  const auto& generic = detail::generic_kernels<T>();
  const auto& avx2 = *detail::avx2_kernels_if_supported<T>();
  const Array<T> x = random_array<T>({203}, "t", 3);
  const Array<T> offset = random_array<T>({9}, "offset"), slope = random_array<T>({9}, "slope");
  const Array<T> lines = pairs(offset, slope);
  const detail::SplineTask<T> task{offset.data(), slope.data(), lines.data(), T(2),
                                   T(4),          T(8),         T(0.5)};
  Array<T> y[2] = {Array<T>(x.shape()), Array<T>(x.shape())}, s[2] = {y[0], y[0]};
  generic.spline(task, x.size(), x.data(), y[0].data(), s[0].data());
  avx2.spline(task, x.size(), x.data(), y[1].data(), s[1].data());
  CHECK(largest_difference(y[0], y[1]) < 20 * rounding);
  CHECK(largest_difference(s[0], s[1]) == 0);
  const Array<double> q = random_array({3, 9}, "q");
  const detail::PotentialTask<T> potential{q.data(), q.data() + 9, q.data() + 18, T(2), T(4),
                                           T(8),     1.5};
  const double a = generic.potential(potential, x.size(), x.data());
  CHECK(avx2.potential(potential, x.size(), x.data()) == doctest::Approx(a).epsilon(1e-12));
}

/// Lines of the transforms against their definition.
template <class T>
void check_transforms(const detail::Kernels<T>& set, double rounding) {
  for (const detail::TileKernels<T>& run : set.tiles) {
    const Index n = run.size, lanes = run.lanes, radix = n / 16;
    std::vector<T> twiddles;
    const auto root = [&](Index product, Index period) {
      return std::polar(1.0, -2 * 3.14159265358979323846 * static_cast<double>(product) /
                                 static_cast<double>(period));
    };
    const auto add = [&](std::complex<double> w) {
      twiddles.push_back(static_cast<T>(w.real()));
      twiddles.push_back(static_cast<T>(w.imag()));
    };
    for (Index j = 0; j < 16; ++j)
      for (Index m = 1; m < radix; ++m) add(root(j * m, n));
    for (Index j = 0; j < 4; ++j)
      for (Index m = 1; m < 4; ++m) add(root(j * m, 16));
    const Array<T> x = random_array<T>({2, n, lanes}, "line");
    Array<T> line = x;
    run.forward_line(twiddles.data(), line.data());
    double apart = 0;
    for (Index lane = 0; lane < lanes; ++lane)
      for (Index place = 0; place < n; ++place) {
        const Index k = place / 16 + radix * (place / 4 % 4 + 4 * (place % 4));
        std::complex<double> sum = 0;
        for (Index i = 0; i < n; ++i)
          sum += root(k * i % n, n) *
                 std::complex<double>(static_cast<double>(x[i * lanes + lane]),
                                      static_cast<double>(x[(n + i) * lanes + lane]));
        const std::complex<double> found(static_cast<double>(line[place * lanes + lane]),
                                         static_cast<double>(line[(n + place) * lanes + lane]));
        apart = std::max(apart, std::abs(sum - found));
      }
    CHECK(apart < 30 * rounding);
    run.inverse_line(twiddles.data(), line.data());
    for (T& v : line) v /= static_cast<T>(n);
    CHECK(largest_difference(line, x) < 10 * rounding);
  }
}

}  // namespace

TEST_CASE("transforms of lines, by all sets of kernels") {
  check_transforms(detail::generic_kernels<float>(), 1e-6);
  check_transforms(detail::generic_kernels<double>(), 1e-15);
  if (detail::avx2_kernels_if_supported<float>() == nullptr) return;
  check_transforms(*detail::avx2_kernels_if_supported<float>(), 1e-6);
  check_transforms(*detail::avx2_kernels_if_supported<double>(), 1e-15);
}

TEST_CASE("generic and AVX2 kernels agree to rounding") {
  if (detail::avx2_kernels_if_supported<float>() == nullptr) {
    MESSAGE("skipped: this processor or build has no AVX2 and FMA");
    CHECK(std::string(kernel_name()) == "generic");
    return;
  }
  if (std::getenv("FEJER_KERNELS") == nullptr) CHECK(std::string(kernel_name()) == "avx2+fma");
  compare<float>(2e-6);
  compare<double>(4e-15);
}

namespace {

/// Everything that a set of kernels computes from the same random numbers, one after the other.
template <class T>
std::vector<Array<T>> all_results(const detail::Kernels<T>& run) {
  std::vector<Array<T>> results;
  const auto result = [&](const Shape& s) { return results.emplace_back(s).data(); };
  const Index rows = 5, row = 160, in = 3;
  for (const Index k : {1, 3, 5, 7, 9})
    for (const Index columns : {1, 7, 16, 45, 130}) {
      const Array<T> x = random_array<T>({in, rows + k, row}, "x");
      for (const Index block : {1, 2, 3, 4, 6}) {
        const Array<T> w = random_array<T>({in, k, k, block}, "w"),
                       b = random_array<T>({block}, "b");
        run.convolve({x.data(), row, (rows + k) * row, in, k, k, w.data(), b.data(),
                      result({block, rows, columns}), columns, rows * columns, rows, columns,
                      static_cast<int>(block)});
      }
      Array<T> g = random_array<T>({11, rows, row}, "g");
      for (Index i = 0; i < 11 * rows; ++i)
        for (Index j = columns; j < row; ++j) g[i * row + j] = 0;
      run.correlate({g.data(), row, rows * row, x.data(), row, (rows + k) * row, 11, in, k, k, rows,
                     columns, result({11, in, k, k})});
    }
  const Array<T> x = random_array<T>({203}, "t", 3), g = random_array<T>({203}, "cotangent");
  for (const Index cells : {3, 9, 22, 102}) {
    const Array<T> offset = random_array<T>({cells}, "offset"),
                   slope = random_array<T>({cells}, "s");
    const auto last = static_cast<T>(cells - 1);
    const Array<T> lines = pairs(offset, slope);
    const detail::SplineTask<T> task{offset.data(), slope.data(), lines.data(), last / 6,
                                     last / 2,      last,         T(0.5)};
    T* const y = result(x.shape());
    run.spline(task, x.size(), x.data(), y, result(x.shape()));
    Array<double> sums(Shape{detail::sum_parts, cells, 2});
    run.spline_sums(task, x.size(), x.data(), g.data(), result(x.shape()), sums.data());
    T* const kept = result(sums.shape());
    for (Index i = 0; i < sums.size(); ++i) kept[i] = static_cast<T>(sums[i]);
    const Array<double> q = random_array({3, cells}, "q");
    *result({1}) = static_cast<T>(run.potential(
        {q.data(), q.data() + cells, q.data() + 2 * cells, last / 6, last / 2, last, 1.5}, x.size(),
        x.data()));
  }
  for (int pieces = 2; pieces <= detail::most_pieces; ++pieces) {
    const Array<double> q = random_array({3, 8}, "q");
    const Array<T> lines = random_array<T>({2, 8}, "lines");
    double breaks[8];
    T breaks_t[8];
    for (int i = 0; i < 8; ++i) breaks_t[i] = static_cast<T>(breaks[i] = i - pieces / 2);
    T* const y = result(x.shape());
    run.pieces({pieces, breaks_t, lines.data(), lines.data() + 8, T(1.5), T(0.75)}, x.size(),
               x.data(), y, result(x.shape()));
    *result({1}) = static_cast<T>(run.potential_pieces(
        {pieces, breaks, q.data(), q.data() + 8, q.data() + 16, 1.5}, x.size(), x.data()));
  }
  return results;
}

template <class T>
void same_bits_with_avx512() {
  const auto narrow = all_results(*detail::avx2_kernels_if_supported<T>());
  const auto wide = all_results(*detail::avx512_kernels_if_supported<T>());
  REQUIRE(narrow.size() == wide.size());
  for (std::size_t i = 0; i < narrow.size(); ++i) {
    CAPTURE(i);
    CHECK(same_bits(narrow[i], wide[i]));
  }
}

}  // namespace

TEST_CASE("AVX2 and AVX-512 kernels give the same bits") {
  if (detail::avx512_kernels_if_supported<float>() == nullptr) {
    MESSAGE("skipped: this processor or build has no AVX-512");
    return;
  }
  same_bits_with_avx512<float>();
  same_bits_with_avx512<double>();
}

TEST_CASE("the cell of a spline stays inside the table for NaN and infinity") {
  const Array<float> offset(Shape{3}, 1.0F), slope(Shape{3}, 0.0F);
  const Array<float> lines = pairs(offset, slope);
  const detail::SplineTask<float> task{offset.data(), slope.data(), lines.data(), 1, 1, 2, 1};
  const float inf = std::numeric_limits<float>::infinity();
  const float x[] = {inf, -inf, std::nanf(""), 1e30F, -1e30F, 0, 0, 0, inf};
  for (const auto* set : {&detail::generic_kernels<float>(), &detail::kernels<float>(),
                          detail::avx512_kernels_if_supported<float>()}) {
    if (set == nullptr) continue;
    float y[9], s[9];
    set->spline(task, 9, x, y, s);
    for (const float v : s) CHECK(v == 0);
    CHECK(y[3] == 1);
    CHECK(std::isnan(y[2]));
  }
}
