#pragma once
/// Splines with a scale for each channel: f_c(alpha_c x) / alpha_c. Slopes and total variation of
/// the slope are those of f; the knots move to t / alpha (Ducotterd et al., JMLR 25 (2024)).
#include <fejer/models/linear_spline.hpp>

namespace fejer {

/// x, y (C, ...), alpha (C) without zeros.
template <class T>
void scaled_values(const LinearSpline<T>& f, const Array<double>& alpha, ConstView<T> x, View<T> y);

/// gx = f'(alpha x) g; added: to `coefficients` (C, N) and `scales` (C) the gradients of <g, y>,
/// the latter sum g (x f'(alpha x) / alpha - f(alpha x) / alpha^2). gx must not be g.
template <class T>
void scaled_vjp(const LinearSpline<T>& f, const Array<double>& alpha, ConstView<T> x,
                ConstView<T> g, View<T> gx, View<double> coefficients, View<double> scales);

}  // namespace fejer
