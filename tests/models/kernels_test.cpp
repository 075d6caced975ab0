#include "kernels.hpp"

#include <cmath>

#include <doctest/doctest.h>
#include <fejer/models/convolution.hpp>

#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

/// Largest difference of the two convolutions, relative to the root of the number of terms.
template <class T>
double convolution_difference(Index block, Index k, Index columns) {
  const Index in = 3, rows = 5, stride = columns + k + 3;
  const Array<T> x = random_array<T>({in, rows + k, stride}, "x");
  const Array<T> w = random_array<T>({in, k, k, block}, "w"), bias = random_array<T>({block}, "b");
  Array<T> y[2] = {Array<T>(Shape{block, rows, columns}), Array<T>(Shape{block, rows, columns})};
  const detail::Kernels<T>* sets[] = {&detail::generic_kernels<T>(),
                                      detail::avx2_kernels_if_supported<T>()};
  for (int i = 0; i < 2; ++i)
    sets[i]->convolve({x.data(), stride, (rows + k) * stride, in, k, k, w.data(), bias.data(),
                       y[i].data(), columns, rows * columns, rows, columns,
                       static_cast<int>(block)});
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
  const detail::SplineTask<T> task{offset.data(), slope.data(), T(2), T(4), T(8), T(0.5)};
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

}  // namespace

TEST_CASE("generic and AVX2 kernels agree to rounding") {
  if (detail::avx2_kernels_if_supported<float>() == nullptr) {
    MESSAGE("skipped: this processor or build has no AVX2 and FMA");
    CHECK(std::string(kernel_name()) == "generic");
    return;
  }
  CHECK(std::string(kernel_name()) == "avx2+fma");
  compare<float>(2e-6);
  compare<double>(4e-15);
}

TEST_CASE("the cell of a spline stays inside the table for NaN and infinity") {
  const Array<float> offset(Shape{3}, 1.0F), slope(Shape{3}, 0.0F);
  const detail::SplineTask<float> task{offset.data(), slope.data(), 1, 1, 2, 1};
  const float inf = std::numeric_limits<float>::infinity();
  const float x[] = {inf, -inf, std::nanf(""), 1e30F, -1e30F, 0, 0, 0, inf};
  for (const auto* set : {&detail::generic_kernels<float>(), &detail::kernels<float>()}) {
    float y[9], s[9];
    set->spline(task, 9, x, y, s);
    for (const float v : s) CHECK(v == 0);
    CHECK(y[3] == 1);
    CHECK(std::isnan(y[2]));
  }
}
