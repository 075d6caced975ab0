#pragma once
/// Where iterations start, in the unit of the data.
#include <string>

#include <fejer/operators/measurement.hpp>

#include "solver.hpp"

namespace fejer::command {

template <class X>
struct Start {
  Array<X> image;
  /// What people see of the measurement: the start itself, but for inpaint the data with holes.
  Array<X> shown;
  std::string name;  ///< of `shown`: "measurement", "zero-filled", "FBP" or "init"
};

/// `init` where it is not empty; otherwise the data (denoise, blur, inpaint), A* y (mri) or
/// filtered back-projection (ct).
template <class X>
Start<X> start_value(const Measurement& m, const LinearOperator<X>& A, const std::string& init);

/// A x = y in the unit that priors see: y / scale, from start / scale.
template <class X>
Problem<X> posed(const Measurement& m, const LinearOperator<X>& A, Array<X> start, double scale);

/// The start value that follows from the data alone, linear in them.
template <class X>
Array<X> start_from(const OperatorSetup& setup, const LinearOperator<X>& A, const Array<X>& data);

/// Elements where the mask (H,W) is zero become means of their neighbours among the 8 that are
/// known, from the rim of a hole inwards.
void fill_holes(View<float> image, const Array<float>& mask);

/// noise_level times the root of the number of measured real components: the expected norm of the
/// noise. 0 where the noise level is.
double noise_norm(const Measurement& m);

}  // namespace fejer::command
