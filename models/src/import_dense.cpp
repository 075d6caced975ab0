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
Drunet<T> import_drunet(Dump& dump, const ImportOptions& options) {
  dump.set_architecture("a DRUNet");
  const std::string prefix = prefix_of(dump, "m_head.weight");
  const std::string stated = dump.word("activation");
  const DrunetOptions o =
      options_of(dump, prefix, options.activation.value_or(stated.empty() ? "relu" : stated));
  std::vector<Array<double>> weights;
  for (const auto& [name, shape] : drunet_weights(o))
    weights.push_back(dump.tensor(prefix + name, shape));
  dump.check_all_used();
  return Drunet<T>(o, weights);
}

template Drunet<float> import_drunet(Dump&, const ImportOptions&);
template Drunet<double> import_drunet(Dump&, const ImportOptions&);

}  // namespace fejer::detail
