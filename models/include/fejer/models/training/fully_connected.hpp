#pragma once
/// y = W x + b for columns of x.
#include <fejer/array.hpp>

namespace fejer {

/// W (out, in), b (out), x (in, B) and y (out, B): one column a sample.
void fully_connected(const Array<double>& weights, const Array<double>& bias, ConstView<double> x,
                     View<double> y);
/// gx = W^T g; the gradients of <g, y> for W and b are added to gw and gb.
void fully_connected_vjp(const Array<double>& weights, ConstView<double> x, ConstView<double> g,
                         View<double> gx, View<double> gw, View<double> gb);

}  // namespace fejer
