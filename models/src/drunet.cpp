#include <fejer/models/drunet.hpp>

#include <algorithm>
#include <cmath>

#include <fejer/files.hpp>

#include "batch.hpp"
#include "converted.hpp"
#include "drunet_sweeps.hpp"

namespace fejer {

using detail::Streams;

template <class T>
struct Drunet<T>::Data : detail::DrunetLayers<T> {
  /// From gradients for the padded output to those for the images, the weights and sigma.
  void pull(const DrunetTape<T>& tape, Streams<T> g, View<T> gx,
            DrunetGradient<T>* gradient) const {
    const bool weights = gradient != nullptr && !gradient->weights.empty();
    const Streams<T> back =
        this->backward(tape, std::move(g), weights ? &gradient->weights : nullptr);
    const double level = detail::fold_images<T>(back[0], gx.reshaped(tape.image));
    if (gradient != nullptr) gradient->sigma += level;
  }
};

namespace {

const std::vector<std::string>& activation_names() {
  static const std::vector<std::string> names{"relu", "elu", "softplus"};
  return names;
}

void check(const DrunetOptions& o) {
  const auto count = [](const char* what, Index value, Index most) {
    if (value < 1 || value > most)
      throw ArgumentError(std::string("Drunet: got ") + std::to_string(value) + " " + what +
                          ", expected 1 to " + std::to_string(most));
  };
  count("channels of an image", o.image_channels, 64);
  count("blocks on a level", o.blocks, 100);
  for (const Index channels : o.channels) count("channels on a level", channels, 8192);
}

template <class T>
T checked_level(double sigma) {
  if (!(sigma >= 0) || !std::isfinite(sigma))
    throw ArgumentError("Drunet: sigma must be 0 or more, got " + std::to_string(sigma));
  return static_cast<T>(sigma);
}

template <class T>
void require_taped(const DrunetTape<T>& tape, std::size_t layers, int order) {
  if (tape.inputs.size() == layers && tape.tangents.size() == (order > 0 ? layers : 0) &&
      tape.seconds.size() == (order > 1 ? layers : 0))
    return;
  throw ArgumentError("Drunet::vjp: the tape is not one of `forward` with " +
                      std::to_string(order) +
                      " derivatives in a direction on a network of this size");
}

}  // namespace

const std::string& to_string(DrunetActivation activation) {
  return activation_names()[static_cast<std::size_t>(activation)];
}

DrunetActivation drunet_activation_named(const std::string& name) {
  const auto& names = activation_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw ArgumentError(unknown_name("activation", name, names));
  return static_cast<DrunetActivation>(found - names.begin());
}

std::vector<std::pair<std::string, Shape>> drunet_weights(const DrunetOptions& o) {
  check(o);
  std::vector<std::pair<std::string, Shape>> list;
  const auto add = [&](const std::string& name, const Shape& shape) {
    list.emplace_back(name + ".weight", shape);
  };
  // Published code numbers the parts of a stage, unless it is the only one.
  const auto blocks = [&](const std::string& stage, Index first, Index c, bool alone) {
    for (Index b = first; b < first + o.blocks; ++b) {
      const std::string name = alone ? stage : stage + "." + std::to_string(b);
      add(name + ".res.0", {c, c, 3, 3});
      add(name + ".res.2", {c, c, 3, 3});
    }
  };
  const auto& c = o.channels;
  add("m_head", {c[0], o.image_channels + 1, 3, 3});
  for (std::size_t l = 0; l < 3; ++l) {
    const std::string stage = "m_down" + std::to_string(l + 1);
    blocks(stage, 0, c[l], false);
    add(stage + "." + std::to_string(o.blocks), {c[l + 1], c[l], 2, 2});
  }
  blocks("m_body", 0, c[3], o.blocks == 1);
  for (std::size_t l = 3; l-- > 0;) {
    const std::string stage = "m_up" + std::to_string(l + 1);
    add(stage + ".0", {c[l + 1], c[l], 2, 2});
    blocks(stage, 1, c[l], false);
  }
  add("m_tail", {o.image_channels, c[0], 3, 3});
  return list;
}

Index drunet_parameter_count(const DrunetOptions& options) {
  Index count = 0;
  for (const auto& [name, shape] : drunet_weights(options)) count += shape.size();
  return count;
}

template <class T>
Drunet<T>::Drunet(const DrunetOptions& options, const std::vector<Array<double>>& weights) {
  const auto expected = drunet_weights(options);
  if (weights.size() != expected.size())
    throw ArgumentError("Drunet: got " + std::to_string(weights.size()) + " weights, expected " +
                        std::to_string(expected.size()));
  auto data = std::make_shared<Data>();
  data->options = options;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const auto& [name, shape] = expected[k];
    require_shape(("Drunet " + name).c_str(), weights[k].shape(), shape);
    for (const double w : weights[k])
      if (!std::isfinite(w)) throw ArgumentError("Drunet " + name + ": a weight is not finite");
    data->layers.emplace_back(detail::converted<T>(weights[k]), name.starts_with("m_up"));
  }
  data_ = std::move(data);
}

template <class T>
void Drunet<T>::denoise(ConstView<T> x, double sigma, View<T> out) const {
  require_shape("Drunet::denoise output", out.shape(), x.shape());
  const T level = checked_level<T>(sigma);
  const Shape images = detail::as_batch("Drunet input", x.shape(), data_->options.image_channels);
  const Shape one{1, images[1], images[2], images[3]};
  for (Index at = 0; at < x.size(); at += one.size()) {
    Streams<T> in;
    in.push_back(detail::pad_images<T>(ConstView<T>(x.data() + at, one), level));
    const Streams<T> result = data_->forward(std::move(in), nullptr);
    detail::crop_images<T>(result[0], View<T>(out.data() + at, one));
  }
}

