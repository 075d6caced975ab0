#include <fejer/array.hpp>

namespace fejer {

void Shape::push_back(Index length) {
  if (rank_ == max_rank) throw ShapeError("Shape: more than 8 axes");
  if (length < 0) throw ShapeError("Shape: a length is negative: " + std::to_string(length));
  lengths_[static_cast<std::size_t>(rank_++)] = length;
}

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (int i = 0; i < shape.rank(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(shape[i]);
  }
  text += ')';
  return text;
}

void require_shape(const char* where, const Shape& got, const Shape& expected) {
  if (got == expected) return;
  std::string message = where;
  message += ": got " + to_string(got) + ", expected " + to_string(expected);
  throw ShapeError(message);
}

}  // namespace fejer
