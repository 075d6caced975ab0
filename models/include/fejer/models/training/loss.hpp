#pragma once
/// What an estimate costs.
#include <string>
#include <vector>

#include <fejer/array.hpp>

namespace fejer {

enum class LossKind { l1, l2, huber, ssim };
const std::vector<std::string>& loss_names();
LossKind loss_from(const std::string& name);

/// Of one image, d = estimate - target:
///   l1     s sum |d|, subgradient 0 at 0
///   l2     s 1/2 sum d^2
///   huber  s sum (d^2 / (2 delta) where |d| <= delta, else |d| - delta / 2)
///   ssim   1 - SSIM for data in [0,1], as in fejer/metrics.hpp
/// with s = reference_pixels / (H W), or 1 where reference_pixels is 0: the published trainings use
/// 40 x 40, so that losses of other image sizes compare with those of patches.
struct Loss {
  LossKind kind = LossKind::l1;
  double delta = 0.01;
  double reference_pixels = 1600;

  /// Throws ArgumentError for delta <= 0 or reference_pixels < 0.
  void require_valid() const;
  /// The gradient is overwritten.
  template <class T>
  double operator()(ConstView<T> estimate, ConstView<T> target, View<T> gradient) const;
};

}  // namespace fejer
