#include "import_dense.hpp"

namespace fejer::detail {
namespace {

/// What comes before `name` in the one tensor whose name ends so.
std::string prefix_of(const Dump& dump, const std::string& name) {
  std::string found;
  bool any = false;
  for (const std::string& full : dump.names()) {
    if (!full.ends_with(name)) continue;
    if (any) dump.fail("two tensors whose names end in '" + name + "'; expected one network");
    found = full.substr(0, full.size() - name.size());
    any = true;
  }
  if (!any) dump.fail_missing(name);
  return found;
}

/// The length of an axis of a kernel (out, in, k, k).
Index length_of(const Dump& dump, const std::string& name, int axis) {
  if (!dump.has(name)) dump.fail_missing(name);
  const Shape shape = dump.shape_of(name);
  if (shape.rank() != 4)
    dump.fail("tensor '" + name + "': got shape " + to_string(shape) +
              ", expected (out, in, k, k)");
  return shape[axis];
}

DrunetOptions options_of(const Dump& dump, const std::string& prefix,
                         const std::string& activation) {
  DrunetOptions o;
  o.blocks = 0;
  while (dump.has(prefix + "m_down1." + std::to_string(o.blocks) + ".res.0.weight")) ++o.blocks;
  o.image_channels = length_of(dump, prefix + "m_tail.weight", 0);
  o.channels[0] = length_of(dump, prefix + "m_head.weight", 0);
  for (std::size_t l = 1; l < o.channels.size(); ++l)
    o.channels[l] = length_of(
        dump, prefix + "m_down" + std::to_string(l) + "." + std::to_string(o.blocks) + ".weight",
        0);
  o.activation = drunet_activation_named(activation);
  return o;
}

}  // namespace

template <class T>
Drunet<T> import_drunet(Dump& dump, const ImportOptions& options, const std::string& activation) {
  dump.set_architecture("a DRUNet");
  const std::string prefix = prefix_of(dump, "m_head.weight");
  const std::string stated = dump.word("activation");
  const DrunetOptions o =
      options_of(dump, prefix, options.activation.value_or(stated.empty() ? activation : stated));
  std::vector<Array<double>> weights;
  for (const auto& [name, shape] : drunet_weights(o))
    weights.push_back(dump.tensor(prefix + name, shape));
  dump.check_all_used();
  return Drunet<T>(o, weights);
}

DncnnParameters import_dncnn(Dump& dump, const ImportOptions& options) {
  dump.set_architecture("a DnCNN with merged batch normalisation");
  const std::string prefix = prefix_of(dump, "model.0.weight");
  const auto layer = [&](std::size_t l) { return prefix + "model." + std::to_string(2 * l); };
  DncnnParameters p;
  Index channels = length_of(dump, layer(0) + ".weight", 1);
  do {
    const std::string name = layer(p.weights.size());
    p.weights.push_back(dump.tensor(name + ".weight", {0, channels, 0, 0}));
    channels = p.weights.back().shape()[0];
    p.biases.push_back(dump.tensor(name + ".bias", {channels}));
  } while (dump.has(layer(p.weights.size()) + ".weight"));
  dump.check_all_used();
  p.noise_level = options.noise_level.value_or(dump.attribute("trained_for_sigma", 0) / 255);
  if (!(p.noise_level > 0))
    dump.fail("no attribute trained_for_sigma; state the noise level it was trained for");
  return p;
}

template Drunet<float> import_drunet(Dump&, const ImportOptions&, const std::string&);
template Drunet<double> import_drunet(Dump&, const ImportOptions&, const std::string&);

}  // namespace fejer::detail
