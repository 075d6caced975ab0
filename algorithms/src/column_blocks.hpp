#pragma once
/// Products over samples in blocks of fixed size, added in order: the same bits for any number of
/// threads.
#include <vector>

#include <fejer/algorithms/matrix_product.hpp>
#include <fejer/algorithms/weight_groups.hpp>
#include <fejer/eigen.hpp>
#include <fejer/parallel.hpp>

namespace fejer::detail {

using RowMatrix = DenseMatrix<double>;

/// This block of a matrix.
template <class M>
auto part(M&& w, const WeightBlock& b) {
  return w.block(b.row, b.column, b.rows, b.columns);
}

constexpr Index column_block = 1024;

inline void for_column_blocks(Index n, FunctionRef<void(Index, Index)> body) {
  parallel_for(n, column_block, body);
}

/// Sum of part(begin, end), an Eigen expression's value, over the blocks of [0, n), n > 0.
template <class Part>
auto sum_column_blocks(Index n, const Part& part) {
  using Value = decltype(part(Index{0}, Index{1}));
  std::vector<Value> parts(static_cast<std::size_t>((n + column_block - 1) / column_block));
  for_column_blocks(n, [&](Index begin, Index end) {
    parts[static_cast<std::size_t>(begin / column_block)] = part(begin, end);
  });
  for (std::size_t i = 1; i < parts.size(); ++i) parts[0] += parts[i];
  return parts[0];
}

}  // namespace fejer::detail
