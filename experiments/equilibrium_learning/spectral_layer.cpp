#include "spectral_layer.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace fejer::equilibrium_learning {

std::vector<double> hartley_matrix(Index n) {
  std::vector<double> matrix;
  for (Index j = 0; j < n; ++j)
    for (Index k = 0; k < n; ++k) {
      const double angle =
          2 * std::numbers::pi * static_cast<double>(j * k % n) / static_cast<double>(n);
      matrix.push_back((std::cos(angle) + std::sin(angle)) / std::sqrt(static_cast<double>(n)));
    }
  return matrix;
}

SpectralLayer::SpectralLayer(std::shared_ptr<const Spectrum> spectrum,
                             Array<double> back_projection, const Array<double>& theta, double tau,
                             bool prox)
    : spectrum_(std::move(spectrum)), b_(std::move(back_projection)), tau_(tau), prox_(prox) {
  for (std::size_t f = 0; f < spectrum_->band.size(); ++f)
    strength_.push_back(std::exp(theta[spectrum_->band[f]]) * spectrum_->penalty[f]);
}

void SpectralLayer::forward(ConstView<double> x, View<double> out, Saved* saved) const {
  for (std::size_t f = 0; f < modes(); ++f) {
    const auto i = static_cast<Index>(f);
    const double slope = spectrum_->squared[f] * x[i] - b_[i];
    out[i] = prox_ ? (x[i] - tau_ * slope) / (1 + tau_ * strength_[f])
                   : x[i] - tau_ * (slope + strength_[f] * x[i]);
  }
  if (saved != nullptr) *saved = prox_ ? Array<double>(out) : Array<double>(x);
}

void SpectralLayer::vjp(const Saved& saved, ConstView<double> u, View<double> xbar,
                        Gradient* gradient) const {
  for (std::size_t f = 0; f < modes(); ++f) {
    const auto i = static_cast<Index>(f);
    const double a2 = spectrum_->squared[f], s = strength_[f];
    const double w = prox_ ? u[i] / (1 + tau_ * s) : u[i];
    if (gradient != nullptr) (*gradient)[spectrum_->band[f]] -= tau_ * s * saved[i] * w;
    xbar[i] = prox_ ? (1 - tau_ * a2) * w : (1 - tau_ * (a2 + s)) * w;
  }
}

double SpectralLayer::lipschitz_bound() const {
  double q = 0;
  for (std::size_t f = 0; f < modes(); ++f) {
    const double a2 = spectrum_->squared[f], s = strength_[f];
    q = std::max(q, std::abs(prox_ ? (1 - tau_ * a2) / (1 + tau_ * s) : 1 - tau_ * (a2 + s)));
  }
  return q;
}

Array<double> SpectralLayer::equilibrium() const {
  Array<double> x(b_.shape());
  for (std::size_t f = 0; f < modes(); ++f)
    x[static_cast<Index>(f)] = b_[static_cast<Index>(f)] / (spectrum_->squared[f] + strength_[f]);
  return x;
}

Array<double> SpectralLayer::exact_gradient(const Array<double>& truth, Index bands) const {
  Array<double> gradient(Shape{bands});
  const Array<double> x = equilibrium();
  for (std::size_t f = 0; f < modes(); ++f) {
    const auto i = static_cast<Index>(f);
    gradient[spectrum_->band[f]] -=
        strength_[f] * x[i] * (x[i] - truth[i]) / (spectrum_->squared[f] + strength_[f]);
  }
  return gradient;
}

}  // namespace fejer::equilibrium_learning