template <class T>
Certificate Drunet<T>::certificate() const {
  Certificate c;
  c.how = "DRUNet: no bound of its Lipschitz constant is known";
  return c;
}

template <class T>
void Drunet<T>::forward(ConstView<T> x, double sigma, View<T> out, DrunetTape<T>& tape) const {
  require_shape("Drunet::forward output", out.shape(), x.shape());
  tape = {detail::as_batch("Drunet input", x.shape(), data_->options.image_channels), {}, {}, {}};
  Streams<T> in;
  in.push_back(detail::pad_images<T>(x.reshaped(tape.image), checked_level<T>(sigma)));
  const Streams<T> result = data_->forward(std::move(in), &tape);
  detail::crop_images<T>(result[0], out.reshaped(tape.image));
}

template <class T>
void Drunet<T>::forward(ConstView<T> x, ConstView<T> d, double sigma, View<T> out, View<T> tangent,
                        DrunetTape<T>& tape) const {
  require_shape("Drunet::forward output", out.shape(), x.shape());
  require_shape("Drunet::forward direction", d.shape(), x.shape());
  require_shape("Drunet::forward tangent", tangent.shape(), x.shape());
  tape = {detail::as_batch("Drunet input", x.shape(), data_->options.image_channels), {}, {}, {}};
  Streams<T> in;
  in.push_back(detail::pad_images<T>(x.reshaped(tape.image), checked_level<T>(sigma)));
  in.push_back(detail::pad_images<T>(d.reshaped(tape.image), T(0)));
  const Streams<T> result = data_->forward(std::move(in), &tape);
  detail::crop_images<T>(result[0], out.reshaped(tape.image));
  detail::crop_images<T>(result[1], tangent.reshaped(tape.image));
}

template <class T>
void Drunet<T>::vjp(const DrunetTape<T>& tape, ConstView<T> u, View<T> gx,
                    DrunetGradient<T>* gradient) const {
  require_shape("Drunet::vjp output", gx.shape(), u.shape());
  require_taped(tape, data_->layers.size(), 0);
  Streams<T> g;
  g.push_back(detail::embed_images<T>(u.reshaped(tape.image)));
  data_->pull(tape, std::move(g), gx, gradient);
}

template <class T>
void Drunet<T>::vjp(const DrunetTape<T>& tape, ConstView<T> u, ConstView<T> v, View<T> gx,
                    DrunetGradient<T>* gradient) const {
  require_shape("Drunet::vjp output", gx.shape(), u.shape());
  require_shape("Drunet::vjp cotangent of the tangent", v.shape(), u.shape());
  require_taped(tape, data_->layers.size(), 1);
  Streams<T> g;
  g.push_back(detail::embed_images<T>(u.reshaped(tape.image)));
  g.push_back(detail::embed_images<T>(v.reshaped(tape.image)));
  data_->pull(tape, std::move(g), gx, gradient);
}

template <class T>
void Drunet<T>::forward(ConstView<T> x, ConstView<T> d, double sigma, View<T> out, View<T> tangent,
                        View<T> second, DrunetTape<T>& tape) const {
  require_shape("Drunet::forward output", out.shape(), x.shape());
  require_shape("Drunet::forward direction", d.shape(), x.shape());
  require_shape("Drunet::forward tangent", tangent.shape(), x.shape());
  require_shape("Drunet::forward second derivative", second.shape(), x.shape());
  tape = {detail::as_batch("Drunet input", x.shape(), data_->options.image_channels), {}, {}, {}};
  Streams<T> in;
  in.push_back(detail::pad_images<T>(x.reshaped(tape.image), checked_level<T>(sigma)));
  in.push_back(detail::pad_images<T>(d.reshaped(tape.image), T(0)));
  in.emplace_back(in[0].shape());  // x + t d has no second derivative
  const Streams<T> result = data_->forward(std::move(in), &tape);
  detail::crop_images<T>(result[0], out.reshaped(tape.image));
  detail::crop_images<T>(result[1], tangent.reshaped(tape.image));
  detail::crop_images<T>(result[2], second.reshaped(tape.image));
}

template <class T>
void Drunet<T>::vjp(const DrunetTape<T>& tape, ConstView<T> u, ConstView<T> v, ConstView<T> w,
                    View<T> gx, DrunetGradient<T>* gradient) const {
  require_shape("Drunet::vjp output", gx.shape(), u.shape());
  require_shape("Drunet::vjp cotangent of the tangent", v.shape(), u.shape());
  require_shape("Drunet::vjp cotangent of the second derivative", w.shape(), u.shape());
  require_taped(tape, data_->layers.size(), 2);
  Streams<T> g;
  for (const ConstView<T>& cotangent : {u, v, w})
    g.push_back(detail::embed_images<T>(cotangent.reshaped(tape.image)));
  data_->pull(tape, std::move(g), gx, gradient);
}

template <class T>
const DrunetOptions& Drunet<T>::options() const {
  return data_->options;
}

template <class T>
std::vector<Array<double>> Drunet<T>::weights() const {
  std::vector<Array<double>> result;
  for (const auto& layer : data_->layers)
    result.push_back(detail::converted<double>(layer.weights()));
  return result;
}

template <class T>
DrunetGradient<T> Drunet<T>::zero_gradient() const {
  DrunetGradient<T> gradient;
  for (const auto& layer : data_->layers) gradient.weights.emplace_back(layer.weights().shape());
  return gradient;
}

template class Drunet<float>;
template class Drunet<double>;

}  // namespace fejer
