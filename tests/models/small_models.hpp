#pragma once
/// Small random models that need no data.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <initializer_list>
#include <map>
#include <string>

#include <fejer/models/frequency_norm.hpp>
#include <fejer/models/lipschitz_cnn.hpp>
#include <fejer/models/ridge.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>

namespace fejer_test {

using namespace fejer;

template <class T = double>
Array<T> random_array(const Shape& shape, const std::string& name, double scale = 1) {
  Array<T> x(shape);
  fill_normal<T>(x, Rng(7).stream(name));
  for (T& v : x) v *= static_cast<T>(scale);
  return x;
}

template <class T, class S>
Array<T> converted(const Array<S>& a) {
  Array<T> result(a.shape());
  for (Index i = 0; i < a.size(); ++i) result[i] = static_cast<T>(a[i]);
  return result;
}

/// One row of values, as splines take them.
inline Array<double> row(std::initializer_list<double> values) {
  Array<double> a(Shape{1, static_cast<Index>(values.size())});
  std::copy(values.begin(), values.end(), a.begin());
  return a;
}

template <class X>
double largest_difference(const Array<X>& a, const Array<X>& b) {
  REQUIRE(a.shape() == b.shape());
  double largest = 0;
  for (Index i = 0; i < a.size(); ++i)
    largest = std::max(largest, static_cast<double>(std::abs(a[i] - b[i])));
  return largest;
}

template <class X>
bool same_bits(const Array<X>& a, const Array<X>& b) {
  return a.shape() == b.shape() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(X)) == 0;
}

/// Whether f throws an E whose message holds `part`.
template <class E, class F>
bool throws_with(const F& f, const std::string& part) {
  try {
    f();
  } catch (const E& e) {
    const std::string message = e.what();
    INFO(message);
    CHECK(message.find('\n') == std::string::npos);
    return message.find(part) != std::string::npos;
  }
  return false;
}

inline RidgeParameters make_small_ridge(Borders borders, double rho) {
  const ScopedThreads one(1);
  RidgeParameters p;
  p.kernels = {remove_means(random_array({3, 1, 3, 3}, "kernel 0")),
               random_array({5, 3, 5, 5}, "kernel 1")};
  p.borders = borders;
  p.norm_squared = power_norm_squared(p.kernels, borders, 40, 300);
  p.rho = rho;
  p.mu = 4;
  const Index knots = 21;
  const double step = 0.2 / static_cast<double>(knots - 1);
  p.profile = project_antisymmetric(random_array({1, knots}, "profile", 0.02), step, -rho, p.mu);
  p.curvature = p.mu;
  p.scaling = NoiseScaling{random_array({5, 4}, "scaling", 0.3)};
  for (double& v : p.scaling->coefficients) v += 3;
  return p;
}

/// 1 -> 3 -> 5 channels, 3 x 3 and 5 x 5; slopes in [-rho, 4]; ||W|| about 1; scaling by noise.
inline RidgeParameters small_ridge(Borders borders = Borders::zero_every_layer, double rho = 0.5) {
  static std::map<std::pair<Borders, double>, RidgeParameters> made;
  const auto key = std::make_pair(borders, rho);
  if (made.count(key) == 0) made[key] = make_small_ridge(borders, rho);
  return made[key];
}

/// 1 -> 4 -> 4 -> 1, 3 x 3, every layer scaled to a frequency norm of `norm`.
inline LipschitzCnnParameters small_cnn(Activation activation, double norm = 0.95) {
  LipschitzCnnParameters p;
  const Shape shapes[] = {{4, 1, 3, 3}, {4, 4, 3, 3}, {1, 4, 3, 3}};
  for (const Shape& shape : shapes) {
    const std::string name = std::to_string(p.weights.size()) + " weight";
    Array<double> w = random_array(shape, name);
    const double factor = norm / frequency_norm(w).lower;
    for (double& v : w) v *= factor;
    p.weights.push_back(std::move(w));
    p.biases.push_back(random_array({shape[0]}, "bias " + name, 0.1));
  }
  p.activation = activation;
  if (activation == Activation::spline)
    for (int l = 0; l < 2; ++l)
      p.activation_parameters.push_back(
          clip_slopes(random_array({4, 11}, std::to_string(l) + " spline", 2), 1.0, -1, 1));
  p.noise_level = 10.0 / 255;
  return p;
}

}  // namespace fejer_test
