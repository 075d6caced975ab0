#include <fejer/models/training/drunet_learner.hpp>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "drunet_parameters.hpp"

namespace fejer {
namespace {

std::vector<Array<double>> weights_of(const Parameters& p) {
  std::vector<Array<double>> weights;
  for (const Parameters::Entry& e : p.entries()) weights.push_back(e.value);
  return weights;
}

/// How many inputs each output of a convolution sums: published layouts are (out, in, k, k), but
/// for those to a finer level, where each output has one tap of each of the `in` channels in front.
Index inputs_of(const Shape& shape, bool finer) {
  return finer ? shape[0] : shape[1] * shape[2] * shape[3];
}

}  // namespace

template <class T>
DrunetLearner<T>::DrunetLearner(const DrunetOptions& options) : options_(options) {
  drunet_weights(options);  // refuses what makes no network
}

template <class T>
Parameters DrunetLearner<T>::initial(const Rng& rng) const {
  Parameters p;
  for (const auto& [name, shape] : drunet_weights(options_)) {
    Array<double> w(shape);
    fill_normal<double>(w, rng.stream(name));
    const bool head = name == "m_head.weight", tail = name == "m_tail.weight";
    const bool finer = name.starts_with("m_up") && shape[3] == 2;
    const bool quiet = tail || finer || name.ends_with(".res.2.weight");
    const double scale =
        (quiet ? 0.1 : 1) / std::sqrt(static_cast<double>(inputs_of(shape, finer)));
    for (double& v : w) v *= scale;
    for (Index c = 0; (head || tail) && c < std::min(shape[0], options_.image_channels); ++c)
      for (Index i = 0; i < shape[1]; ++i)
        for (Index q = 0; q < 9; ++q)  // channel c of the image goes through as it is
          if (head || i == c) w[(c * shape[1] + i) * 9 + q] = i == c && q == 4 ? 1 : 0;
    p.add(name, "weights", std::move(w));
  }
  return p;
}

template <class T>
typename DrunetLearner<T>::Prepared DrunetLearner<T>::prepare(const Parameters& p) const {
  return {Drunet<T>(options_, weights_of(p)), p};
}

template <class T>
Parameters DrunetLearner<T>::effective_zeros(const Prepared& prepared) const {
  return prepared.parameters.zeros();
}

template <class T>
double DrunetLearner<T>::shard_gradient(const Prepared& prepared, const Shard<T>& shard,
                                        LossGradient<T> loss, Parameters& effective,
                                        Figures&) const {
  DrunetGradient<T> gradient = prepared.network.zero_gradient();
  DrunetTape<T> tape;
  double sum = 0;
  for (const Sample<T>& sample : shard) {
    Array<T> estimate(sample.input.shape()), pull(estimate.shape()), unused(estimate.shape());
    prepared.network.forward(sample.input, sample.sigma, estimate, tape);
    sum += loss(estimate, sample.target, pull);
    prepared.network.vjp(tape, pull, unused, &gradient);
  }
  detail::add_weights(gradient, effective);
  return sum;
}

template <class T>
Parameters DrunetLearner<T>::pull_back(const Parameters&, const Prepared&,
                                       const Parameters& effective) const {
  return effective;
}

template <class T>
void DrunetLearner<T>::estimate(const Prepared& prepared, const Sample<T>& sample,
                                View<T> out) const {
  prepared.network.denoise(sample.input, sample.sigma, out);
}

template <class T>
Model<float> DrunetLearner<T>::to_model(const Parameters& p) const {
  p.require_like("DrunetLearner parameters", initial(Rng(0)));
  return {Drunet<float>(options_, weights_of(p)), {}};
}

template class DrunetLearner<float>;
template class DrunetLearner<double>;

}  // namespace fejer
