#pragma once
#include <fejer/array.hpp>

namespace fejer {

/// Columns of W_l hold what a unit of the layer before gives, rows what a unit of layer l takes.
enum class WeightGroups { columns, rows };

/// A group of a layer's weights (out, in): this block of them.
struct WeightBlock {
  Index row = 0, column = 0, rows = 0, columns = 0;
};

}  // namespace fejer
