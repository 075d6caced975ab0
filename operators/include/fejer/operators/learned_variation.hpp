#pragma once
#include <vector>

#include <fejer/array.hpp>

namespace fejer {

/// Differences of a pixel that are seen together, by their Euclidean norm.
struct VariationGroups {
  bool directions = false;  ///< down and right: isotropic; else anisotropic
  bool channels = false;    ///< all channels: vectorial; else each by itself
};
/// Which differences have a weight of their own.
enum class VariationWeights { one, directions, channels, directions_of_channels };

/// Weighted total variation of images (C,H,W) or (H,W), d = D x the forward differences of
/// FiniteDifference, (2,C,H,W), directions k, channels c:
///   g(x; theta) = sum over pixels and groups G of h_e(r), r = sqrt(sum_{(k,c) in G} (w_kc
///   d_kc)^2), log w_kc = the entry of theta that (k,c) shares, so that weights are positive,
///   h_e(r) = r for r >= e m, else r^2 / (2 e m) + e m / 2, m = (sum_G w^8)^(1/8): Huber's function
///   with a threshold of about e = `huber` for d (0: the norm itself).
struct LearnedVariation {
  /// Throws ArgumentError for huber < 0 and images of another rank.
  LearnedVariation(const Shape& image, VariationGroups groups, VariationWeights weights,
                   double huber = 0);

  const Shape& image() const { return image_; }
  Index channels() const { return image_.rank() == 3 ? image_[0] : 1; }
  Index parameters() const;
  /// theta with which all weights are `weight`.
  Array<double> uniform(double weight) const;
  /// (2, C). Throws ArgumentError where one is not above 0 and finite.
  Array<double> weights(ConstView<double> theta) const;
  /// Adds the derivatives in theta to theta_bar, from those in log w, (2, C).
  void pull_back(ConstView<double> log_weights, View<double> theta_bar) const;
  /// g(x; theta).
  double value(ConstView<double> x, ConstView<double> theta) const;

  VariationGroups groups() const { return groups_; }
  double huber() const { return huber_; }
  /// Entries (k C + c) of weights() that are seen together.
  std::vector<std::vector<Index>> members() const;

 private:
  Index entry(Index direction, Index channel) const;

  Shape image_;
  VariationGroups groups_;
  VariationWeights weights_;
  double huber_;
};

}  // namespace fejer
