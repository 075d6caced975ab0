#pragma once
/// Everything, for programs. Library code includes what it uses.
#include <fejer/algorithms/accelerated_forward_backward.hpp>
#include <fejer/algorithms/conjugate_gradient.hpp>
#include <fejer/algorithms/forward_backward.hpp>
#include <fejer/algorithms/pnp_forward_backward.hpp>
#include <fejer/algorithms/run.hpp>
#include <fejer/algorithms/safeguarded_accelerated_gradient.hpp>
#include <fejer/array.hpp>
#include <fejer/check.hpp>
#include <fejer/denoiser.hpp>
#include <fejer/function.hpp>
#include <fejer/hdf5.hpp>
#include <fejer/image_io.hpp>
#include <fejer/linear_operator.hpp>
#include <fejer/metrics.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>
