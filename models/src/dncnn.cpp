#include <fejer/models/dncnn.hpp>

#include <algorithm>
#include <cmath>
#include <string>

#include <fejer/models/convolution.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "batch.hpp"
#include "converted.hpp"
#include "trained_level.hpp"

namespace fejer {

template <class T>
struct Dncnn<T>::Data {
  DncnnParameters parameters;
  std::vector<Convolution<T>> layers;

  Index channels() const { return parameters.weights.front().shape()[1]; }

  /// x - chain(x) of images (N, C, H, W).
  void apply(ConstView<T> x, View<T> out, DncnnTape<T>* tape) const {
    Array<T> v(x);
    for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
      Array<T> next(layers[l].output_shape(v.shape()));
      layers[l].apply(v, next);
      parallel_for(next.size(), 4096, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i) next[i] = std::max(next[i], T(0));
      });
      if (tape != nullptr) tape->inputs.push_back(std::move(v));
      v = std::move(next);
    }
    layers.back().apply(v, out);
    if (tape != nullptr) tape->inputs.push_back(std::move(v));
    combine<T>(1, x, -1, out, out);
  }
};

namespace {

void check(const DncnnParameters& p) {
  const std::size_t n = p.weights.size();
  if (n == 0 || p.biases.size() != n)
    throw ArgumentError("Dncnn: got " + std::to_string(n) + " weights and " +
                        std::to_string(p.biases.size()) + " biases, expected one of each a layer");
  const Shape& first = p.weights.front().shape();
  const Index image = first.rank() == 4 ? first[1] : 1;
  Index channels = image;
  for (std::size_t l = 0; l < n; ++l) {
    const Shape& s = p.weights[l].shape();
    const bool last = l + 1 == n;
    if (s.rank() != 4 || s.size() == 0 || s[1] != channels || s[2] % 2 == 0 || s[3] % 2 == 0 ||
        (last && s[0] != image))
      throw ShapeError("Dncnn weights of layer " + std::to_string(l) + ": got " + to_string(s) +
                       ", expected (" + (last ? std::to_string(image) : "out") + ", " +
                       std::to_string(channels) + ", odd, odd)");
    channels = s[0];
    require_shape("Dncnn bias", p.biases[l].shape(), Shape{channels});
    for (const auto* values : {&p.weights[l], &p.biases[l]})
      for (const double v : *values)
        if (!std::isfinite(v))
          throw ArgumentError("Dncnn: layer " + std::to_string(l) + " holds a value that is not " +
                              "finite");
  }
  if (!(p.noise_level > 0 && p.noise_level <= 1))
    throw ArgumentError("Dncnn: the trained noise level must lie in (0, 1], got " +
                        std::to_string(p.noise_level) + "; write 25/255 for 25");
}

}  // namespace

template <class T>
Dncnn<T>::Dncnn(const DncnnParameters& p) {
  check(p);
  auto data = std::make_shared<Data>();
  data->parameters = p;
  for (std::size_t l = 0; l < p.weights.size(); ++l)
    data->layers.emplace_back(detail::converted<T>(p.weights[l]),
                              detail::converted<T>(p.biases[l]));
  data_ = std::move(data);
}

template <class T>
void Dncnn<T>::denoise(ConstView<T> x, double sigma, View<T> out) const {
  require_shape("Dncnn::denoise output", out.shape(), x.shape());
  detail::require_trained_level("DnCNN", sigma, noise_level());
  const Shape images = detail::as_batch("Dncnn input", x.shape(), image_channels());
  const Shape one{1, images[1], images[2], images[3]};
  for (Index at = 0; at < x.size(); at += one.size())
    data_->apply(ConstView<T>(x.data() + at, one), View<T>(out.data() + at, one), nullptr);
}

template <class T>
Certificate Dncnn<T>::certificate() const {
  Certificate c;
  c.how = "DnCNN: no bound of its Lipschitz constant is known";
  return c;
}

template <class T>
void Dncnn<T>::forward(ConstView<T> x, View<T> out, DncnnTape<T>& tape) const {
  require_shape("Dncnn::forward output", out.shape(), x.shape());
  const Shape images = detail::as_batch("Dncnn input", x.shape(), image_channels());
  tape.inputs.clear();
  data_->apply(x.reshaped(images), out.reshaped(images), &tape);
}

template <class T>
void Dncnn<T>::vjp(const DncnnTape<T>& tape, ConstView<T> u, View<T> gx,
                   DncnnGradient<T>* gradient) const {
  require_shape("Dncnn::vjp output", gx.shape(), u.shape());
  if (tape.inputs.size() != data_->layers.size())
    throw ArgumentError("Dncnn::vjp: the tape is not one of `forward` on this network");
  const Shape& images = tape.inputs.front().shape();
  Array<T> g(u.reshaped(images));
  for (T& v : g) v = -v;
  for (std::size_t l = data_->layers.size(); l-- > 0;) {
    const Convolution<T>& layer = data_->layers[l];
    const Array<T>& input = tape.inputs[l];
    if (gradient != nullptr)
      layer.weight_gradient(input, g, gradient->weights[l], gradient->biases[l]);
    Array<T> next(input.shape());
    layer.apply_adjoint(g, next);
    if (l > 0)
      parallel_for(next.size(), 4096, [&](Index begin, Index end) {
        for (Index i = begin; i < end; ++i)
          if (!(input[i] > 0)) next[i] = 0;
      });
    g = std::move(next);
  }
  combine<T>(1, u.reshaped(images), 1, g, gx.reshaped(images));
}

template <class T>
double Dncnn<T>::noise_level() const {
  return data_->parameters.noise_level;
}
template <class T>
Index Dncnn<T>::image_channels() const {
  return data_->channels();
}
template <class T>
const DncnnParameters& Dncnn<T>::parameters() const {
  return data_->parameters;
}

template <class T>
DncnnGradient<T> Dncnn<T>::zero_gradient() const {
  DncnnGradient<T> gradient;
  for (const auto& layer : data_->layers) {
    gradient.weights.emplace_back(layer.weights().shape());
    gradient.biases.emplace_back(layer.bias().shape());
  }
  return gradient;
}

template class Dncnn<float>;
template class Dncnn<double>;

}  // namespace fejer
