#pragma once
/// Dense row-major arrays of any rank. Images are (C,H,W), batches (N,C,H,W), volumes (C,D,H,W).
/// Array owns (64-byte aligned), View and ConstView borrow. Outputs never alias inputs.
#include <array>
#include <complex>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <string>
#include <type_traits>

#include <fejer/error.hpp>

namespace fejer {

using Index = std::ptrdiff_t;

template <class X>
struct RealOf {
  using type = X;
};
template <class T>
struct RealOf<std::complex<T>> {
  using type = T;
};
/// float for float and complex<float>, double for double and complex<double>.
template <class X>
using Real = typename RealOf<X>::type;
template <class X>
inline constexpr bool is_complex = !std::is_same_v<X, Real<X>>;

/// The lengths of the axes, slowest first; at most 8 of them, each >= 0.
class Shape {
 public:
  static constexpr int max_rank = 8;
  Shape() = default;
  Shape(std::initializer_list<Index> lengths) : Shape(lengths.begin(), lengths.end()) {}
  template <class Iterator>
  Shape(Iterator first, Iterator last) {
    for (; first != last; ++first) push_back(static_cast<Index>(*first));
  }
  int rank() const { return rank_; }
  /// Product of the lengths; 1 for rank 0.
  Index size() const {
    Index n = 1;
    for (int i = 0; i < rank_; ++i) n *= lengths_[static_cast<std::size_t>(i)];
    return n;
  }
  Index operator[](int axis) const { return lengths_[static_cast<std::size_t>(axis)]; }
  /// Length of an axis counted from the last: back(0) is the width of an image.
  Index back(int axis) const { return (*this)[rank_ - 1 - axis]; }
  const Index* begin() const { return lengths_.data(); }
  const Index* end() const { return lengths_.data() + rank_; }
  /// Appends an axis; throws ShapeError beyond max_rank or for a negative length.
  void push_back(Index length);
  friend bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a[i] != b[i]) return false;
    return true;
  }

 private:
  std::array<Index, max_rank> lengths_{};
  int rank_ = 0;
};

/// "(1,256,256)".
std::string to_string(const Shape& shape);
/// Throws ShapeError "<where>: got (..), expected (..)" when the two differ.
void require_shape(const char* where, const Shape& got, const Shape& expected);

template <class T>
class Array;

/// Borrowed, writable. Cannot be made from a temporary Array.
template <class T>
class View {
 public:
  View(T* data, const Shape& shape) : data_(data), shape_(shape) {}
  View(Array<T>& array) : data_(array.data()), shape_(array.shape()) {}
  View(Array<T>&&) = delete;
  T* data() const { return data_; }
  const Shape& shape() const { return shape_; }
  Index size() const { return shape_.size(); }
  T& operator[](Index i) const { return data_[i]; }
  T* begin() const { return data_; }
  T* end() const { return data_ + size(); }
  /// The i-th slice along the first axis.
  View slice(Index i) const {
    const Shape rest(shape_.begin() + 1, shape_.end());
    return {data_ + i * rest.size(), rest};
  }
  View reshaped(const Shape& shape) const {
    require_shape("reshaped (number of elements)", Shape{shape.size()}, Shape{size()});
    return {data_, shape};
  }

 private:
  T* data_;
  Shape shape_;
};

/// Borrowed, read only. Cannot be made from a temporary Array.
template <class T>
class ConstView {
 public:
  ConstView(const T* data, const Shape& shape) : data_(data), shape_(shape) {}
  ConstView(const Array<T>& array) : data_(array.data()), shape_(array.shape()) {}
  ConstView(Array<T>&&) = delete;
  ConstView(const View<T>& view) : data_(view.data()), shape_(view.shape()) {}
  const T* data() const { return data_; }
  const Shape& shape() const { return shape_; }
  Index size() const { return shape_.size(); }
  const T& operator[](Index i) const { return data_[i]; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size(); }
  /// The i-th slice along the first axis.
  ConstView slice(Index i) const {
    const Shape rest(shape_.begin() + 1, shape_.end());
    return {data_ + i * rest.size(), rest};
  }
  ConstView reshaped(const Shape& shape) const {
    require_shape("reshaped (number of elements)", Shape{shape.size()}, Shape{size()});
    return {data_, shape};
  }

 private:
  const T* data_;
  Shape shape_;
};

/// Owning, 64-byte aligned, row-major; elements start at zero.
template <class T>
class Array {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Array() = default;
  explicit Array(const Shape& shape) : shape_(shape), data_(allocate(shape.size())) {
    if (size() > 0) std::memset(static_cast<void*>(data_.get()), 0, bytes());
  }
  Array(const Shape& shape, T value) : shape_(shape), data_(allocate(shape.size())) {
    for (Index i = 0; i < size(); ++i) data_[static_cast<std::size_t>(i)] = value;
  }
  explicit Array(ConstView<T> view) : shape_(view.shape()), data_(allocate(view.size())) {
    if (size() > 0) std::memcpy(static_cast<void*>(data_.get()), view.data(), bytes());
  }
  explicit Array(const View<T>& view) : Array(ConstView<T>(view)) {}
  Array(const Array& other) : Array(ConstView<T>(other)) {}
  Array(Array&& other) noexcept : shape_(other.shape_), data_(std::move(other.data_)) {
    other.shape_ = Shape{0};
  }
  Array& operator=(Array other) noexcept {
    std::swap(shape_, other.shape_);
    std::swap(data_, other.data_);
    return *this;
  }
  ~Array() = default;

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  const Shape& shape() const { return shape_; }
  Index size() const { return shape_.size(); }
  T& operator[](Index i) { return data_[static_cast<std::size_t>(i)]; }
  const T& operator[](Index i) const { return data_[static_cast<std::size_t>(i)]; }
  T* begin() { return data(); }
  T* end() { return data() + size(); }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size(); }
  View<T> slice(Index i) & { return View<T>(*this).slice(i); }
  ConstView<T> slice(Index i) const& { return ConstView<T>(*this).slice(i); }
  /// The same elements under another shape of the same size.
  Array reshaped(const Shape& shape) && {
    require_shape("reshaped (number of elements)", Shape{shape.size()}, Shape{size()});
    shape_ = shape;
    return std::move(*this);
  }

 private:
  struct Free {
    void operator()(T* p) const { std::free(static_cast<void*>(p)); }
  };
  std::size_t bytes() const { return static_cast<std::size_t>(size()) * sizeof(T); }
  static T* allocate(Index n) {
    if (n == 0) return nullptr;
    const std::size_t bytes = (static_cast<std::size_t>(n) * sizeof(T) + 63) / 64 * 64;
    void* p = std::aligned_alloc(64, bytes);
    if (p == nullptr) throw std::bad_alloc();
    return static_cast<T*>(p);
  }

  Shape shape_{0};
  std::unique_ptr<T[], Free> data_;
};

}  // namespace fejer
