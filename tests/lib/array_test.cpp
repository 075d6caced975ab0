#include <fejer/array.hpp>

#include <cstdint>
#include <type_traits>

#include <doctest/doctest.h>
#include <fejer/eigen.hpp>

using namespace fejer;

// A view cannot outlive the array that it was made from, at least not this easily.
static_assert(!std::is_constructible_v<View<float>, Array<float>>);
static_assert(!std::is_constructible_v<ConstView<float>, Array<float>>);
static_assert(std::is_constructible_v<View<float>, Array<float>&>);
static_assert(std::is_constructible_v<ConstView<float>, const Array<float>&>);
static_assert(std::is_constructible_v<ConstView<float>, View<float>>);
static_assert(!std::is_constructible_v<View<float>, const Array<float>&>);
static_assert(!std::is_constructible_v<View<float>, ConstView<float>>);
template <class A>
concept CanSlice = requires(A a) {
  static_cast<A>(a).slice(0);
};
static_assert(CanSlice<Array<float>&>);
static_assert(CanSlice<const Array<float>&>);

static_assert(std::is_same_v<Real<std::complex<float>>, float>);
static_assert(std::is_same_v<Real<double>, double>);
static_assert(is_complex<std::complex<double>> && !is_complex<double>);
static_assert(std::is_nothrow_move_constructible_v<Array<float>>);

TEST_CASE("a shape knows its axes, its size and its text") {
  const Shape shape{2, 3, 5};
  CHECK(shape.rank() == 3);
  CHECK(shape.size() == 30);
  CHECK(shape[1] == 3);
  CHECK(shape.back(0) == 5);
  CHECK(shape.back(2) == 2);
  CHECK(to_string(shape) == "(2,3,5)");
  CHECK(Shape{}.size() == 1);
  CHECK(to_string(Shape{}) == "()");
  CHECK(Shape{3, 4} != Shape{3, 4, 1});
  CHECK(Shape{3, 4} != Shape{4, 3});
  CHECK(Shape(shape.begin() + 1, shape.end()) == Shape{3, 5});
}

TEST_CASE("a shape refuses negative lengths and more than eight axes") {
  CHECK_THROWS_WITH_AS((Shape{2, -1}), "Shape: a length is negative: -1", ShapeError);
  CHECK_THROWS_AS((Shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), ShapeError);
  CHECK_NOTHROW((Shape{1, 1, 1, 1, 1, 1, 1, 1}));
}

TEST_CASE("require_shape says where, what and what was expected") {
  CHECK_NOTHROW(require_shape("f", Shape{2}, Shape{2}));
  CHECK_THROWS_WITH_AS(require_shape("f", Shape{1, 7, 8}, Shape{1, 8, 8}),
                       "f: got (1,7,8), expected (1,8,8)", ShapeError);
}

TEST_CASE_TEMPLATE("arrays are aligned, start at zero, copy deeply and move cheaply", T, float,
                   double, std::complex<float>, std::complex<double>) {
  Array<T> a(Shape{3, 7});
  CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % 64 == 0);
  for (const T& value : a) CHECK(value == T(0));
  a[5] = T(2);
  Array<T> copy(a);
  copy[5] = T(3);
  CHECK(a[5] == T(2));
  const T* data = a.data();
  const Array<T> moved(std::move(a));
  CHECK(moved.data() == data);
  CHECK(moved.shape() == Shape{3, 7});
  copy = moved;
  CHECK(copy[5] == T(2));
  CHECK(copy.data() != moved.data());
  const Array<T> filled(Shape{4}, T(7));
  CHECK(filled[3] == T(7));
}

TEST_CASE("empty arrays are fine") {
  const Array<float> none, zero(Shape{3, 0, 2});
  CHECK(none.size() == 0);
  CHECK(zero.size() == 0);
  CHECK(zero.data() == nullptr);
  const Array<float> copy(zero);
  CHECK(copy.shape() == Shape{3, 0, 2});
}

TEST_CASE("slices and reshaped views share memory") {
  Array<double> a(Shape{2, 2, 3});
  for (Index i = 0; i < a.size(); ++i) a[i] = static_cast<double>(i);
  const View<double> second = a.slice(1);
  CHECK(second.shape() == Shape{2, 3});
  CHECK(second[0] == 6);
  second[0] = -1;
  CHECK(a[6] == -1);
  const View<double> rows = View<double>(a).reshaped(Shape{4, 3});
  CHECK(rows.slice(2)[0] == -1);
  CHECK_THROWS_AS(rows.reshaped(Shape{5}), ShapeError);
  const Array<double> flat_array = std::move(a).reshaped(Shape{12});
  CHECK(flat_array.shape() == Shape{12});
  CHECK(flat_array[6] == -1);
}

TEST_CASE("Eigen maps are row-major") {
  Array<double> a(Shape{2, 3});
  as_matrix(View<double>(a))(1, 0) = 5;
  CHECK(a[3] == 5);
  CHECK(flat(ConstView<double>(a)).sum() == 5);
  Array<double> image(Shape{1, 2, 3});
  CHECK_THROWS_WITH_AS(as_matrix(View<double>(image)), "as_matrix: got (1,2,3), expected rank 2",
                       ShapeError);
}
