#pragma once
/// Unrolled proximal gradient descent: a reconstruction with a fixed number of learned layers, each
/// of which is certified (Unser, Goujon, Ducotterd, ACHA 77 (2025) 101764; the layers are those of
/// plug-and-play forward-backward splitting).
#include <memory>
#include <vector>

#include <fejer/certificate.hpp>
#include <fejer/linear_operator.hpp>
#include <fejer/models/lipschitz_cnn.hpp>

namespace fejer {

struct UnrolledPgdParameters {
  /// N_k: one for each layer, or one that all share. Their noise levels have no meaning here.
  std::vector<LipschitzCnnParameters> denoisers;
  std::vector<double> steps;  ///< gamma_k > 0, one a layer
  /// Of the training: an upper end for ||A||, and the standard deviation of the noise, in the unit
  /// in which images lie in [0,1].
  double operator_norm = 0, noise_level = 0;
};

/// x_{k+1} = D_k(x_k - gamma_k A*(A x_k - y)), k = 0 .. layers - 1, D_k(x) = (x + N_k(x)) / 2 on
/// every plane of the image, of complex images on real and imaginary part by themselves. With N_k
/// 1-Lipschitz and gamma_k ||A||^2 < 2 every layer is averaged, and for two data y, y' and starts
/// x_0, x_0': ||x_K - x_K'|| <= ||x_0 - x_0'|| + (sum of gamma_k) ||A|| ||y - y'||.
template <class T>
class UnrolledPgd {
 public:
  explicit UnrolledPgd(const UnrolledPgdParameters& parameters);

  Index layers() const { return static_cast<Index>(parameters().steps.size()); }
  /// Of layer k.
  const LipschitzCnn<T>& denoiser(Index k) const;
  double step_size(Index k) const { return parameters().steps[static_cast<std::size_t>(k)]; }
  double largest_step() const;
  /// The largest bound of a network N_k.
  double network_bound() const;
  /// Layers are averaged for every A with ||A|| below this, sqrt(2 / largest_step()).
  double norm_limit() const;
  /// Of the weakest layer with an operator of at most this norm; kind `none`, with the reason in
  /// `how`, where gamma_k ||A||^2 >= 2. Composition of averaged maps: Combettes, Yamada, J. Math.
  /// Anal. Appl. 425 (2015) 55, prop. 2.4.
  Certificate certificate(double operator_norm) const;
  const UnrolledPgdParameters& parameters() const;

 private:
  struct Data;
  std::shared_ptr<const Data> data_;
};

/// The layers as an algorithm for `run`, which needs max_iterations = layers and tolerance = 0.
/// Cost of a step: A*A once, N_k once (twice for complex images).
template <class X>
class UnrolledIteration {
 public:
  using Scalar = X;
  struct State {
    Array<X> x, x_next, work;
    Index iteration = 0;
    double residual = 0;
    template <class V>
    void visit(V&& v) {
      v("x", x), v("iteration", iteration), v("residual", residual);
    }
  };
  /// Throws ArgumentError where the upper end of ||A|| leaves a layer without its certificate,
  /// unless `accept_uncertified`.
  UnrolledIteration(UnrolledPgd<Real<X>> network, LinearOperator<X> A, const Array<X>& y,
                    bool accept_uncertified = false);
  State init(Array<X> x0) const;
  /// Applies layer `s.iteration`.
  void step(State& s) const;
  const Array<X>& solution(const State& s) const { return s.x; }
  const char* name() const { return "unrolled-pgd"; }
  double step_size() const { return network_.largest_step(); }

 private:
  UnrolledPgd<Real<X>> network_;
  LinearOperator<X> A_;
  Array<X> adjoint_;  // A* y
};

extern template class UnrolledPgd<float>;
extern template class UnrolledPgd<double>;
extern template class UnrolledIteration<float>;
extern template class UnrolledIteration<double>;
extern template class UnrolledIteration<std::complex<float>>;
extern template class UnrolledIteration<std::complex<double>>;

}  // namespace fejer
