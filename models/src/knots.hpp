#pragma once
#include <fejer/array.hpp>

namespace fejer::detail {

/// Throws unless values and knots are (C, N), C >= 1, N >= 2, finite, with increasing rows of
/// knots.
void check_knots(const char* where, const Array<double>& values, const Array<double>& knots);

}  // namespace fejer::detail
