#include "tasks.hpp"

#include <algorithm>
#include <cmath>

#include <fejer/image_io.hpp>
#include <fejer/operators/blur.hpp>
#include <fejer/operators/compose.hpp>
#include <fejer/operators/identity.hpp>
#include <fejer/operators/mask.hpp>
#include <fejer/operators/per_channel.hpp>
#include <fejer/resample.hpp>

namespace fejer::learned_wavelets {
namespace {

constexpr Index moments = 4, levels = 4;
/// gamma ||A||^2 as the authors start it, exp(1/2); it does not move the fixed point. The ridge
/// makes every layer a contraction.
const double step = std::exp(0.5);
constexpr double ridge = 1e-3;
constexpr double huber = 1e-3;  // of total variation, a quarter of a grey value of 255

/// Means of 25 pixels: down a column, along a row, along a diagonal.
LinearOperator<float> line_blur(Index channel, Index size) {
  constexpr Index taps = 25;
  Array<float> kernel(channel == 0   ? Shape{taps, 1}
                      : channel == 1 ? Shape{1, taps}
                                     : Shape{taps, taps});
  for (Index i = 0; i < taps; ++i) kernel[channel == 2 ? i * (taps + 1) : i] = 1.0f / taps;
  return Blur<float>(kernel, Shape{size, size}, Boundary::reflect);
}

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

std::vector<Task> tasks() {
  return {{"denoise", "noise 0.1, 0.25, 0.5 by channel", 3, {0.1, 0.25, 0.5}, 1},
          {"line_blur", "a line of 25 pixels by channel, noise 0.05", 3, {0.05, 0.05, 0.05}, 0},
          {"inpaint_50", "half of the pixels, noise 0.01", 3, {0.01, 0.01, 0.01}, 0},
          {"inpaint_10", "a tenth of the pixels, noise 0.1", 3, {0.1, 0.1, 0.1}, 0},
          {"grey_denoise", "noise 25/255, Set12", 1, {25.0 / 255}, 1},
          {"grey_blur", "a column of 25 pixels, noise 0.05, Set12", 1, {0.05}, 0}};
}

LinearOperator<float> measurement(const Task& task, Index size) {
  const Shape image{task.channels, size, size};
  if (task.name.ends_with("denoise")) return Identity<float>(image);
  if (task.name.ends_with("blur")) {
    std::vector<LinearOperator<float>> parts;
    for (Index c = 0; c < task.channels; ++c) parts.push_back(line_blur(c, size));
    return PerChannel<float>(std::move(parts));
  }
  const double keep = task.name == "inpaint_50" ? 0.5 : 0.1;
  return Mask<float>(random_mask<float>(Shape{size, size}, keep, Rng(3).stream("mask")), image);
}

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
  const Index size = shape[1], pixels = size * size;
  const LinearOperator<float> A = measurement(task, size);
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
    Sample sample{images[i], A.apply(images[i]), i};
    const RandomStream stream = Rng(0).stream(noise + "/" + std::to_string(i));
    const auto* mask = task.name.starts_with("inpaint") ? &A : nullptr;
    Array<float> e(shape);
    fill_normal<float>(e, stream);
    for (Index c = 0; c < task.channels; ++c)
      for (Index k = 0; k < pixels; ++k)
        e[c * pixels + k] *= static_cast<float>(task.noise[static_cast<std::size_t>(c)]);
    if (mask != nullptr) e = mask->apply(e);  // on what is measured alone
    for (Index k = 0; k < e.size(); ++k) sample.data[k] += e[k];
    problem.samples.push_back(std::move(sample));
  }
  return problem;
}

std::vector<Array<float>> windows(const Dataset& set, Index size, Index channels, bool middle) {
  std::vector<Array<float>> result;
  const RandomStream random = Rng(1).stream("windows");
  for (Index i = 0; i < set.size(); ++i) {
    Array<float> image = set.image(i);
    if (channels == 1) image = to_grey(image);
    const Index rows = image.shape()[1] - size, columns = image.shape()[2] - size;
    const auto place = [&](Index room, std::uint64_t draw) {
      const auto k = 2 * static_cast<std::uint64_t>(i) + draw;
      return middle ? room / 2 : static_cast<Index>(random.uniform(k) * double(room + 1));
    };
    image = crop(image, place(rows, 0), place(columns, 1), size, size);
    if (channels == 3 && image.shape()[0] == 1) {
      Array<float> shades(Shape{3, size, size});
      for (Index k = 0; k < shades.size(); ++k)
        shades[k] = image[k % image.size()] * (1 - 0.2f * static_cast<float>(k / image.size()));
      image = std::move(shades);
    }
    result.push_back(std::move(image));
  }
  return result;
}

}  // namespace fejer::learned_wavelets
