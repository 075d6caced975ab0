#pragma once
/// Unrolled proximal gradient descent that learns step sizes, convolutions and splines.
#include <functional>
#include <vector>

#include <fejer/linear_operator.hpp>
#include <fejer/models/model.hpp>
#include <fejer/models/training/lipschitz_cnn_learner.hpp>
#include <fejer/models/training/measured_problem.hpp>

namespace fejer {

struct UnrolledPgdOptions {
  UnrolledPgdOptions() { network.left = 1; }
  LipschitzCnnOptions network;  ///< of D_k; noise_level has no meaning
  Index iterations = 10;
  bool shared = true;      ///< one network for all layers, or one for each
  double noise_level = 0;  ///< of the training, written into the model
  /// Complex images only: every training image is multiplied by e^{i phi}, phi uniform in [0, 2pi),
  /// since measured images have a phase. Without, networks learn that imaginary parts are 0.
  bool random_phase = false;
};

/// UnrolledPgd on measurements that are simulated from training images while it learns, each by one
/// of the given operators (kernels, masks: one network for all of them), drawn with its noise; a
/// validation image by one of them, always the same.
/// Steps:
///   gamma_k = t_k / L, L the square of the largest upper end of ||A||,
///   t_k = 0.02 + 1.96 / (1 + exp(-s_k)), s_k learned from 0 (t_k = 1) in group "steps":
/// whatever s_k is, gamma_k L < 2; and networks are bounded as in LipschitzCnnLearner: every layer
/// is averaged at every step of the training. Other parameters: those of LipschitzCnnLearner with
/// "net_<k>_" before their names (net_0_ where they are shared).
/// Samples: target (1,H,W) in [0,1]; input: the number of the operator, where X is complex phi,
/// then y, where X is complex its real and imaginary parts in turn. Loss: of x_K; complex: of the
/// real part of e^{-i phi} x_K, for the target, plus that of its imaginary part, for 0. Estimate:
/// x_K, or |x_K|. Backward: the inside of a layer is computed again, so that memory is that of the
/// networks' features once and of some images for each layer.
template <class X>
class UnrolledPgdLearner {
 public:
  using T = Real<X>;
  /// Throws ShapeError where the operators do not all take the same images (1,H,W).
  UnrolledPgdLearner(const UnrolledPgdOptions& options, std::vector<MeasuredProblem<X>> problems);

  struct Prepared {
    std::vector<Parameters> parts;  ///< of each network, under its own names
    std::vector<typename LipschitzCnnLearner<T>::Prepared> networks;
    std::vector<double> steps;  ///< gamma_k
  };

  /// As in LipschitzCnnLearner, but with a tenth of the small random values, and a last layer with
  /// which N_k(x) is about x where activations are (splines, PReLU: unless network.left is set):
  /// layers are about gradient descent.
  Parameters initial(const Rng& rng) const;
  Prepared prepare(const Parameters& p) const;
  Parameters effective_zeros(const Prepared& prepared) const;
  double shard_gradient(const Prepared& prepared, const Shard<T>& shard, LossGradient<T> loss,
                        Parameters& effective, Figures& figures) const;
  Parameters pull_back(const Parameters& p, const Prepared& prepared,
                       const Parameters& effective) const;
  double penalty(const Parameters& p, const Prepared& prepared, Parameters& gradient) const;
  void estimate(const Prepared& prepared, const Sample<T>& sample, View<T> out) const;
  Array<T> measure(ConstView<T> image, double sigma, const RandomStream& noise) const;

  Model<float> to_model(const Parameters& p) const;

 private:
  using Cnn = LipschitzCnnLearner<T>;
  Index networks() const { return options_.shared ? 1 : options_.iterations; }
  std::size_t network_of(Index k) const {
    return options_.shared ? 0 : static_cast<std::size_t>(k);
  }
  Parameters joined(const Array<double>& steps, const std::vector<Parameters>& parts) const;
  std::vector<Parameters> parts_of(const Parameters& all) const;
  struct Measured {
    const MeasuredProblem<X>& problem;
    double phase;
    Array<X> y;
  };
  Measured data_of(const Sample<T>& sample) const;

  UnrolledPgdOptions options_;
  std::vector<MeasuredProblem<X>> problems_;
  Cnn cnn_;
  double norm_ = 0;  // largest upper end of ||A||
};

extern template class UnrolledPgdLearner<float>;
extern template class UnrolledPgdLearner<double>;
extern template class UnrolledPgdLearner<std::complex<float>>;
extern template class UnrolledPgdLearner<std::complex<double>>;

}  // namespace fejer
