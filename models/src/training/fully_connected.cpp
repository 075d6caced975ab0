#include <fejer/models/training/fully_connected.hpp>

#include <string>
#include <utility>

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

namespace {

std::string of_layer(const char* name, std::size_t l) {
  return std::string(name) + std::to_string(l);
}

}  // namespace

template <class T>
const Array<T>& FullyConnectedPass<T>::forward(Array<T> x) {
  values_ = {std::move(x)};
  inputs_.clear();
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    Array<T> u = layers_.linear(l, values_.back());
    if (l < layers_.activated) {
      if (!layers_.splines.empty()) inputs_.push_back(u);
      layers_.activate(l, u, u);
    }
    values_.push_back(std::move(u));
  }
  return values_.back();
}

template <class T>
void FullyConnectedPass<T>::pull_through_activation(std::size_t l, Array<T>& g,
                                                    Parameters& gradient) const {
  if (!layers_.splines.empty()) {
    layers_.splines[l].vjp(inputs_[l], g, g, gradient[of_layer("activation_", l)]);
    return;
  }
  const auto v = flat(ConstView<T>(values_[l + 1]));  // a leaky ReLU keeps the sign
  auto pull = flat(View<T>(g));
  pull = (v > 0).select(pull, layers_.slope * pull);
}

template <class T>
void FullyConnectedPass<T>::backward(Array<T> g, Parameters& gradient, Array<T>* gx) const {
  for (std::size_t l = layers_.size(); l-- > 0;) {
    if (l < layers_.activated) pull_through_activation(l, g, gradient);
    const auto pull = as_matrix(ConstView<T>(g));
    const DenseMatrix<T> gw = product_transposed<T>(pull, as_matrix(ConstView<T>(values_[l])));
    as_matrix(View<double>(gradient[of_layer("weight_", l)])) += gw.template cast<double>();
    flat(View<double>(gradient[of_layer("bias_", l)])).matrix() +=
        pull.rowwise().sum().template cast<double>();
    if (l == 0 && gx == nullptr) return;
    Array<T> before(values_[l].shape());
    as_matrix(View<T>(before)) =
        transposed_product<T>(as_matrix(ConstView<T>(layers_.weights[l])), pull);
    g = std::move(before);
  }
  *gx = std::move(g);
}

template class FullyConnectedPass<float>;
template class FullyConnectedPass<double>;

}  // namespace fejer
