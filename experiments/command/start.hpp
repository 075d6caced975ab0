#pragma once
/// Where iterations start, in the unit of the data.
#include <string>

#include <fejer/operators/measurement.hpp>

namespace fejer::command {

template <class X>
struct Start {
  Array<X> image;
  std::string name;  ///< "measurement", "zero-filled", "FBP" or "init"
};

/// `init` where it is not empty; otherwise the data (denoise, blur, inpaint), A* y (mri) or
/// filtered back-projection (ct).
template <class X>
Start<X> start_value(const Measurement& m, const LinearOperator<X>& A, const std::string& init);

/// noise_level times the root of the number of measured real components: the expected norm of the
/// noise. 0 where the noise level is.
double noise_norm(const Measurement& m);

}  // namespace fejer::command
