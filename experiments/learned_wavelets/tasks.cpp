#include "tasks.hpp"

#include <algorithm>
#include <cmath>

#include <fejer/operators/compose.hpp>
#include <fejer/operators/measurement.hpp>
#include <fejer/rng.hpp>

namespace fejer::learned_wavelets {
namespace {

constexpr Index moments = 4, levels = 4;
/// gamma ||A||^2 as the authors start it, exp(1/2); it does not move the fixed point. The ridge
/// makes every layer a contraction.
const double step = std::exp(0.5);
constexpr double ridge = 1e-3;
constexpr double huber = 1e-3;  // of total variation, a quarter of a grey value of 255

/// From coefficients (M,C,n,n) to images (C,n,n).
LinearOperator<float> five_bases(const Shape& image) {
  std::vector<LinearOperator<float>> bases;
  for (const std::vector<double>& filter :
       {daubechies_filter(1), daubechies_filter(4), daubechies_filter(8), coiflet_filter(6),
        symlet_filter(5)})
    bases.push_back(Wavelet<float>(filter, levels, image));
  return adjoint(scaled(1 / std::sqrt(5.0), Stack<float, float>(std::move(bases))));
}

/// (x, u) -> x.
class ImageOfState {
 public:
  using Domain = float;
  using Range = float;
  explicit ImageOfState(const Shape& image)
      : image_(image), state_{3, image[0], image[1], image[2]} {}
  const Shape& domain() const { return state_; }
  const Shape& range() const { return image_; }
  void apply(ConstView<float> z, View<float> x) const { std::copy_n(z.data(), x.size(), x.data()); }
  void apply_adjoint(ConstView<float> x, View<float> z) const {
    std::fill(std::copy_n(x.data(), x.size(), z.data()), z.end(), 0.0f);
  }
  NormInterval norm_interval() const { return {1, 1, "a selection"}; }

 private:
  Shape image_, state_;
};

}  // namespace

namespace {

Prior total_variation(const char* name, VariationGroups groups, VariationWeights weights,
                      bool colour, bool tuned = false) {
  return {name, {}, {}, colour, false, VariationPrior{groups, weights, tuned}};
}

}  // namespace

std::vector<Prior> priors() {
  using enum WeightTerm;
  return {
      {"one weight", {}, {all}, false},
      {"scales", {}, {scales}, false},
      {"bands", {}, {bands}, false},
      {"bands of channels", {}, {bands_of_channels}, true},
      {"groups B", {false, true}, {scales}, false},
      {"groups C", {true, false}, {scales}, true},
      {"groups BC", {true, true}, {scales}, true},
      {"weighted groups B", {false, true}, {scales, orientations}, false},
      {"weighted groups C", {true, false}, {scales, channels}, true},
      {"weighted groups BC", {true, true}, {scales, orientations_of_channels}, true},
      {"five bases, groups C", {true, false}, {scales}, false, true},
      total_variation("TV, one tuned weight", {false, false}, VariationWeights::one, false, true),
      total_variation("TV by direction", {false, false}, VariationWeights::directions, false),
      total_variation("isotropic TV", {true, false}, VariationWeights::one, false),
      total_variation("TV by direction and channel", {false, false},
                      VariationWeights::directions_of_channels, true),
      total_variation("vectorial TV by direction", {false, true}, VariationWeights::directions,
                      true),
      total_variation("isotropic vectorial TV by direction and channel", {true, true},
                      VariationWeights::directions_of_channels, true)};
}

Array<double> Problem::uniform(double weight) const {
  return variation ? variation->uniform(weight) : prior->uniform(weight);
}

VariationPrimalDual<float> Problem::primal_dual(std::size_t i, const Array<double>& theta) const {
  return {variation, theta, B, samples[i].data, {1, ridge}};
}

WaveletForwardBackward<float> Problem::forward_backward(std::size_t i,
                                                        const Array<double>& theta) const {
  return {prior, theta, B, samples[i].data, {step, ridge, orthonormal ? task.lower : 0}};
}

Array<float> Problem::start(std::size_t i) const {
  return synthesis.apply_adjoint(samples[i].data);
}

Problem make_problem(const Task& task, const Prior& prior, const std::vector<Array<float>>& images,
                     const std::string& noise) {
  const Shape& shape = images.front().shape();
  const Measurement m = experiments::measurement_of(task, shape[1]);
  const LinearOperator<float> A = make_operator<float>(m);
  const Wavelet<float> W(moments, levels, shape);
  LinearOperator<float> S = prior.five_bases ? five_bases(shape) : adjoint(W);
  if (prior.variation) S = ImageOfState(shape);
  Problem problem{task, nullptr, nullptr, S, prior.variation ? A : A * S, !prior.five_bases, {}};
  if (prior.variation)
    problem.variation = std::make_shared<const LearnedVariation>(shape, prior.variation->groups,
                                                                 prior.variation->weights, huber);
  else
    problem.prior = std::make_shared<const LearnedWaveletNorm>(W.bands(), S.domain(), prior.groups,
                                                               prior.terms);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const RandomStream stream = Rng(0).stream(noise + "/" + std::to_string(i));
    problem.samples.push_back({images[i], experiments::measured(m, A, images[i], stream), i});
  }
  return problem;
}

}  // namespace fejer::learned_wavelets
