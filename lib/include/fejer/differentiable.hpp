#pragma once
/// Differentiable maps with hand-written vector-Jacobian products. Saved values belong to the
/// caller; a linear operator's product is its adjoint.
#include <fejer/array.hpp>

namespace fejer {

/// y = f(x), xbar = f'(x)^T ybar; both outputs are overwritten.
template <class F, class X>
concept DifferentiableMap =
    requires(const F f, ConstView<X> x, View<X> y, ConstView<X> ybar, View<X> xbar) {
      f.forward(x, y);
      f.vjp(x, ybar, xbar);
    };

}  // namespace fejer
