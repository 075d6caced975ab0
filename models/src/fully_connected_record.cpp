#include "fully_connected_record.hpp"

#include <cmath>
#include <utility>

#include <fejer/files.hpp>

namespace fejer::detail {
namespace {

const std::string patch_denoiser = "patch-denoiser";

std::string of_layer(const char* name, std::size_t l) {
  return std::string(name) + "_" + std::to_string(l);
}

void network_record(const FullyConnectedParameters& p, ModelRecord& record) {
  record.numbers["layers"] = static_cast<double>(p.weights.size());
  record.numbers["slope"] = p.slope;
  record.words["output"] = p.activated_output ? "activated" : "linear";
  for (std::size_t l = 0; l < p.weights.size(); ++l) {
    record.arrays[of_layer("weight", l)] = p.weights[l];
    record.arrays[of_layer("bias", l)] = p.biases[l];
  }
}

FullyConnectedParameters network_of(const ModelRecord& record) {
  FullyConnectedParameters p;
  for (std::size_t l = 0; record.arrays.count(of_layer("weight", l)) > 0; ++l) {
    p.weights.push_back(record.arrays.at(of_layer("weight", l)));
    p.biases.push_back(record.arrays.at(of_layer("bias", l)));
  }
  p.slope = record.numbers.at("slope");
  const std::string& output = record.words.at("output");
  if (output != "linear" && output != "activated")
    throw ArgumentError(unknown_name("output", output, {"linear", "activated"}));
  p.activated_output = output == "activated";
  return p;
}

PatchDenoiserParameters patches_of(const ModelRecord& record) {
  PatchDenoiserParameters p;
  p.network = network_of(record);
  p.size = static_cast<Index>(count_of(record, "size", 64));
  p.noise_level = record.numbers.at("noise_level");
  for (const double input : record.arrays.at("inputs")) {
    if (!(input >= 0 && input < 4096) || input != std::floor(input))
      throw ArgumentError("inputs: got " + std::to_string(input) +
                          ", expected whole numbers from 0 to 4095");
    p.inputs.push_back(static_cast<Index>(input));
  }
  return p;
}

}  // namespace

bool is_fully_connected(const std::string& kind) {
  return kind == "fully-connected" || kind == patch_denoiser;
}

RecordSchema fully_connected_schema(const std::string& kind) {
  if (kind == patch_denoiser) return {{"layers", "noise_level", "size", "slope"}, {"output"}};
  return {{"layers", "slope"}, {"output"}};
}

std::vector<std::string> fully_connected_arrays(const ModelRecord& record) {
  std::vector<std::string> names;
  for (std::size_t l = 0; l < count_of(record, "layers"); ++l) {
    names.push_back(of_layer("weight", l));
    names.push_back(of_layer("bias", l));
  }
  if (record.kind == patch_denoiser) names.emplace_back("inputs");
  return names;
}

template <class T>
bool fully_connected_record(const Model<T>& model, ModelRecord& record) {
  if (const auto* network = std::get_if<FullyConnectedNetwork<T>>(&model.value)) {
    network_record(network->parameters(), record);
    return true;
  }
  const auto* denoiser = std::get_if<PatchDenoiser<T>>(&model.value);
  if (denoiser == nullptr) return false;
  const PatchDenoiserParameters& p = denoiser->parameters();
  network_record(p.network, record);
  record.numbers["size"] = static_cast<double>(p.size);
  record.numbers["noise_level"] = p.noise_level;
  Array<double> inputs(Shape{static_cast<Index>(p.inputs.size())});
  for (std::size_t i = 0; i < p.inputs.size(); ++i)
    inputs[static_cast<Index>(i)] = static_cast<double>(p.inputs[i]);
  record.arrays["inputs"] = std::move(inputs);
  return true;
}

template <class T>
Model<T> fully_connected_model(const ModelRecord& record) {
  if (record.kind == patch_denoiser) return {PatchDenoiser<T>(patches_of(record)), {}};
  return {FullyConnectedNetwork<T>(network_of(record)), {}};
}

template bool fully_connected_record(const Model<float>&, ModelRecord&);
template bool fully_connected_record(const Model<double>&, ModelRecord&);
template Model<float> fully_connected_model(const ModelRecord&);
template Model<double> fully_connected_model(const ModelRecord&);

}  // namespace fejer::detail
