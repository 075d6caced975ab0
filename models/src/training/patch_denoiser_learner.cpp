#include <fejer/models/training/patch_denoiser_learner.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include <fejer/algorithms/matrix_product.hpp>

#include "../converted.hpp"
#include "../image_patches.hpp"

namespace fejer {
namespace {

using detail::PatchMatrix;

std::string of_layer(const char* name, std::size_t l) {
  return std::string(name) + "_" + std::to_string(l);
}

/// The layers of a network on all patches of one image, there and back.
template <class T>
class PatchPass {
 public:
  PatchPass(const std::vector<Array<T>>& weights, const std::vector<Array<T>>& biases, double slope)
      : weights_(weights), biases_(biases), slope_(static_cast<T>(slope)) {}

  /// The last layer's values; keeps what each layer was applied to, and its own values.
  const PatchMatrix<T>& forward(PatchMatrix<T> x) {
    values_ = {std::move(x)};
    for (std::size_t l = 0; l < weights_.size(); ++l) {
      PatchMatrix<T> u = product<T>(as_matrix(ConstView<T>(weights_[l])), values_.back());
      u.colwise() += flat(ConstView<T>(biases_[l])).matrix();
      if (l + 1 < weights_.size()) u = u.cwiseMax(slope_ * u).eval();
      values_.push_back(std::move(u));
    }
    return values_.back();
  }
  /// Adds the gradients for weights and biases; g is that for the last values.
  void backward(PatchMatrix<T> g, Parameters& gradient) const {
    for (std::size_t l = weights_.size(); l-- > 0;) {
      const PatchMatrix<T> gw = product_transposed<T>(g, values_[l]);
      as_matrix(View<double>(gradient[of_layer("weight", l)])) += gw.template cast<double>();
      flat(View<double>(gradient[of_layer("bias", l)])).matrix() +=
          g.rowwise().sum().template cast<double>();
      if (l == 0) return;
      const PatchMatrix<T> before = transposed_product<T>(as_matrix(ConstView<T>(weights_[l])), g);
      // A leaky ReLU keeps the sign.
      g = (values_[l].array() > 0).select(before, slope_ * before);
    }
  }

 private:
  const std::vector<Array<T>>&weights_, &biases_;
  T slope_;
  std::vector<PatchMatrix<T>> values_;
};

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
  return p;
}

template <class T>
PatchDenoiserParameters PatchDenoiserLearner<T>::parameters(const Parameters& p) const {
  PatchDenoiserParameters d;
  for (std::size_t l = 0; l <= options_.hidden.size(); ++l) {
    d.network.weights.push_back(p[of_layer("weight", l)]);
    d.network.biases.push_back(p[of_layer("bias", l)]);
  }
  d.network.slope = options_.slope;
  d.size = options_.size;
  d.noise_level = options_.noise_level;
  d.inputs.resize(static_cast<std::size_t>(d.size * d.size));
  std::iota(d.inputs.begin(), d.inputs.end(), 0);
  return d;
}

template <class T>
typename PatchDenoiserLearner<T>::Prepared PatchDenoiserLearner<T>::prepare(
    const Parameters& p) const {
  Prepared prepared{parameters(p), {}, {}};
  for (const Array<double>& w : prepared.network.network.weights)
    prepared.weights.push_back(detail::converted<T>(w));
  for (const Array<double>& b : prepared.network.network.biases)
    prepared.biases.push_back(detail::converted<T>(b));
  return prepared;
}

template <class T>
Parameters PatchDenoiserLearner<T>::effective_zeros(const Prepared& prepared) const {
  Parameters zeros;
  for (std::size_t l = 0; l < prepared.weights.size(); ++l) {
    zeros.add(of_layer("weight", l), "weights", Array<double>(prepared.weights[l].shape()));
    zeros.add(of_layer("bias", l), "weights", Array<double>(prepared.biases[l].shape()));
  }
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
  PatchPass<T> pass(prepared.weights, prepared.biases, options_.slope);
  patches = sigma * pass.forward(patches / sigma);
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
  pass.backward(sigma * pulls, effective);
  return sum;
}

template <class T>
Parameters PatchDenoiserLearner<T>::pull_back(const Parameters&, const Prepared&,
                                              const Parameters& effective) const {
  return effective;
}

template <class T>
double PatchDenoiserLearner<T>::penalty(const Parameters& p, const Prepared&,
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
