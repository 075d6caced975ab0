#include <fejer/models/training/loss.hpp>

#include <cmath>

#include <fejer/error.hpp>
#include <fejer/metrics.hpp>
#include <fejer/parallel.hpp>

#include "names.hpp"

namespace fejer {

const std::vector<std::string>& loss_names() {
  static const std::vector<std::string> names = {"l1", "l2", "huber", "ssim"};
  return names;
}

LossKind loss_from(const std::string& name) {
  return detail::kind_from<LossKind>("loss", name, loss_names());
}

void Loss::require_valid() const {
  if (!(delta > 0) || !std::isfinite(delta))
    throw ArgumentError("Loss: got delta = " + std::to_string(delta) +
                        ", expected a positive number");
  if (!(reference_pixels >= 0) || !std::isfinite(reference_pixels))
    throw ArgumentError("Loss: got reference_pixels = " + std::to_string(reference_pixels) +
                        ", expected 0 or more");
}

template <class T>
double Loss::operator()(ConstView<T> estimate, ConstView<T> target, View<T> gradient) const {
  require_shape("loss: target", target.shape(), estimate.shape());
  require_shape("loss: gradient", gradient.shape(), estimate.shape());
  if (kind == LossKind::ssim) {
    const double value = ssim_gradient<T>(estimate, target, 1, gradient);
    for (T& g : gradient) g = -g;
    return 1 - value;
  }
  const Shape& shape = estimate.shape();
  const double pixels = shape.rank() < 2 ? static_cast<double>(shape.size())
                                         : static_cast<double>(shape.back(0) * shape.back(1));
  const double s = reference_pixels > 0 ? reference_pixels / pixels : 1;
  const double sum = ordered_sum(estimate.size(), [&](Index begin, Index end) {
    double total = 0;
    for (Index i = begin; i < end; ++i) {
      const double d = static_cast<double>(estimate[i]) - static_cast<double>(target[i]);
      const double size = std::abs(d), sign = d > 0 ? 1 : (d < 0 ? -1 : 0);
      double value = size, slope = sign;
      if (kind == LossKind::l2) value = d * d / 2, slope = d;
      if (kind == LossKind::huber) {
        value = size <= delta ? d * d / (2 * delta) : size - delta / 2;
        slope = size <= delta ? d / delta : sign;
      }
      total += value;
      gradient[i] = static_cast<T>(s * slope);
    }
    return total;
  });
  return s * sum;
}

template double Loss::operator()(ConstView<float>, ConstView<float>, View<float>) const;
template double Loss::operator()(ConstView<double>, ConstView<double>, View<double>) const;

}  // namespace fejer
