#pragma once
/// Plug-and-play with x >= 0.
#include <algorithm>
#include <limits>
#include <utility>

#include <fejer/denoiser.hpp>

namespace fejer::command {

/// x -> max(r D(x) + (1 - r) x, 0), the relaxation r inside, so that no output is negative: the
/// composition of an averaged map with the firmly non-expansive projection is averaged (Combettes,
/// Yamada, J. Math. Anal. Appl. 425, 2015, prop. 2.4).
class NonNegativeDenoiser {
 public:
  NonNegativeDenoiser(Denoiser<float> d, double relaxation)
      : d_(std::move(d)), relaxation_(relaxation) {}
  void denoise(ConstView<float> x, double sigma, View<float> out) const {
    d_.denoise(x, sigma, out);
    const auto r = static_cast<float>(relaxation_);
    for (Index i = 0; i < out.size(); ++i) out[i] = std::max(r * out[i] + (1 - r) * x[i], 0.0f);
  }
  Certificate certificate() const {
    Certificate c = d_.certificate();
    const double theta = relaxation_ * c.averagedness;
    c.averagedness = theta < 1 ? 1 / (2 - theta) : theta;
    c.lipschitz = relaxation_ * c.lipschitz + 1 - relaxation_;
    c.weak_convexity = std::numeric_limits<double>::infinity();
    c.how += ", then projected onto x >= 0";
    return c;
  }

 private:
  Denoiser<float> d_;
  double relaxation_;
};

}  // namespace fejer::command
