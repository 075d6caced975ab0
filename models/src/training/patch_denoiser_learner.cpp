#include <fejer/models/training/patch_denoiser_learner.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include <fejer/models/training/fully_connected.hpp>

#include "../image_patches.hpp"

namespace fejer {
namespace {

using detail::PatchMatrix;

std::string of_layer(const char* name, std::size_t l) {
  return std::string(name) + "_" + std::to_string(l);
}

/// How many patches an image has.
Index patches_of(const Shape& s, Index size) {
  if (s.rank() != 3 || s[0] != 1 || s[1] < size || s[2] < size)
    throw ShapeError("PatchDenoiserLearner: got images " + to_string(s) +
                     ", expected (1, H, W) of " + std::to_string(size) + " x " +
                     std::to_string(size) + " pixels or more");
  return detail::positions(s[1], size) * detail::positions(s[2], size);
}

template <class T>
Array<T> mean_of_patches(const PatchMatrix<T>& patches, Index size, const Shape& s) {
  Array<T> image(s);
  const Index down = detail::positions(s[1], size), across = detail::positions(s[2], size);
  for (Index y = 0; y < s[1]; ++y) {
    T* row = image.data() + y * s[2];
    for (Index r = std::max<Index>(0, y - size + 1); r <= std::min(y, down - 1); ++r)
      detail::add_patch_row<T>(patches.middleCols(r * across, across), size, r, y, row);
    detail::divide_by_coverage(row, y, s[1], s[2], size);
  }
  return image;
}

}  // namespace

template <class T>
PatchDenoiserLearner<T>::PatchDenoiserLearner(const PatchDenoiserOptions& options)
    : options_(options) {
  for (const Index units : options.hidden)
    if (units < 1)
      throw ArgumentError("PatchDenoiserLearner: got a hidden layer of " + std::to_string(units) +
                          " units, expected 1 or more");
  for (const double lambda : {options.lambda_w, options.lambda_b})
    if (!(lambda >= 0 && std::isfinite(lambda)))
      throw ArgumentError("PatchDenoiserLearner: got lambda " + std::to_string(lambda) +
                          ", expected 0 or more");
  if (options.activation != Activation::relu && options.activation != Activation::spline)
    throw ArgumentError("PatchDenoiserLearner: got activation " + to_string(options.activation) +
                        ", expected relu or spline");
  if (!(options.tv2 >= 0 && std::isfinite(options.tv2)))
    throw ArgumentError("PatchDenoiserLearner: got tv2 " + std::to_string(options.tv2) +
                        ", expected 0 or more");
  PatchDenoiser<T>{parameters(initial(Rng(0)))};  // refuses the other options
}

template <class T>
Parameters PatchDenoiserLearner<T>::initial(const Rng& rng) const {
  Parameters p;
  const Index pixels = options_.size * options_.size;
  std::vector<Index> widths = {pixels};
  widths.insert(widths.end(), options_.hidden.begin(), options_.hidden.end());
  widths.push_back(pixels);
  for (std::size_t l = 0; l + 1 < widths.size(); ++l) {
    Array<double> w(Shape{widths[l + 1], widths[l]});
    fill_normal<double>(w, rng.stream(of_layer("weight", l)));
    for (double& v : w) v *= std::sqrt(2 / static_cast<double>(widths[l]));
    p.add(of_layer("weight", l), "weights", std::move(w));
    p.add(of_layer("bias", l), "weights", Array<double>(Shape{widths[l + 1]}));
  }
  for (std::size_t l = 0; has_splines() && l < options_.hidden.size(); ++l) {
    Array<double> f =
        uniform_knots(options_.hidden[l], options_.knots, options_.x_min, options_.x_max);
    for (double& v : f) v = std::max(v, options_.slope * v);
    p.add(of_layer("activation", l), "activations", std::move(f));
  }
  return p;
}

template <class T>
Array<double> PatchDenoiserLearner<T>::knots(const Array<double>& values) const {
  return uniform_knots(values.shape()[0], values.shape()[1], options_.x_min, options_.x_max);
}

template <class T>
PatchDenoiserParameters PatchDenoiserLearner<T>::parameters(const Parameters& p) const {
  PatchDenoiserParameters d;
  for (std::size_t l = 0; l <= options_.hidden.size(); ++l) {
    d.network.weights.push_back(p[of_layer("weight", l)]);
    d.network.biases.push_back(p[of_layer("bias", l)]);
  }
  d.network.slope = options_.slope;
  for (std::size_t l = 0; has_splines() && l < options_.hidden.size(); ++l) {
    const Array<double>& f = p[of_layer("activation", l)];
    d.network.splines.push_back(project_slopes(f, knots(f), options_.bounds));
    d.network.x_min = options_.x_min;
    d.network.x_max = options_.x_max;
  }
  d.size = options_.size;
  d.noise_level = options_.noise_level;
  d.inputs.resize(static_cast<std::size_t>(d.size * d.size));
  std::iota(d.inputs.begin(), d.inputs.end(), 0);
  return d;
}

template <class T>
typename PatchDenoiserLearner<T>::Prepared PatchDenoiserLearner<T>::prepare(
    const Parameters& p) const {
  PatchDenoiserParameters network = parameters(p);
  FullyConnectedLayers<T> layers(network.network);
  return {std::move(network), std::move(layers)};
}

template <class T>
Parameters PatchDenoiserLearner<T>::effective_zeros(const Prepared& prepared) const {
  const FullyConnectedParameters& network = prepared.network.network;
  Parameters zeros;
  for (std::size_t l = 0; l < network.weights.size(); ++l) {
    zeros.add(of_layer("weight", l), "weights", Array<double>(network.weights[l].shape()));
    zeros.add(of_layer("bias", l), "weights", Array<double>(network.biases[l].shape()));
  }
  for (std::size_t l = 0; l < network.splines.size(); ++l)
    zeros.add(of_layer("activation", l), "activations", Array<double>(network.splines[l].shape()));
  return zeros;
}

template <class T>
double PatchDenoiserLearner<T>::shard_gradient(const Prepared& prepared, const Shard<T>& shard,
                                               LossGradient<T> loss, Parameters& effective,
                                               Figures&) const {
  const Index size = options_.size;
  const T sigma = static_cast<T>(options_.noise_level);
  // The patches of all samples side by side: one product a layer.
  Index columns = 0;
  for (const Sample<T>& sample : shard) columns += patches_of(sample.input.shape(), size);
  PatchMatrix<T> patches(size * size, columns), pulls(size * size, columns);
  const auto part = [&](PatchMatrix<T>& all, Index at, const Sample<T>& sample) {
    return all.middleCols(at, patches_of(sample.input.shape(), size));
  };
  Index at = 0;
  for (const Sample<T>& sample : shard) {
    const Shape& s = sample.input.shape();
    part(patches, at, sample) = detail::cut_patches<T>(sample.input.reshaped(Shape{s[1], s[2]}),
                                                       size, 0, detail::positions(s[1], size));
    at += patches_of(s, size);
  }
  const auto means = detail::centre(patches);
  FullyConnectedPass<T> pass(prepared.layers);
  Array<T> in(Shape{patches.rows(), columns});
  as_matrix(View<T>(in)) = patches / sigma;
  patches = sigma * as_matrix(ConstView<T>(pass.forward(std::move(in))));
  patches.rowwise() += means;
  double sum = 0;
  at = 0;
  for (const Sample<T>& sample : shard) {
    const Shape& s = sample.input.shape();
    Array<T> pull(s);
    const Array<T> estimate = mean_of_patches<T>(part(patches, at, sample), size, s);
    sum += loss(estimate, sample.target, pull);
    for (Index y = 0; y < s[1]; ++y)
      detail::divide_by_coverage(pull.data() + y * s[2], y, s[1], s[2], size);
    part(pulls, at, sample) = detail::cut_patches<T>(ConstView<T>(pull).reshaped(Shape{s[1], s[2]}),
                                                     size, 0, detail::positions(s[1], size));
    at += patches_of(s, size);
  }
  Array<T> back(Shape{pulls.rows(), columns});
  as_matrix(View<T>(back)) = sigma * pulls;
  pass.backward(std::move(back), effective);
  return sum;
}

template <class T>
Parameters PatchDenoiserLearner<T>::pull_back(const Parameters& p, const Prepared&,
                                              const Parameters& effective) const {
  Parameters result = effective;
  for (std::size_t l = 0; has_splines() && l < options_.hidden.size(); ++l) {
    const std::string name = of_layer("activation", l);
    result[name] = project_slopes_vjp(p[name], knots(p[name]), options_.bounds, effective[name]);
  }
  return result;
}

template <class T>
double PatchDenoiserLearner<T>::penalty(const Parameters& p, const Prepared& prepared,
                                        Parameters& gradient) const {
  const double unit = options_.noise_level * options_.noise_level / 2;
  const double on_columns = unit * options_.lambda_w, on_biases = unit * options_.lambda_b;
  double sum = 0;
  for (std::size_t l = 0; l <= options_.hidden.size(); ++l) {
    const auto w = as_matrix(ConstView<double>(p[of_layer("weight", l)]));
    const auto b = flat(ConstView<double>(p[of_layer("bias", l)]));
    auto gw = as_matrix(View<double>(gradient[of_layer("weight", l)]));
    for (Index j = 0; j < w.cols(); ++j) {
      const double norm = w.col(j).norm();
      sum += on_columns * norm;
      if (norm > 0) gw.col(j) += on_columns / norm * w.col(j);
    }
    sum += on_biases * b.square().sum();
    flat(View<double>(gradient[of_layer("bias", l)])) += 2 * on_biases * b;
  }
  const auto& splines = prepared.network.network.splines;
  for (std::size_t l = 0; options_.tv2 > 0 && l < splines.size(); ++l) {
    const std::string name = of_layer("activation", l);
    const double weight = unit * options_.tv2;
    Array<double> g(splines[l].shape());
    sum += weight * add_tv2_gradient(splines[l], knots(splines[l]), weight, g);
    const Array<double> pulled = project_slopes_vjp(p[name], knots(p[name]), options_.bounds, g);
    flat(View<double>(gradient[name])) += flat(ConstView<double>(pulled));
  }
  return sum;
}

template <class T>
void PatchDenoiserLearner<T>::estimate(const Prepared& prepared, const Sample<T>& sample,
                                       View<T> out) const {
  PatchDenoiser<T>(prepared.network).denoise(sample.input, options_.noise_level, out);
}

template <class T>
Model<float> PatchDenoiserLearner<T>::to_model(const Parameters& p) const {
  p.require_like("PatchDenoiserLearner parameters", initial(Rng(0)));
  return {PatchDenoiser<float>(parameters(p)), {}};
}

template class PatchDenoiserLearner<float>;
template class PatchDenoiserLearner<double>;

}  // namespace fejer
