#pragma once
/// y = W x + b for columns of x; networks of such layers, there and back.
#include <vector>

#include <fejer/array.hpp>
#include <fejer/models/fully_connected_network.hpp>
#include <fejer/models/training/parameters.hpp>

namespace fejer {

/// W (out, in), b (out), x (in, B) and y (out, B): one column a sample.
void fully_connected(const Array<double>& weights, const Array<double>& bias, ConstView<double> x,
                     View<double> y);
/// gx = W^T g; the gradients of <g, y> for W and b are added to gw and gb.
void fully_connected_vjp(const Array<double>& weights, ConstView<double> x, ConstView<double> g,
                         View<double> gx, View<double> gw, View<double> gb);

/// A network on some samples (columns), there and back. Keeps a reference to the layers.
template <class T>
class FullyConnectedPass {
 public:
  explicit FullyConnectedPass(const FullyConnectedLayers<T>& layers) : layers_(layers) {}

  /// The network's values; keeps what each layer was applied to.
  const Array<T>& forward(Array<T> x);
  /// For the last forward(x): adds the gradients of <g, values> for weights, biases and splines to
  /// "weight_l", "bias_l", "activation_l", in an order that depends on shapes alone; that for x
  /// goes to `gx` where it is not null. At a kink it is the derivative of one side.
  void backward(Array<T> g, Parameters& gradient, Array<T>* gx = nullptr) const;

 private:
  void pull_through_activation(std::size_t l, Array<T>& g, Parameters& gradient) const;

  const FullyConnectedLayers<T>& layers_;
  std::vector<Array<T>> values_;  // v_0 = x, v_1, ...
  std::vector<Array<T>> inputs_;  // of splines: u_1, u_2, ...
};

extern template class FullyConnectedPass<float>;
extern template class FullyConnectedPass<double>;

}  // namespace fejer
