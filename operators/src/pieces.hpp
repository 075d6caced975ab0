#pragma once
#include <algorithm>

#include <fejer/array.hpp>

namespace fejer {

/// How many rows one piece of a parallel loop takes, so that starting it costs little beside
/// `work` elementary operations for each row. Rows are independent: the choice changes no bits.
inline Index rows_per_piece(Index work) {
  return std::max<Index>(1, 16384 / std::max<Index>(1, work));
}

}  // namespace fejer
