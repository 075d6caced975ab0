#include "dense_record.hpp"

namespace fejer::detail {
namespace {

std::string indexed(const char* name, std::size_t i) {
  return std::string(name) + "_" + std::to_string(i);
}
std::string channels_name(std::size_t level) { return indexed("channels", level); }

DrunetOptions options_of(const ModelRecord& record) {
  DrunetOptions o;
  o.image_channels = static_cast<Index>(count_of(record, "image_channels"));
  o.blocks = static_cast<Index>(count_of(record, "blocks"));
  for (std::size_t l = 0; l < o.channels.size(); ++l)
    o.channels[l] = static_cast<Index>(count_of(record, channels_name(l).c_str(), 8192));
  o.activation = drunet_activation_named(record.words.at("activation"));
  return o;
}

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

RecordSchema dncnn_schema() { return {{"layers", "noise_level"}, {}}; }

std::vector<std::string> dncnn_arrays(const ModelRecord& record) {
  std::vector<std::string> names;
  for (std::size_t l = 0; l < count_of(record, "layers"); ++l) {
    names.push_back(indexed("weight", l));
    names.push_back(indexed("bias", l));
  }
  return names;
}

void dncnn_record(const DncnnParameters& p, ModelRecord& record) {
  record.numbers["layers"] = static_cast<double>(p.weights.size());
  record.numbers["noise_level"] = p.noise_level;
  for (std::size_t l = 0; l < p.weights.size(); ++l) {
    record.arrays[indexed("weight", l)] = p.weights[l];
    record.arrays[indexed("bias", l)] = p.biases[l];
  }
}

DncnnParameters dncnn_parameters(const ModelRecord& record) {
  DncnnParameters p;
  for (std::size_t l = 0; l < count_of(record, "layers"); ++l) {
    p.weights.push_back(record.arrays.at(indexed("weight", l)));
    p.biases.push_back(record.arrays.at(indexed("bias", l)));
  }
  p.noise_level = record.numbers.at("noise_level");
  return p;
}

}  // namespace

bool is_dense(const std::string& kind) {
  return kind == "drunet" || kind == "gsdrunet" || kind == "dncnn";
}

RecordSchema dense_schema(const std::string& kind) {
  return kind == "dncnn" ? dncnn_schema() : drunet_schema();
}

std::vector<std::string> dense_arrays(const ModelRecord& record) {
  return record.kind == "dncnn" ? dncnn_arrays(record) : drunet_arrays(record);
}

template <class T>
bool dense_record(const Model<T>& model, ModelRecord& record) {
  if (const auto* network = std::get_if<Drunet<T>>(&model.value))
    drunet_record(*network, record);
  else if (const auto* step = std::get_if<GradientStepDrunet<T>>(&model.value))
    drunet_record(step->network(), record);
  else if (const auto* cnn = std::get_if<Dncnn<T>>(&model.value))
    dncnn_record(cnn->parameters(), record);
  else
    return false;
  return true;
}

template <class T>
Model<T> dense_model(const ModelRecord& record) {
  if (record.kind == "dncnn") return {Dncnn<T>(dncnn_parameters(record)), {}};
  if (record.kind == "gsdrunet") return {GradientStepDrunet<T>(drunet_of<T>(record)), {}};
  return {drunet_of<T>(record), {}};
}

template bool dense_record(const Model<float>&, ModelRecord&);
template bool dense_record(const Model<double>&, ModelRecord&);
template Model<float> dense_model(const ModelRecord&);
template Model<double> dense_model(const ModelRecord&);

}  // namespace fejer::detail
