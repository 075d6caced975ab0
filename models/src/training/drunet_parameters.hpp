#pragma once
/// The weights of a DRUNet as parameters of a training.
#include <fejer/models/drunet.hpp>
#include <fejer/models/training/parameters.hpp>

namespace fejer::detail {

/// Adds the weights' gradient to entries that are laid out as the weights.
template <class T>
void add_weights(const DrunetGradient<T>& gradient, Parameters& to) {
  auto entry = to.entries().begin();
  for (const Array<T>& g : gradient.weights) {
    for (Index i = 0; i < g.size(); ++i) entry->value[i] += static_cast<double>(g[i]);
    ++entry;
  }
}

}  // namespace fejer::detail
