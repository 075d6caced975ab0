#include "model_record.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fejer/files.hpp>

#include "dense_record.hpp"
#include "fully_connected_record.hpp"
#include "ridge_norms.hpp"

namespace fejer::detail {
namespace {

std::string indexed(const char* name, std::size_t i) {
  return std::string(name) + "_" + std::to_string(i);
}

void ridge_record(const RidgeParameters& p, ModelRecord& record) {
  auto& n = record.numbers;
  n["layers"] = static_cast<double>(p.kernels.size());
  n["norm_squared"] = p.norm_squared;
  n["x_min"] = p.x_min;
  n["x_max"] = p.x_max;
  n["rho"] = p.rho;
  n["mu"] = p.mu;
  n["scale"] = p.scale;
  n["weight"] = p.weight;
  n["curvature"] = p.curvature;
  const NoiseScaling none{Array<double>(), 0, 0, 0};
  const NoiseScaling& s = p.scaling ? *p.scaling : none;
  n["scaling_g_min"] = s.g_min;
  n["scaling_g_max"] = s.g_max;
  n["scaling_epsilon"] = s.epsilon;
  record.words["borders"] = p.borders == Borders::zero_once ? "zero_once" : "zero_every_layer";
  record.words["scaling"] = p.scaling ? "spline" : "none";
  for (std::size_t l = 0; l < p.kernels.size(); ++l)
    record.arrays[indexed("kernel", l)] = p.kernels[l];
  record.arrays["profile"] = p.profile;
  if (p.scaling) record.arrays["scaling"] = s.coefficients;
}

/// What the parameters of an activation are called in files.
const char* activation_array(Activation activation) {
  if (activation == Activation::spline) return "spline";
  if (activation == Activation::prelu) return "slope";
  return activation == Activation::householder ? "angle" : "";
}

/// Array names of a network that is one of several in a model begin with this.
std::string of_network(std::size_t k) { return indexed("net", k) + "_"; }

void layers_record(const LipschitzCnnParameters& p, const std::string& prefix,
                   ModelRecord& record) {
  record.numbers["layers"] = static_cast<double>(p.weights.size());
  record.numbers["x_min"] = p.x_min;
  record.numbers["x_max"] = p.x_max;
  record.words["activation"] = to_string(p.activation);
  for (std::size_t l = 0; l < p.weights.size(); ++l) {
    record.arrays[prefix + indexed("weight", l)] = p.weights[l];
    record.arrays[prefix + indexed("bias", l)] = p.biases[l];
  }
  for (std::size_t l = 0; l < p.activation_parameters.size(); ++l)
    record.arrays[prefix + indexed(activation_array(p.activation), l)] = p.activation_parameters[l];
}

void cnn_record(const LipschitzCnnParameters& p, ModelRecord& record) {
  layers_record(p, "", record);
  record.numbers["noise_level"] = p.noise_level;
  record.numbers["divisor"] = p.divisor;
}

Array<double> as_array(const std::vector<double>& values) {
  Array<double> array(Shape{static_cast<Index>(values.size())});
  std::copy(values.begin(), values.end(), array.begin());
  return array;
}

void unrolled_record(const UnrolledPgdParameters& p, ModelRecord& record) {
  record.numbers["iterations"] = static_cast<double>(p.steps.size());
  record.numbers["networks"] = static_cast<double>(p.denoisers.size());
  record.numbers["operator_norm"] = p.operator_norm;
  record.numbers["noise_level"] = p.noise_level;
  record.arrays["steps"] = as_array(p.steps);
  std::vector<double> divisors;
  for (std::size_t k = 0; k < p.denoisers.size(); ++k) {
    layers_record(p.denoisers[k], of_network(k), record);
    divisors.push_back(p.denoisers[k].divisor);
  }
  record.arrays["divisors"] = as_array(divisors);
}

const std::string& one_of(const ModelRecord& record, const std::string& name,
                          const std::vector<std::string>& known) {
  const std::string& word = record.words.at(name);
  for (const auto& k : known)
    if (k == word) return word;
  throw ArgumentError(unknown_name(name, word, known));
}

RidgeParameters ridge_parameters(const ModelRecord& record) {
  const auto& n = record.numbers;
  RidgeParameters p;
  for (std::size_t l = 0; record.arrays.count(indexed("kernel", l)) > 0; ++l)
    p.kernels.push_back(record.arrays.at(indexed("kernel", l)));
  p.borders = one_of(record, "borders", {"zero_every_layer", "zero_once"}) == "zero_once"
                  ? Borders::zero_once
                  : Borders::zero_every_layer;
  p.norm_squared = n.at("norm_squared");
  p.profile = record.arrays.at("profile");
  p.x_min = n.at("x_min");
  p.x_max = n.at("x_max");
  p.rho = n.at("rho");
  p.mu = n.at("mu");
  p.scale = n.at("scale");
  p.weight = n.at("weight");
  p.curvature = n.at("curvature");
  if (one_of(record, "scaling", {"none", "spline"}) == "spline")
    p.scaling = NoiseScaling{record.arrays.at("scaling"), n.at("scaling_g_min"),
                             n.at("scaling_g_max"), n.at("scaling_epsilon")};
  return p;
}

LipschitzCnnParameters layers_of(const ModelRecord& record, const std::string& prefix) {
  LipschitzCnnParameters p;
  const auto add_all = [&](const char* name, std::vector<Array<double>>& to) {
    for (std::size_t l = 0; record.arrays.count(prefix + indexed(name, l)) > 0; ++l)
      to.push_back(record.arrays.at(prefix + indexed(name, l)));
  };
  p.activation = activation_named(record.words.at("activation"));
  add_all("weight", p.weights);
  add_all("bias", p.biases);
  add_all(activation_array(p.activation), p.activation_parameters);
  p.x_min = record.numbers.at("x_min");
  p.x_max = record.numbers.at("x_max");
  return p;
}

LipschitzCnnParameters cnn_parameters(const ModelRecord& record) {
  LipschitzCnnParameters p = layers_of(record, "");
  p.noise_level = record.numbers.at("noise_level");
  p.divisor = record.numbers.at("divisor");
  return p;
}

UnrolledPgdParameters unrolled_parameters(const ModelRecord& record) {
  UnrolledPgdParameters p;
  const Array<double>&steps = record.arrays.at("steps"), &divisors = record.arrays.at("divisors");
  const auto networks = static_cast<Index>(record.numbers.at("networks"));
  require_shape("steps", steps.shape(), Shape{static_cast<Index>(record.numbers.at("iterations"))});
  require_shape("divisors", divisors.shape(), Shape{networks});
  p.steps.assign(steps.begin(), steps.end());
  for (Index k = 0; k < networks; ++k) {
    p.denoisers.push_back(layers_of(record, of_network(static_cast<std::size_t>(k))));
    p.denoisers.back().divisor = divisors[k];
  }
  p.operator_norm = record.numbers.at("operator_norm");
  p.noise_level = record.numbers.at("noise_level");
  return p;
}

std::vector<std::string> network_arrays(const ModelRecord& record, const std::string& prefix) {
  const std::size_t layers = count_of(record, "layers");
  const std::string array = activation_array(activation_named(record.words.at("activation")));
  std::vector<std::string> names;
  for (std::size_t l = 0; l < layers; ++l) {
    names.push_back(prefix + indexed("weight", l));
    names.push_back(prefix + indexed("bias", l));
    if (l + 1 < layers && !array.empty()) names.push_back(prefix + indexed(array.c_str(), l));
  }
  return names;
}

template <class T>
void add_claims(const LipschitzCnn<T>& cnn, const std::string& prefix,
                std::map<std::string, double>& claims) {
  claims[prefix + "network_bound"] = cnn.network_bound();
  for (std::size_t l = 0; l < cnn.layer_norms().size(); ++l)
    claims[prefix + indexed("layer_norm", l)] = cnn.layer_norms()[l].upper;
  for (std::size_t l = 0; l < cnn.activation_slopes().size(); ++l)
    claims[prefix + indexed("activation_slope", l)] = cnn.activation_slopes()[l];
}

}  // namespace

std::size_t count_of(const ModelRecord& record, const char* name, double most) {
  const double count = record.numbers.at(name);
  if (!(count >= 1 && count <= most) || count != std::floor(count))
    throw ArgumentError(std::string(name) + ": got " + std::to_string(count) + ", expected 1 to " +
                        std::to_string(static_cast<int>(most)));
  return static_cast<std::size_t>(count);
}

RecordSchema schema_of(const std::string& kind) {
  if (kind == "lipschitz-cnn")
    return {{"divisor", "layers", "noise_level", "x_max", "x_min"}, {"activation"}};
  if (kind == "unrolled-pgd")
    return {{"iterations", "layers", "networks", "noise_level", "operator_norm", "x_max", "x_min"},
            {"activation"}};
  if (is_fully_connected(kind)) return fully_connected_schema(kind);
  if (is_dense(kind)) return dense_schema(kind);
  if (kind != "ridge" && kind != "crr-tstep")
    throw ArgumentError(
        unknown_name("kind of model", kind,
                     {"ridge", "crr-tstep", "lipschitz-cnn", "unrolled-pgd", "fully-connected",
                      "drunet", "gsdrunet", "dncnn", "patch-denoiser"}));
  RecordSchema schema{
      {"curvature", "layers", "mu", "norm_squared", "rho", "scale", "scaling_epsilon",
       "scaling_g_max", "scaling_g_min", "weight", "x_max", "x_min"},
      {"borders", "scaling"}};
  if (kind == "crr-tstep") {
    schema.numbers.push_back("noise_level");
    schema.numbers.push_back("steps");
  }
  return schema;
}

std::vector<std::string> arrays_of(const ModelRecord& record) {
  if (record.kind == "lipschitz-cnn") return network_arrays(record, "");
  if (is_dense(record.kind)) return dense_arrays(record);
  if (is_fully_connected(record.kind)) return fully_connected_arrays(record);
  std::vector<std::string> names;
  if (record.kind == "unrolled-pgd") {
    count_of(record, "iterations");
    names = {"steps", "divisors"};
    for (std::size_t k = 0; k < count_of(record, "networks"); ++k)
      for (std::string& name : network_arrays(record, of_network(k)))
        names.push_back(std::move(name));
    return names;
  }
  const std::size_t layers = count_of(record, "layers");
  for (std::size_t l = 0; l < layers; ++l) names.push_back(indexed("kernel", l));
  names.push_back("profile");
  if (record.words.at("scaling") == "spline") names.push_back("scaling");
  return names;
}

template <class T>
ModelRecord to_record(const Model<T>& model) {
  ModelRecord record;
  record.kind = model.kind();
  if (dense_record(model, record) || fully_connected_record(model, record)) return record;
  if (const auto* cnn = std::get_if<LipschitzCnn<T>>(&model.value)) {
    cnn_record(cnn->parameters(), record);
    return record;
  }
  if (const auto* network = std::get_if<UnrolledPgd<T>>(&model.value)) {
    unrolled_record(network->parameters(), record);
    return record;
  }
  ridge_record(model.ridge().parameters(), record);
  if (const auto* denoiser = std::get_if<CrrTStepDenoiser<T>>(&model.value)) {
    record.numbers["steps"] = denoiser->steps();
    record.numbers["noise_level"] = denoiser->noise_level();
  }
  return record;
}

template <class T>
Model<T> from_record(const ModelRecord& record) {
  if (record.kind == "lipschitz-cnn") return {LipschitzCnn<T>(cnn_parameters(record)), {}};
  if (record.kind == "unrolled-pgd") return {UnrolledPgd<T>(unrolled_parameters(record)), {}};
  if (is_fully_connected(record.kind)) return fully_connected_model<T>(record);
  if (is_dense(record.kind)) return dense_model<T>(record);
  RidgeRegulariser<T> ridge(ridge_parameters(record));
  if (record.kind == "ridge") return {std::move(ridge), {}};
  const double steps = record.numbers.at("steps");
  if (!(steps >= 1 && steps <= 10000))
    throw ArgumentError("steps: got " + std::to_string(steps) + ", expected 1 to 10000");
  return {CrrTStepDenoiser<T>(std::move(ridge), static_cast<int>(steps),
                              record.numbers.at("noise_level")),
          {}};
}

template <class T>
std::map<std::string, double> claims_of(const Model<T>& model) {
  std::map<std::string, double> claims;
  if (const auto* cnn = std::get_if<LipschitzCnn<T>>(&model.value)) {
    add_claims(*cnn, "", claims);
    return claims;
  }
  if (const auto* network = std::get_if<UnrolledPgd<T>>(&model.value)) {
    claims["norm_limit"] = network->norm_limit();
    for (std::size_t k = 0; k < network->parameters().denoisers.size(); ++k)
      add_claims(network->denoiser(static_cast<Index>(k)), of_network(k), claims);
    return claims;
  }
  if (fully_connected_claims(model, claims)) return claims;
  if (!model.is_ridge()) return claims;  // nothing is claimed
  const RidgeRegulariser<T>& ridge = model.ridge();
  const RidgeParameters& p = ridge.parameters();
  const LinearSpline<double> profile(p.profile, p.x_min, p.x_max, Extrapolation::constant);
  claims["slope_min"] = profile.min_slope();
  claims["slope_max"] = profile.max_slope();
  claims["gradient_lipschitz_estimated"] = ridge.lipschitz_bound(NormRule::as_published).value;
  claims["gradient_lipschitz_proven"] = ridge.proven_lipschitz_bound().value;
  claims["weak_convexity"] = ridge.weak_convexity().value;
  return claims;
}

std::string fingerprint(const ModelRecord& record) {
  std::string bytes = record.kind;
  const auto add = [&](const void* data, std::size_t size) {
    bytes.append(static_cast<const char*>(data), size);
  };
  const auto add_name = [&](const std::string& name) { add(name.c_str(), name.size() + 1); };
  for (const auto& [name, value] : record.numbers) {
    add_name(name);
    add(&value, sizeof(value));
  }
  for (const auto& [name, word] : record.words) {
    add_name(name);
    add_name(word);
  }
  for (const auto& [name, array] : record.arrays) {
    add_name(name + to_string(array.shape()));
    add(array.data(), static_cast<std::size_t>(array.size()) * sizeof(double));
  }
  return sha256(bytes.data(), bytes.size());
}

template <class T>
void check_norms(const Model<T>& model) {
  if (!model.is_ridge()) return;
  const RidgeParameters& p = model.ridge().parameters();
  // Padding once has a proven norm, which is among the claims.
  if (p.borders == Borders::zero_once) return;
  constexpr Index size = 64;
  constexpr int steps = 40;
  constexpr double room = 0.02;
  if (p.norm_squared != 1) {
    const double norm = lanczos_norm(p.kernels, p.borders, {}, size, steps);
    if (!(std::abs(p.norm_squared / norm - 1) <= room))
      throw ArgumentError("norm_squared is " + std::to_string(p.norm_squared) +
                          ", but the filters have about " + std::to_string(norm));
  }
  const LinearSpline<double> profile(p.profile, p.x_min, p.x_max, Extrapolation::constant);
  std::vector<double> slopes;
  for (Index c = 0; c < model.ridge().channels(); ++c)
    slopes.push_back(std::max(profile.max_slope(c), -profile.min_slope(c)));
  const double least = lanczos_norm(p.kernels, p.borders, slopes, size, steps) / p.norm_squared;
  if (!(p.curvature >= (1 - room) * least))
    throw ArgumentError("curvature is " + std::to_string(p.curvature) +
                        ", but filters and slopes have at least " + std::to_string(least));
}

template ModelRecord to_record(const Model<float>&);
template ModelRecord to_record(const Model<double>&);
template Model<float> from_record(const ModelRecord&);
template Model<double> from_record(const ModelRecord&);
template std::map<std::string, double> claims_of(const Model<float>&);
template std::map<std::string, double> claims_of(const Model<double>&);
template void check_norms(const Model<float>&);
template void check_norms(const Model<double>&);

}  // namespace fejer::detail
