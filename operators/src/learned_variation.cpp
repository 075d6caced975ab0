#include <fejer/operators/learned_variation.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <fejer/error.hpp>
#include <fejer/operators/finite_difference.hpp>

namespace fejer {

LearnedVariation::LearnedVariation(const Shape& image, VariationGroups groups,
                                   VariationWeights weights, double huber)
    : image_(image), groups_(groups), weights_(weights), huber_(huber) {
  if (image.rank() != 2 && image.rank() != 3)
    throw ShapeError("LearnedVariation: got images " + to_string(image) +
                     ", expected (C, H, W) or (H, W)");
  if (!(huber >= 0) || !std::isfinite(huber))
    throw ArgumentError("LearnedVariation: huber must be finite and not negative, got " +
                        std::to_string(huber));
}

Index LearnedVariation::parameters() const { return entry(1, channels() - 1) + 1; }

Index LearnedVariation::entry(Index direction, Index channel) const {
  switch (weights_) {
    case VariationWeights::one:
      return 0;
    case VariationWeights::directions:
      return direction;
    case VariationWeights::channels:
      return channel;
    case VariationWeights::directions_of_channels:
      return direction * channels() + channel;
  }
  return 0;
}

Array<double> LearnedVariation::uniform(double weight) const {
  return Array<double>(Shape{parameters()}, std::log(weight));
}

Array<double> LearnedVariation::weights(ConstView<double> theta) const {
  require_shape("LearnedVariation parameters", theta.shape(), Shape{parameters()});
  for (const double t : theta)
    if (!(std::exp(t) > 0) || !std::isfinite(std::exp(t)))
      throw ArgumentError("LearnedVariation: got the weight exp(" + std::to_string(t) +
                          "), expected one above 0 and finite");
  Array<double> w(Shape{2, channels()});
  for (Index k = 0; k < 2; ++k)
    for (Index c = 0; c < channels(); ++c) w[k * channels() + c] = std::exp(theta[entry(k, c)]);
  return w;
}

void LearnedVariation::pull_back(ConstView<double> log_weights, View<double> theta_bar) const {
  require_shape("LearnedVariation gradient", theta_bar.shape(), Shape{parameters()});
  require_shape("LearnedVariation weights", log_weights.shape(), Shape{2, channels()});
  for (Index k = 0; k < 2; ++k)
    for (Index c = 0; c < channels(); ++c)
      theta_bar[entry(k, c)] += log_weights[k * channels() + c];
}

std::vector<std::vector<Index>> LearnedVariation::members() const {
  const Index count = channels(), directions = groups_.directions ? 1 : 2,
              by_channel = groups_.channels ? 1 : count;
  std::vector<std::vector<Index>> groups(static_cast<std::size_t>(directions * by_channel));
  for (Index k = 0; k < 2; ++k)
    for (Index c = 0; c < count; ++c) {
      const Index group = (directions == 1 ? 0 : k) * by_channel + (by_channel == 1 ? 0 : c);
      groups[static_cast<std::size_t>(group)].push_back(k * count + c);
    }
  return groups;
}

double LearnedVariation::value(ConstView<double> x, ConstView<double> theta) const {
  const FiniteDifference<double> D(image_);
  Array<double> d(D.range());
  D.apply(x, d);
  const Array<double> w = weights(theta);
  const Index pixels = image_.back(0) * image_.back(1);
  double sum = 0;
  for (const std::vector<Index>& group : members()) {
    double eighth = 0;
    for (const Index i : group) eighth += std::pow(w[i], 8);
    const double threshold = huber_ * std::pow(eighth, 0.125);
    for (Index p = 0; p < pixels; ++p) {
      double square = 0;
      for (const Index i : group) square += std::pow(w[i] * d[i * pixels + p], 2);
      const double r = std::sqrt(square);
      sum += r >= threshold ? r : square / (2 * threshold) + threshold / 2;
    }
  }
  return sum;
}

}  // namespace fejer
