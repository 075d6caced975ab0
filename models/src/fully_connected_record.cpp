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
  if (p.splines.empty()) return;
  record.numbers["x_min"] = p.x_min;
  record.numbers["x_max"] = p.x_max;
  for (std::size_t l = 0; l < p.splines.size(); ++l)
    record.arrays[of_layer("spline", l)] = p.splines[l];
}

/// "output" says whether the last layer is activated.
bool activated_output(const ModelRecord& record) {
  const std::string& output = record.words.at("output");
  if (output != "linear" && output != "activated")
    throw ArgumentError(unknown_name("output", output, {"linear", "activated"}));
  return output == "activated";
}

FullyConnectedParameters network_of(const ModelRecord& record) {
  FullyConnectedParameters p;
  for (std::size_t l = 0; record.arrays.count(of_layer("weight", l)) > 0; ++l) {
    p.weights.push_back(record.arrays.at(of_layer("weight", l)));
    p.biases.push_back(record.arrays.at(of_layer("bias", l)));
  }
  p.slope = record.numbers.at("slope");
  p.activated_output = activated_output(record);
  if (record.numbers.count("x_min") == 0) return p;
  for (std::size_t l = 0; record.arrays.count(of_layer("spline", l)) > 0; ++l)
    p.splines.push_back(record.arrays.at(of_layer("spline", l)));
  p.x_min = record.numbers.at("x_min");
  p.x_max = record.numbers.at("x_max");
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
  const std::vector<std::string> of_splines = {"x_max", "x_min"};
  if (kind == patch_denoiser)
    return {{"layers", "noise_level", "size", "slope"}, {"output"}, of_splines};
  return {{"layers", "slope"}, {"output"}, of_splines};
}

std::vector<std::string> fully_connected_arrays(const ModelRecord& record) {
  std::vector<std::string> names;
  const std::size_t layers = count_of(record, "layers");
  for (std::size_t l = 0; l < layers; ++l) {
    names.push_back(of_layer("weight", l));
    names.push_back(of_layer("bias", l));
  }
  const std::size_t activated = layers - (activated_output(record) ? 0 : 1);
  for (std::size_t l = 0; record.numbers.count("x_min") > 0 && l < activated; ++l)
    names.push_back(of_layer("spline", l));
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
bool fully_connected_claims(const Model<T>& model, std::map<std::string, double>& claims) {
  const auto add_slopes = [&](const FullyConnectedNetwork<T>& network) {
    if (network.parameters().splines.empty()) return;
    for (std::size_t l = 0; l < network.activation_slopes().size(); ++l)
      claims[of_layer("activation_slope", l)] = network.activation_slopes()[l];
  };
  if (const auto* network = std::get_if<FullyConnectedNetwork<T>>(&model.value)) {
    claims["lipschitz"] = network->lipschitz_bound();
    for (std::size_t l = 0; l < network->layer_norms().size(); ++l)
      claims[of_layer("layer_norm", l)] = network->layer_norms()[l];
    add_slopes(*network);
    return true;
  }
  const auto* denoiser = std::get_if<PatchDenoiser<T>>(&model.value);
  if (denoiser == nullptr) return false;
  add_slopes(denoiser->network());
  return true;
}

template <class T>
Model<T> fully_connected_model(const ModelRecord& record) {
  if (record.kind == patch_denoiser) return {PatchDenoiser<T>(patches_of(record)), {}};
  return {FullyConnectedNetwork<T>(network_of(record)), {}};
}

template bool fully_connected_record(const Model<float>&, ModelRecord&);
template bool fully_connected_record(const Model<double>&, ModelRecord&);
template bool fully_connected_claims(const Model<float>&, std::map<std::string, double>&);
template bool fully_connected_claims(const Model<double>&, std::map<std::string, double>&);
template Model<float> fully_connected_model(const ModelRecord&);
template Model<double> fully_connected_model(const ModelRecord&);

}  // namespace fejer::detail
