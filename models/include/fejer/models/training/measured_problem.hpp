#pragma once
#include <functional>

#include <fejer/array.hpp>
#include <fejer/linear_operator.hpp>
#include <fejer/rng.hpp>

namespace fejer {

/// What measurements are simulated from training images with, in the unit in which images lie in
/// [0,1].
template <class X>
struct MeasuredProblem {
  LinearOperator<X> A;  ///< of images (C,H,W), with a finite bound of its norm
  /// x_0, linear in y: A* y, filtered back-projection, y itself.
  std::function<Array<X>(const Array<X>& y)> start;
  /// Adds noise of standard deviation sigma (per real component) to what is measured of y.
  std::function<void(View<X> y, double sigma, const RandomStream& noise)> add_noise;
};

}  // namespace fejer
