#include <fejer/models/training/lipschitz_cnn_learner.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <fejer/models/frequency_norm.hpp>
#include <fejer/models/training/orthogonal.hpp>

#include "../converted.hpp"

namespace fejer {
namespace {

std::string numbered(const char* name, Index l) { return std::string(name) + std::to_string(l); }

template <class T>
void add(const Array<T>& x, Array<double>& sum) {
  for (Index i = 0; i < x.size(); ++i) sum[i] += static_cast<double>(x[i]);
}

Array<double> random(const Shape& shape, const Rng& rng, const std::string& name, double scale) {
  Array<double> x(shape);
  fill_normal<double>(x, rng.stream(name));
  for (double& v : x) v *= scale;
  return x;
}

template <class T>
void fit(Array<T>& a, const Shape& shape) {
  if (!(a.shape() == shape)) a = Array<T>(shape);
}

/// out = (x + N(x)) / 2.
template <class T>
void average(ConstView<T> x, const Array<T>& network, View<T> out) {
  require_shape("LipschitzCnnLearner estimate", out.shape(), x.shape());
  for (Index i = 0; i < x.size(); ++i) out[i] = (x[i] + network[i]) / 2;
}

}  // namespace

template <class T>
LipschitzCnnLearner<T>::LipschitzCnnLearner(const LipschitzCnnOptions& options)
    : options_(options) {
  const LipschitzCnnOptions& o = options;
  if (o.layers < 1 || o.channels < 1 || o.kernel < 1 || o.kernel % 2 == 0)
    throw ArgumentError(
        "LipschitzCnnLearner: expected at least 1 layer and channel and an odd "
        "kernel, got " +
        std::to_string(o.layers) + ", " + std::to_string(o.channels) + ", " +
        std::to_string(o.kernel));
  if (o.activation == Activation::spline && (o.knots < 2 || !(o.x_min < o.x_max)))
    throw ArgumentError("LipschitzCnnLearner: splines need 2 knots and x_min < x_max");
  if (!(o.bounds.min >= -1 && o.bounds.max <= 1))
    throw ArgumentError(
        "LipschitzCnnLearner: slopes must be bounded within [-1, 1], or the network "
        "is not 1-Lipschitz");
  if (!(o.layer_norm > 0) || !std::isfinite(o.layer_norm))
    throw ArgumentError("LipschitzCnnLearner: the norm of the layers must be positive and finite");
  if (!(o.tv2 >= 0)) throw ArgumentError("LipschitzCnnLearner: tv2 must not be negative");
  if (!(o.noise_level > 0 && o.noise_level <= 1))
    throw ArgumentError("LipschitzCnnLearner: the noise level must lie in (0, 1], got " +
                        std::to_string(o.noise_level) + "; write 10/255 for 10");
}

template <class T>
Index LipschitzCnnLearner<T>::channels_after(Index layer) const {
  return layer + 1 == options_.layers ? 1 : options_.channels;
}
template <class T>
bool LipschitzCnnLearner<T>::has_parameters() const {
  return ActivationLayer<T>::parameter_shape(options_.activation, 2, 2) != Shape{0};
}
template <class T>
Array<double> LipschitzCnnLearner<T>::knots(const Array<double>& values) const {
  return uniform_knots(values.shape()[0], values.shape()[1], options_.x_min, options_.x_max);
}

template <class T>
Parameters LipschitzCnnLearner<T>::initial(const Rng& rng) const {
  const LipschitzCnnOptions& o = options_;
  Parameters p;
  Index in = 1;
  for (Index l = 0; l < o.layers; ++l) {
    const Index out = channels_after(l), taps = o.kernel * o.kernel;
    const std::string name = numbered("weight_", l);
    Array<double> w = random(Shape{out, in, o.kernel, o.kernel}, rng, name, 0.02);
    const Array<double> square = random(Shape{out, in}, rng, name + " middle", 1);
    const Orthonormalised middle(square, 30);
    for (Index i = 0; i < square.size(); ++i) w[i * taps + taps / 2] += middle.value()[i];
    p.add(name, "weights", std::move(w));
    p.add(numbered("bias_", l), "weights", random(Shape{out}, rng, numbered("bias_", l), 0.02));
    in = out;
  }
  if (!has_parameters()) return p;
  for (Index l = 0; l + 1 < o.layers; ++l) {
    Array<double> a(ActivationLayer<T>::parameter_shape(o.activation, channels_after(l), o.knots));
    if (o.activation == Activation::householder) {
      for (double& v : a) v = std::acos(0.0);
    } else if (o.activation == Activation::prelu) {
      for (double& v : a) v = o.left.value_or(-1);
    } else {
      const Array<double> t = knots(a);
      for (Index i = 0; i < a.size(); ++i) a[i] = t[i] > 0 ? t[i] : o.left.value_or(0.1) * t[i];
    }
    p.add(numbered("activation_", l), "activations", std::move(a));
  }
  return p;
}

template <class T>
void LipschitzCnnLearner<T>::check(const Parameters& p) const {
  p.require_like("LipschitzCnnLearner parameters", initial(Rng(0)));
}

template <class T>
typename LipschitzCnnLearner<T>::Prepared LipschitzCnnLearner<T>::prepare(
    const Parameters& p) const {
  const LipschitzCnnOptions& o = options_;
  Prepared result;
  result.effective = p;
  result.norms.resize(static_cast<std::size_t>(o.layers));
  parallel_for(o.layers, 1, [&](Index begin, Index end) {
    for (Index l = begin; l < end; ++l)
      result.norms[static_cast<std::size_t>(l)] =
          frequency_norm_gradient(p[numbered("weight_", l)]);
  });
  for (Index l = 0; l < o.layers; ++l) {
    Array<double>& w = result.effective[numbered("weight_", l)];
    const double factor = o.layer_norm / result.norms[static_cast<std::size_t>(l)].value;
    for (double& v : w) v *= factor;
    result.layers.emplace_back(detail::converted<T>(w),
                               detail::converted<T>(p[numbered("bias_", l)]));
  }
  for (Index l = 0; l + 1 < o.layers; ++l) {
    Array<double> a;
    if (has_parameters()) {
      Array<double>& kept = result.effective[numbered("activation_", l)];
      if (o.activation == Activation::spline) kept = project_slopes(kept, knots(kept), o.bounds);
      if (o.activation == Activation::prelu)
        for (double& v : kept) v = std::clamp(v, -1.0, 1.0);
      a = kept;
    }
    result.activations.emplace_back(o.activation, channels_after(l), a,
                                    ActivationOptions{o.x_min, o.x_max, 2});
  }
  return result;
}

template <class T>
Parameters LipschitzCnnLearner<T>::effective_zeros(const Prepared& prepared) const {
  return prepared.effective.zeros();
}

template <class T>
LipschitzCnnLearner<T>::Pass::Pass(const LipschitzCnnLearner& learner, const Prepared& prepared,
                                   Parameters& effective)
    : prepared_(prepared),
      effective_(effective),
      has_parameters_(learner.has_parameters()),
      inputs_(prepared.layers.size()),
      outputs_(prepared.layers.size()),
      pulls_(prepared.layers.size()) {
  for (const Convolution<T>& layer : prepared.layers) {
    weights_.emplace_back(layer.weights().shape());
    biases_.emplace_back(layer.bias().shape());
  }
}

template <class T>
const Array<T>& LipschitzCnnLearner<T>::Pass::forward(ConstView<T> x) {
  const std::size_t n = prepared_.layers.size();
  for (std::size_t l = 0; l < n; ++l) {
    const ConstView<T> in = l == 0 ? x : ConstView<T>(inputs_[l]);
    fit(outputs_[l], prepared_.layers[l].output_shape(in.shape()));
    prepared_.layers[l].apply(in, outputs_[l]);
    if (l + 1 == n) break;
    fit(inputs_[l + 1], outputs_[l].shape());
    prepared_.activations[l].values(outputs_[l], inputs_[l + 1]);
  }
  return outputs_[n - 1];
}

template <class T>
void LipschitzCnnLearner<T>::Pass::backward(ConstView<T> x, ConstView<T> g, Array<T>* gx) {
  Array<double> none(Shape{0});
  for (std::size_t l = prepared_.layers.size(); l-- > 0;) {
    const ConstView<T> in = l == 0 ? x : ConstView<T>(inputs_[l]);
    const ConstView<T> pull = l + 1 == prepared_.layers.size() ? g : ConstView<T>(pulls_[l]);
    prepared_.layers[l].weight_gradient(in, pull, weights_[l], biases_[l]);
    if (l == 0 && gx == nullptr) return;
    Array<T>& before = l == 0 ? *gx : pulls_[l - 1];
    fit(before, in.shape());
    prepared_.layers[l].apply_adjoint(pull, before);
    if (l == 0) return;
    View<double> ga =
        has_parameters_
            ? View<double>(effective_[numbered("activation_", static_cast<Index>(l) - 1)])
            : none;
    prepared_.activations[l - 1].vjp(outputs_[l - 1], before, before, ga);
  }
}

template <class T>
void LipschitzCnnLearner<T>::Pass::finish() {
  for (std::size_t l = 0; l < weights_.size(); ++l) {
    add(weights_[l], effective_[numbered("weight_", static_cast<Index>(l))]);
    add(biases_[l], effective_[numbered("bias_", static_cast<Index>(l))]);
  }
}

template <class T>
double LipschitzCnnLearner<T>::shard_gradient(const Prepared& prepared, const Shard<T>& shard,
                                              LossGradient<T> loss, Parameters& effective,
                                              Figures&) const {
  Pass pass(*this, prepared, effective);
  double sum = 0;
  for (const Sample<T>& sample : shard) {
    Array<T> estimate(sample.input.shape()), pull(sample.input.shape());
    average<T>(sample.input, pass.forward(sample.input), estimate);
    sum += loss(estimate, sample.target, pull);
    for (T& v : pull) v /= 2;
    pass.backward(sample.input, pull);
  }
  pass.finish();
  return sum;
}

template <class T>
Parameters LipschitzCnnLearner<T>::pull_back(const Parameters& p, const Prepared& prepared,
                                             const Parameters& effective) const {
  const LipschitzCnnOptions& o = options_;
  Parameters result = effective;
  for (Index l = 0; l < o.layers; ++l) {
    const std::string name = numbered("weight_", l);
    result[name] =
        normalised_vjp(p[name], prepared.norms[static_cast<std::size_t>(l)], effective[name]);
    for (double& v : result[name]) v *= o.layer_norm;
  }
  for (Index l = 0; has_parameters() && l + 1 < o.layers; ++l) {
    const std::string name = numbered("activation_", l);
    const Array<double>& a = p[name];
    if (o.activation == Activation::spline)
      result[name] = project_slopes_vjp(a, knots(a), o.bounds, effective[name]);
    if (o.activation == Activation::prelu)
      for (Index i = 0; i < a.size(); ++i)
        if (std::abs(a[i]) > 1) result[name][i] = 0;
  }
  return result;
}

template <class T>
double LipschitzCnnLearner<T>::penalty(const Parameters& p, const Prepared& prepared,
                                       Parameters& gradient) const {
  const LipschitzCnnOptions& o = options_;
  if (o.activation != Activation::spline || o.tv2 == 0) return 0;
  double sum = 0;
  for (Index l = 0; l + 1 < o.layers; ++l) {
    const std::string name = numbered("activation_", l);
    const Array<double>& a = p[name];
    Array<double> g(a.shape());
    sum += o.tv2 * add_tv2_gradient(prepared.effective[name], knots(a), o.tv2, g);
    add(project_slopes_vjp(a, knots(a), o.bounds, g), gradient[name]);
  }
  return sum;
}

template <class T>
void LipschitzCnnLearner<T>::estimate(const Prepared& prepared, const Sample<T>& sample,
                                      View<T> out) const {
  Parameters unused;
  average<T>(sample.input, Pass(*this, prepared, unused).forward(sample.input), out);
}

template <class T>
Model<float> LipschitzCnnLearner<T>::to_model(const Parameters& p) const {
  check(p);
  const Prepared prepared = prepare(p);
  LipschitzCnnParameters cnn;
  cnn.activation = options_.activation;
  cnn.x_min = options_.x_min;
  cnn.x_max = options_.x_max;
  cnn.noise_level = options_.noise_level;
  for (Index l = 0; l < options_.layers; ++l) {
    Array<double> w = prepared.effective[numbered("weight_", l)];
    const double bound = frequency_norm(w).upper;
    for (double& v : w) v *= options_.layer_norm / bound;
    cnn.weights.push_back(std::move(w));
    cnn.biases.push_back(p[numbered("bias_", l)]);
    if (has_parameters() && l + 1 < options_.layers)
      cnn.activation_parameters.push_back(prepared.effective[numbered("activation_", l)]);
  }
  // What rounding left above 1.
  const LipschitzCnn<float> made(cnn);
  return {options_.layer_norm > 1 ? made : certified(made), {}};
}

template class LipschitzCnnLearner<float>;
template class LipschitzCnnLearner<double>;

}  // namespace fejer
