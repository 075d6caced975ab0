#include "dense_record.hpp"

namespace fejer::detail {
namespace {

std::string channels_name(std::size_t level) { return "channels_" + std::to_string(level); }

DrunetOptions options_of(const ModelRecord& record) {
  DrunetOptions o;
  o.image_channels = static_cast<Index>(count_of(record, "image_channels"));
  o.blocks = static_cast<Index>(count_of(record, "blocks"));
  for (std::size_t l = 0; l < o.channels.size(); ++l)
    o.channels[l] = static_cast<Index>(count_of(record, channels_name(l).c_str(), 8192));
  o.activation = drunet_activation_named(record.words.at("activation"));
  return o;
}

}  // namespace

RecordSchema drunet_schema() {
  RecordSchema schema{{"blocks", "image_channels"}, {"activation"}};
  for (std::size_t l = 0; l < DrunetOptions{}.channels.size(); ++l)
    schema.numbers.push_back(channels_name(l));
  return schema;
}

std::vector<std::string> drunet_arrays(const ModelRecord& record) {
  std::vector<std::string> names;
  for (const auto& [name, shape] : drunet_weights(options_of(record))) names.push_back(name);
  return names;
}

template <class T>
void drunet_record(const Drunet<T>& network, ModelRecord& record) {
  const DrunetOptions& o = network.options();
  record.numbers["image_channels"] = static_cast<double>(o.image_channels);
  record.numbers["blocks"] = static_cast<double>(o.blocks);
  for (std::size_t l = 0; l < o.channels.size(); ++l)
    record.numbers[channels_name(l)] = static_cast<double>(o.channels[l]);
  record.words["activation"] = to_string(o.activation);
  std::vector<Array<double>> weights = network.weights();
  std::size_t k = 0;
  for (const auto& [name, shape] : drunet_weights(o)) record.arrays[name] = std::move(weights[k++]);
}

template <class T>
Drunet<T> drunet_of(const ModelRecord& record) {
  const DrunetOptions o = options_of(record);
  std::vector<Array<double>> weights;
  for (const auto& [name, shape] : drunet_weights(o)) weights.push_back(record.arrays.at(name));
  return Drunet<T>(o, weights);
}

template void drunet_record(const Drunet<float>&, ModelRecord&);
template void drunet_record(const Drunet<double>&, ModelRecord&);
template Drunet<float> drunet_of(const ModelRecord&);
template Drunet<double> drunet_of(const ModelRecord&);

}  // namespace fejer::detail
