#include <fejer/models/lipschitz_cnn.hpp>

#include <algorithm>
#include <cmath>

#include <fejer/models/frequency_norm.hpp>

#include "converted.hpp"
#include "planes.hpp"
#include "trained_level.hpp"

namespace fejer {

using detail::Extent;
using detail::PaddedPlanes;
using detail::Planes;

template <class T>
struct LipschitzCnn<T>::Data {
  using RowDone = typename detail::PackedKernel<T>::RowDone;
  LipschitzCnnParameters parameters;
  std::vector<detail::PackedKernel<T>> layers;
  std::vector<ActivationLayer<T>> activations;
  std::vector<NormInterval> norms;
  std::vector<double> slopes;

  /// Activation l in place, where it acts on groups of channels.
  void activate(std::size_t l, const Planes<T>& v) const {
    const ActivationLayer<T>& layer = activations[l];
    const Index rows = v.size.rows, size = layer.group_size();
    parallel_for(layer.groups() * rows, 16, [&](Index begin, Index end) {
      std::vector<T*> members(static_cast<std::size_t>(size));
      for (Index i = begin; i < end; ++i) {
        for (Index j = 0; j < size; ++j)
          members[static_cast<std::size_t>(j)] = v.at(layer.member(i / rows, j), i % rows, 0);
        layer.rows(i / rows, members.data(), members.data(), v.size.columns);
      }
    });
  }
  /// The layers from l on; v has their zeros around it.
  void apply_from(std::size_t l, const Planes<T>& v, const Planes<T>& out) const {
    if (l + 1 == layers.size()) return layers[l].convolve(v, out);
    PaddedPlanes<T> next(layers[l].out_channels(), out.size, layers[l + 1].radius());
    if (activations[l].group_size() == 1) {
      const auto activate_row = [&](Index c, Index, T* row) {
        activations[l].rows(c, &row, &row, out.size.columns);
      };
      const RowDone done(activate_row);
      layers[l].convolve(v, next.window(), &done);
    } else {
      layers[l].convolve(v, next.window());
      activate(l, next.window());
    }
    apply_from(l + 1, next.window(), out);
  }
};

namespace {

void check_layers(const LipschitzCnnParameters& p) {
  const std::size_t n = p.weights.size();
  if (n == 0 || p.biases.size() != n)
    throw ArgumentError("LipschitzCnn: got " + std::to_string(n) + " weights and " +
                        std::to_string(p.biases.size()) + " biases, expected one of each a layer");
  const bool with_parameters =
      ActivationLayer<double>::parameter_shape(p.activation, 2, 2) != Shape{0};
  const std::size_t expected = with_parameters ? n - 1 : 0;
  if (p.activation_parameters.size() != expected)
    throw ArgumentError("LipschitzCnn: got " + std::to_string(p.activation_parameters.size()) +
                        " arrays of " + to_string(p.activation) + " parameters, expected " +
                        std::to_string(expected));
  Index channels = 1;
  for (std::size_t l = 0; l < n; ++l) {
    const Shape& s = p.weights[l].shape();
    const bool last = l + 1 == n;
    if (s.rank() != 4 || s.size() == 0 || s[1] != channels || s[2] % 2 == 0 || s[3] % 2 == 0 ||
        (last && s[0] != 1))
      throw ShapeError("LipschitzCnn weights of layer " + std::to_string(l) + ": got " +
                       to_string(s) + ", expected (" + (last ? "1" : "out") + ", " +
                       std::to_string(channels) + ", odd, odd)");
    channels = s[0];
    require_shape("LipschitzCnn bias", p.biases[l].shape(), Shape{channels});
    for (const double v : p.biases[l])
      if (!std::isfinite(v)) throw ArgumentError("LipschitzCnn: a bias is not finite");
  }
  if (!(p.noise_level > 0 && p.noise_level <= 1))
    throw ArgumentError("LipschitzCnn: the trained noise level must lie in (0, 1], got " +
                        std::to_string(p.noise_level) + "; write 10/255 for 10");
  if (!(p.divisor > 0) || !std::isfinite(p.divisor))
    throw ArgumentError("LipschitzCnn: the divisor must be positive and finite, got " +
                        std::to_string(p.divisor));
}

/// (x + N(x)) / 2 + shift.
template <class T>
struct Shifted {
  LipschitzCnn<T> cnn;
  Array<T> shift;
  void denoise(ConstView<T> x, double sigma, View<T> out) const {
    require_shape("certified_about input", x.shape(), shift.shape());
    cnn.denoise(x, sigma, out);
    for (Index i = 0; i < x.size(); ++i) out[i] += shift[i];
  }
  Certificate certificate() const {
    Certificate c = cnn.certificate();
    c.how += "; divided about a fixed image";
    return c;
  }
};

}  // namespace

template <class T>
LipschitzCnn<T>::LipschitzCnn(const LipschitzCnnParameters& p) {
  check_layers(p);
  auto data = std::make_shared<Data>();
  data->parameters = p;
  for (std::size_t l = 0; l < p.weights.size(); ++l) {
    const Array<T> weights = detail::converted<T>(p.weights[l]),
                   bias = detail::converted<T>(p.biases[l]);
    data->layers.emplace_back(weights, bias);
    data->norms.push_back(frequency_norm(p.weights[l]));
  }
  for (std::size_t l = 0; l + 1 < p.weights.size(); ++l) {
    const bool has = l < p.activation_parameters.size();
    data->activations.emplace_back(p.activation, p.weights[l].shape()[0],
                                   has ? p.activation_parameters[l] : Array<double>(),
                                   ActivationOptions{p.x_min, p.x_max, 2});
    data->slopes.push_back(data->activations.back().lipschitz());
  }
  data_ = std::move(data);
}

template <class T>
void LipschitzCnn<T>::network(ConstView<T> x, View<T> out) const {
  require_shape("LipschitzCnn::network output", out.shape(), x.shape());
  const Shape& s = x.shape();
  if (s.rank() < 2)
    throw ShapeError("LipschitzCnn: got " + to_string(s) + ", expected (..., H, W)");
  const Extent size{s.back(1), s.back(0)};
  const Index pixels = size.rows * size.columns;
  for (Index at = 0; at < x.size(); at += pixels) {
    PaddedPlanes<T> padded(1, size, data_->layers.front().radius());
    detail::copy<T>(detail::planes<const T>(x.data() + at, 1, size), padded.window());
    data_->apply_from(0, padded.window(), detail::planes(out.data() + at, 1, size));
  }
  const T factor = static_cast<T>(1 / parameters().divisor);
  for (T& v : out) v *= factor;
}

template <class T>
void LipschitzCnn<T>::denoise(ConstView<T> x, double sigma, View<T> out) const {
  detail::require_trained_level("Lipschitz CNN denoiser", sigma, noise_level());
  network(x, out);
  for (Index i = 0; i < x.size(); ++i) out[i] = (x[i] + out[i]) / 2;
}

template <class T>
double LipschitzCnn<T>::network_bound() const {
  double bound = 1 / parameters().divisor;
  for (const NormInterval& norm : data_->norms) bound *= norm.upper;
  for (const double slope : data_->slopes) bound *= slope;
  return bound;
}

template <class T>
Certificate LipschitzCnn<T>::certificate() const {
  Certificate c;
  c.kind = Certificate::Kind::proven;
  const double bound = network_bound();
  c.lipschitz = (1 + bound) / 2;
  c.how = "N: bound " + std::to_string(bound);
  // `certified` divides by the bound, which then is 1 to rounding.
  if (bound <= 1 + 1e-12) {
    c.lipschitz = 1;
    c.averagedness = 0.5;
    c.how += ": (x + N(x)) / 2 is averaged";
  } else {
    c.how += " > 1: not averaged";
  }
  c.how += "; product of the layers' norms over all frequencies and of the largest slopes";
  return c;
}

template <class T>
const std::vector<NormInterval>& LipschitzCnn<T>::layer_norms() const {
  return data_->norms;
}
template <class T>
const std::vector<double>& LipschitzCnn<T>::activation_slopes() const {
  return data_->slopes;
}
template <class T>
const LipschitzCnnParameters& LipschitzCnn<T>::parameters() const {
  return data_->parameters;
}

template <class T>
LipschitzCnn<T> LipschitzCnn<T>::divided_by(double factor) const {
  auto data = std::make_shared<Data>(*data_);
  data->parameters.divisor *= factor;
  LipschitzCnn result = *this;
  result.data_ = std::move(data);
  return result;
}

template <class T>
LipschitzCnn<T> certified(const LipschitzCnn<T>& cnn) {
  const double bound = cnn.network_bound();
  return bound > 1 ? cnn.divided_by(bound) : cnn;
}

template <class T>
Denoiser<T> certified_about(const LipschitzCnn<T>& cnn, ConstView<T> r) {
  const LipschitzCnn<T> safe = certified(cnn);
  const double b = safe.parameters().divisor / cnn.parameters().divisor;
  if (b == 1) return safe;
  Array<T> shift(r.shape());
  safe.network(r, shift);  // N(r) / b
  for (T& v : shift) v *= static_cast<T>((b - 1) / 2);
  return Shifted<T>{safe, std::move(shift)};
}

template class LipschitzCnn<float>;
template class LipschitzCnn<double>;
template LipschitzCnn<float> certified(const LipschitzCnn<float>&);
template LipschitzCnn<double> certified(const LipschitzCnn<double>&);
template Denoiser<float> certified_about(const LipschitzCnn<float>&, ConstView<float>);
template Denoiser<double> certified_about(const LipschitzCnn<double>&, ConstView<double>);

}  // namespace fejer
