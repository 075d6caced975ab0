#pragma once
#include <fejer/array.hpp>

namespace fejer {

/// Rigorous upper end of |H(w)| = |sum_k h[k] exp(-i<k,w>)| over all real frequencies w.
double symbol_supremum(ConstView<double> kernel);

/// The least n' >= n whose only prime factors are 2, 3, 5 and 7; from 64 on also a multiple of 16,
/// since transforms of odd lengths are about three times slower per point (measured).
Index fast_fft_length(Index n);

}  // namespace fejer
