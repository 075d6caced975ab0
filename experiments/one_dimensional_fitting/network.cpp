#include "network.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include <fejer/models/slope_bounds.hpp>
#include <fejer/models/training/fully_connected.hpp>
#include <fejer/models/training/orthogonal.hpp>
#include <fejer/models/training/scaled_spline.hpp>

namespace fejer::one_dimensional_fitting {
namespace {

constexpr Index widths[] = {1, 10, 10, 10, 1}, layers = 4, knots = 101;
constexpr double range = 0.5;

std::string numbered(const char* name, Index l) { return name + std::to_string(l); }

Array<double> uniform(const Shape& shape, const RandomStream& random, double bound) {
  Array<double> x(shape);
  fill_uniform<double>(x, random);
  for (double& v : x) v = bound * (2 * v - 1);
  return x;
}

Array<double> knots_of(const Array<double>& values) {
  return uniform_knots(values.shape()[0], values.shape()[1], -range, range);
}

}  // namespace

struct Network::Layers {
  std::vector<Orthonormalised> matrices;
  std::vector<Array<double>> shapes;  // of the activations, projected
  std::vector<ActivationLayer<double>> activations;
  std::vector<LinearSpline<double>> splines;
};

Parameters Network::initial(const Rng& rng) const {
  Parameters p;
  for (Index l = 0; l < layers; ++l) {
    const double fan_in = static_cast<double>(widths[l]);
    const std::string weight = numbered("weight_", l), bias = numbered("bias_", l);
    p.add(weight, "weights",
          uniform({widths[l + 1], widths[l]}, rng.stream(weight), std::sqrt(6 / fan_in)));
    p.add(bias, "weights", uniform({widths[l + 1]}, rng.stream(bias), 1 / std::sqrt(fan_in)));
  }
  for (Index l = 0; l + 1 < layers; ++l) {
    Array<double> a(ActivationLayer<double>::parameter_shape(activation_, widths[l + 1], knots));
    if (a.size() == 0) continue;
    if (activation_ == Activation::spline) {
      const Array<double> t = knots_of(a);
      for (Index i = 0; i < a.size(); ++i) a[i] = std::max(t[i], 0.0);
      p.add(numbered("scale_", l), "scales", Array<double>(Shape{widths[l + 1]}, 1.0));
    } else {
      for (double& v : a) v = activation_ == Activation::prelu ? -1 : std::acos(0.0);
    }
    p.add(numbered("activation_", l), "activations", std::move(a));
  }
  return p;
}

Network::Layers Network::prepare(const Parameters& p) const {
  Layers result;
  for (Index l = 0; l < layers; ++l) {
    result.matrices.emplace_back(p[numbered("weight_", l)], 15);
    if (l + 1 == layers) break;
    Array<double> shape;
    if (ActivationLayer<double>::parameter_shape(activation_, 2, 2) != Shape{0})
      shape = p[numbered("activation_", l)];
    if (activation_ == Activation::prelu)
      for (double& v : shape) v = std::clamp(v, -1.0, 1.0);
    if (activation_ == Activation::spline) {
      shape = project_slopes(shape, knots_of(shape), SlopeBounds::lipschitz());
      result.splines.emplace_back(shape, -range, range);
    } else {
      result.activations.emplace_back(activation_, widths[l + 1], shape,
                                      ActivationOptions{-range, range, 5});
    }
    result.shapes.push_back(std::move(shape));
  }
  return result;
}

namespace {

/// Inputs and outputs of the matrices.
struct Saved {
  std::vector<Array<double>> in, out;
};

}  // namespace

template <class L>
static Saved forward(const L& prepared, const Parameters& p, const Array<double>& x) {
  Saved saved;
  saved.in.push_back(x);
  for (Index l = 0; l < layers; ++l) {
    const auto i = static_cast<std::size_t>(l);
    Array<double> out(Shape{widths[l + 1], x.shape()[1]});
    fully_connected(prepared.matrices[i].value(), p[numbered("bias_", l)], saved.in[i], out);
    if (l + 1 < layers) {
      Array<double> next(out.shape());
      if (prepared.splines.empty())
        prepared.activations[i].values(out, next);
      else
        scaled_values<double>(prepared.splines[i], p[numbered("scale_", l)], out, next);
      saved.in.push_back(std::move(next));
    }
    saved.out.push_back(std::move(out));
  }
  return saved;
}

Array<double> Network::value(const Parameters& p, const Array<double>& x) const {
  return forward(prepare(p), p, x).out.back();
}

double Network::objective(const Parameters& p, const Array<double>& x, const Array<double>& y,
                          double tv2, Parameters& gradient) const {
  const Layers prepared = prepare(p);
  const Saved saved = forward(prepared, p, x);
  gradient = p.zeros();
  const double count = static_cast<double>(x.size());
  double sum = 0;
  Array<double> pull = saved.out.back();
  for (Index i = 0; i < pull.size(); ++i) {
    const double r = pull[i] - y[i];
    sum += r * r / (2 * count);
    pull[i] = r / count;
  }
  for (Index l = layers; l-- > 0;) {
    const auto i = static_cast<std::size_t>(l);
    const std::string weight = numbered("weight_", l);
    const Array<double>& matrix = prepared.matrices[i].value();
    Array<double> back(saved.in[i].shape()), effective(matrix.shape());
    fully_connected_vjp(matrix, saved.in[i], pull, back, effective, gradient[numbered("bias_", l)]);
    gradient[weight] = prepared.matrices[i].vjp(effective);
    if (l == 0) break;
    const std::size_t before = i - 1;
    const std::string name = numbered("activation_", l - 1);
    const Array<double>& shape = prepared.shapes[before];
    Array<double> shape_gradient(shape.shape());
    pull = Array<double>(back.shape());
    if (activation_ != Activation::spline) {
      prepared.activations[before].vjp(saved.out[before], back, pull, shape_gradient);
      if (shape.size() > 0) gradient[name] = shape_gradient;
      for (Index k = 0; activation_ == Activation::prelu && k < shape.size(); ++k)
        if (std::abs(p[name][k]) > 1) gradient[name][k] = 0;
      continue;
    }
    const std::string scale = numbered("scale_", l - 1);
    scaled_vjp<double>(prepared.splines[before], p[scale], saved.out[before], back, pull,
                       shape_gradient, gradient[scale]);
    sum += tv2 * add_tv2_gradient(shape, knots_of(shape), tv2, shape_gradient);
    gradient[name] =
        project_slopes_vjp(p[name], knots_of(shape), SlopeBounds::lipschitz(), shape_gradient);
  }
  return sum;
}

}  // namespace fejer::one_dimensional_fitting
