#pragma once
/// A small denoiser without biases: an image and a constant map of sigma through three 3x3
/// convolutions with ReLU between them.
#include <fejer/models/convolution.hpp>

namespace fejer::equilibrium_closed_form {

template <class T>
struct ReluNetwork {
  using Scalar = T;
  using Gradient = Array<double>;
  struct Saved {
    Array<T> first, second;  ///< what the first and second convolution give
  };
  double sigma = 0.1;
  Convolution<T> one, two, three;

  /// Random kernels of 8 channels, for (1, H, W).
  ReluNetwork();
  Index parameters() const { return 1; }
  ReluNetwork moved(Index i, double by) const;
  void forward(ConstView<T> x, View<T> out, Saved* saved) const;
  /// gradient[0]: in sigma.
  void vjp(const Saved& saved, ConstView<T> u, View<T> xbar, Gradient* gradient) const;
};

}  // namespace fejer::equilibrium_closed_form
