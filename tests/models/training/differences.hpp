#pragma once
/// Gradients against central differences, and a loss to differentiate.
#include <algorithm>
#include <cmath>
#include <functional>

#include <fejer/models/training/parameters.hpp>

namespace fejer_test {

/// max over elements of |gradient - (f(x + h) - f(x - h)) / 2h|, relative to max |gradient|; every
/// `stride`-th element.
inline double gradient_error(const std::function<double(const fejer::Array<double>&)>& f,
                             const fejer::Array<double>& x, const fejer::Array<double>& gradient,
                             double h = 1e-6, fejer::Index stride = 1) {
  double worst = 0, largest = 1e-300;
  for (const double g : gradient) largest = std::max(largest, std::abs(g));
  fejer::Array<double> moved = x;
  for (fejer::Index i = 0; i < x.size(); i += stride) {
    moved[i] = x[i] + h;
    const double above = f(moved);
    moved[i] = x[i] - h;
    const double below = f(moved);
    moved[i] = x[i];
    worst = std::max(worst, std::abs(gradient[i] - (above - below) / (2 * h)));
  }
  return worst / largest;
}

/// 1/2 |x - target|^2.
constexpr auto half_square = [](fejer::ConstView<double> x, fejer::ConstView<double> target,
                                fejer::View<double> gradient) {
  double sum = 0;
  for (fejer::Index i = 0; i < x.size(); ++i) {
    gradient[i] = x[i] - target[i];
    sum += gradient[i] * gradient[i] / 2;
  }
  return sum;
};

}  // namespace fejer_test
