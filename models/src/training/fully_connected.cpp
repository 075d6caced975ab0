#include <fejer/models/training/fully_connected.hpp>

#include <fejer/algorithms/matrix_product.hpp>
#include <fejer/eigen.hpp>

namespace fejer {

void fully_connected(const Array<double>& weights, const Array<double>& bias, ConstView<double> x,
                     View<double> y) {
  const auto w = as_matrix(ConstView<double>(weights));
  require_shape("fully_connected bias", bias.shape(), Shape{w.rows()});
  require_shape("fully_connected input", x.shape(), Shape{w.cols(), x.shape().back(0)});
  require_shape("fully_connected output", y.shape(), Shape{w.rows(), x.shape()[1]});
  auto out = as_matrix(y);
  out = product<double>(w, as_matrix(x));
  out.colwise() += flat(ConstView<double>(bias)).matrix();
}

void fully_connected_vjp(const Array<double>& weights, ConstView<double> x, ConstView<double> g,
                         View<double> gx, View<double> gw, View<double> gb) {
  const auto w = as_matrix(ConstView<double>(weights));
  require_shape("fully_connected_vjp input", x.shape(), Shape{w.cols(), x.shape().back(0)});
  require_shape("fully_connected_vjp cotangent", g.shape(), Shape{w.rows(), x.shape()[1]});
  require_shape("fully_connected_vjp gradient", gx.shape(), x.shape());
  require_shape("fully_connected_vjp weights", gw.shape(), weights.shape());
  require_shape("fully_connected_vjp bias", gb.shape(), Shape{w.rows()});
  const auto pull = as_matrix(g);
  as_matrix(gx) = transposed_product<double>(w, pull);
  as_matrix(gw) += product_transposed<double>(pull, as_matrix(x));
  flat(gb).matrix() += pull.rowwise().sum();
}

}  // namespace fejer
