#pragma once
#include <vector>

#include <fejer/array.hpp>

namespace fejer {

/// Filters h of orthonormal wavelets, with sum sqrt 2 and sum_j h_j h_(j+2m) = [m = 0] to rounding.
/// Computed, not tabulated: published tables hold up to eight digits less (coiflets of order 6).
/// All throw ArgumentError outside the ranges stated.

/// Daubechies' filters of extremal phase with 1 to 10 vanishing moments, 2 `moments` values (Comm.
/// Pure Appl. Math. 41 (1988) 909).
std::vector<double> daubechies_filter(Index moments);

/// Symlets, 2 to 9 vanishing moments: of all real filters with the same modulus, the one whose
/// phase is nearest to a line (Daubechies, Ten Lectures on Wavelets, SIAM 1992, section 8.1).
std::vector<double> symlet_filter(Index moments);

/// Coiflets of order 1 to 6, 6 `order` values: 2 `order` vanishing moments of the wavelet and
/// 2 `order` - 1 of the scaling function about place 2 `order` (Daubechies, SIAM J. Math. Anal. 24
/// (1993) 499). Newton's method from the symmetric interpolating filter with these moments, along
/// the filters that keep them.
std::vector<double> coiflet_filter(Index order);

}  // namespace fejer
