#include <sstream>

#include <fejer/models/model.hpp>

namespace fejer {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

std::string text(double value) {
  std::ostringstream stream;
  stream.precision(7);
  stream << value;
  return stream.str();
}

std::string text(const Bound& bound) {
  return text(bound.value) + " (" + to_string(bound.kind) + ": " + bound.how + ")";
}

std::string interval(double low, double high) {
  std::string result = "[";
  result += text(low);
  result += ", ";
  result += text(high);
  result += ']';
  return result;
}

void append(std::string& list, const std::string& item) {
  if (!list.empty()) list += ' ';
  list += item;
}

std::string level(double sigma) { return text(sigma) + " (" + text(255 * sigma) + "/255)"; }

void add_kernels(const std::vector<Array<double>>& kernels, Facts& facts) {
  std::string shapes;
  for (const auto& kernel : kernels) append(shapes, to_string(kernel.shape()));
  facts.emplace_back("kernels", shapes);
}

void add_certificate(const Certificate& c, Facts& facts) {
  facts.emplace_back("certificate", to_string(c.kind));
  facts.emplace_back("lipschitz", text(c.lipschitz));
  facts.emplace_back("averagedness", text(c.averagedness));
  facts.emplace_back("certificate_text", c.how);
}

template <class T>
void add_ridge(const RidgeRegulariser<T>& model, Facts& facts) {
  const RidgeParameters& p = model.parameters();
  add_kernels(p.kernels, facts);
  facts.emplace_back("borders", p.borders == Borders::zero_once ? "zeros once around the image"
                                                                : "zeros around every layer");
  facts.emplace_back("convex", p.rho == 0 ? "yes" : "no, weakly convex");
  facts.emplace_back("knots", to_string(p.profile.shape()) + " on " + interval(p.x_min, p.x_max));
  facts.emplace_back("slopes", interval(-p.rho, p.mu));
  facts.emplace_back("norm_squared", text(p.norm_squared));
  if (p.scaling)
    facts.emplace_back("noise_levels", interval(p.scaling->g_min, p.scaling->g_max) + " / 255");
  facts.emplace_back("gradient_lipschitz", text(model.lipschitz_bound()));
  facts.emplace_back("gradient_lipschitz_proven", text(model.proven_lipschitz_bound()));
  facts.emplace_back("weak_convexity", text(model.weak_convexity()));
}

template <class T>
void add_layers(const LipschitzCnn<T>& cnn, Facts& facts) {
  add_kernels(cnn.parameters().weights, facts);
  const Activation activation = cnn.parameters().activation;
  facts.emplace_back("activation",
                     activation == Activation::spline ? "linear splines" : to_string(activation));
}

/// Layers of the one network, or of the first of several.
template <class T>
void add_unrolled(const UnrolledPgd<T>& network, Facts& facts) {
  const UnrolledPgdParameters& p = network.parameters();
  std::string steps;
  for (const double gamma : p.steps) append(steps, text(gamma));
  facts.emplace_back("iterations", std::to_string(network.layers()));
  facts.emplace_back("networks", std::to_string(p.denoisers.size()) +
                                     (p.denoisers.size() == 1 ? ", shared by all iterations" : ""));
  add_layers(network.denoiser(0), facts);
  facts.emplace_back("steps", steps);
  facts.emplace_back("noise_level", text(p.noise_level));
  facts.emplace_back("operator_norm", text(p.operator_norm));
  facts.emplace_back("norm_limit", text(network.norm_limit()));
  facts.emplace_back("network_bound", text(network.network_bound()));
  add_certificate(network.certificate(p.operator_norm), facts);
}

template <class T>
void add_cnn(const LipschitzCnn<T>& cnn, Facts& facts) {
  add_layers(cnn, facts);
  facts.emplace_back("noise_level", level(cnn.noise_level()));
  std::string norms, slopes;
  for (const NormInterval& norm : cnn.layer_norms()) append(norms, text(norm.upper));
  for (const double slope : cnn.activation_slopes()) append(slopes, text(slope));
  facts.emplace_back("layer_norm_bounds", norms);
  facts.emplace_back("activation_slopes", slopes);
  facts.emplace_back("divisor", text(cnn.parameters().divisor));
  facts.emplace_back("network_bound", text(cnn.network_bound()));
  add_certificate(cnn.certificate(), facts);
}

template <class T>
void add_fully_connected(const FullyConnectedNetwork<T>& network, const char* bound, Facts& facts) {
  const FullyConnectedParameters& p = network.parameters();
  std::string shapes, norms, zeros;
  for (const auto& w : p.weights) {
    append(shapes, to_string(w.shape()));
    append(zeros, text(zero_groups(w, WeightGroups::columns)));
  }
  for (const double norm : network.layer_norms()) append(norms, text(norm));
  facts.emplace_back("weights", shapes);
  if (p.splines.empty()) {
    facts.emplace_back("activation", p.slope > 0 ? "leaky ReLU, slope " + text(p.slope) : "ReLU");
  } else {
    std::string knots, slopes;
    for (const auto& f : p.splines) append(knots, to_string(f.shape()));
    for (const double slope : network.activation_slopes()) append(slopes, text(slope));
    facts.emplace_back("activation",
                       "splines " + knots + " on [" + text(p.x_min) + ", " + text(p.x_max) + "]");
    facts.emplace_back("activation_slopes", slopes);
  }
  facts.emplace_back("output", p.activated_output ? "activated" : "linear");
  facts.emplace_back("zero_columns", zeros);
  facts.emplace_back("layer_norms", norms);
  facts.emplace_back(bound, text(network.lipschitz_bound()));
}

template <class T>
void add_patch_denoiser(const PatchDenoiser<T>& denoiser, Facts& facts) {
  const PatchDenoiserParameters& p = denoiser.parameters();
  const std::string size = std::to_string(p.size);
  add_fully_connected(denoiser.network(), "network_bound", facts);
  facts.emplace_back("patches", size + "x" + size + ", all of them, averaged");
  facts.emplace_back("inputs", std::to_string(p.inputs.size()) + " of their pixels");
  facts.emplace_back("multiply_adds", std::to_string(denoiser.multiply_adds()) + " a pixel");
  facts.emplace_back("noise_level", level(p.noise_level));
  add_certificate(denoiser.certificate(), facts);
}

template <class T>
void add_drunet(const Drunet<T>& network, const Certificate& certificate, Facts& facts) {
  const DrunetOptions& o = network.options();
  std::string channels;
  for (const Index c : o.channels) append(channels, std::to_string(c));
  facts.emplace_back("image_channels", std::to_string(o.image_channels));
  facts.emplace_back("channels", channels);
  facts.emplace_back("blocks", std::to_string(o.blocks));
  facts.emplace_back("activation", to_string(o.activation));
  facts.emplace_back("parameters", std::to_string(drunet_parameter_count(o)));
  facts.emplace_back("noise_level", "any, as one more channel of the input");
  add_certificate(certificate, facts);
}

template <class T>
void add_dncnn(const Dncnn<T>& network, Facts& facts) {
  const DncnnParameters& p = network.parameters();
  Index count = 0;
  for (std::size_t l = 0; l < p.weights.size(); ++l)
    count += p.weights[l].size() + p.biases[l].size();
  add_kernels(p.weights, facts);
  facts.emplace_back("image_channels", std::to_string(network.image_channels()));
  facts.emplace_back("parameters", std::to_string(count));
  facts.emplace_back("noise_level", level(p.noise_level));
  add_certificate(network.certificate(), facts);
}

}  // namespace

template <class T>
std::vector<std::pair<std::string, std::string>> describe(const Model<T>& model) {
  Facts facts{{"model", model.kind()}};
  if (!model.origin.name.empty()) facts.emplace_back("name", model.origin.name);
  if (!model.origin.source.empty()) facts.emplace_back("source", model.origin.source);
  if (const auto* cnn = std::get_if<LipschitzCnn<T>>(&model.value)) {
    add_cnn(*cnn, facts);
    return facts;
  }
  if (const auto* network = std::get_if<UnrolledPgd<T>>(&model.value)) {
    add_unrolled(*network, facts);
    return facts;
  }
  if (const auto* network = std::get_if<FullyConnectedNetwork<T>>(&model.value)) {
    add_fully_connected(*network, "lipschitz", facts);
    return facts;
  }
  if (const auto* denoiser = std::get_if<PatchDenoiser<T>>(&model.value)) {
    add_patch_denoiser(*denoiser, facts);
    return facts;
  }
  if (const auto* network = std::get_if<Drunet<T>>(&model.value)) {
    add_drunet(*network, network->certificate(), facts);
    return facts;
  }
  if (const auto* step = std::get_if<GradientStepDrunet<T>>(&model.value)) {
    add_drunet(step->network(), step->certificate(), facts);
    return facts;
  }
  if (const auto* network = std::get_if<Dncnn<T>>(&model.value)) {
    add_dncnn(*network, facts);
    return facts;
  }
  add_ridge(model.ridge(), facts);
  if (const auto* denoiser = std::get_if<CrrTStepDenoiser<T>>(&model.value)) {
    facts.emplace_back("noise_level", level(denoiser->noise_level()));
    facts.emplace_back("steps", std::to_string(denoiser->steps()));
    add_certificate(denoiser->certificate(), facts);
  } else if (model.ridge().weak_convexity().value <= largest_weak_convexity) {
    add_certificate(RidgeDenoiser<T>(model.ridge()).certificate(), facts);
  }
  return facts;
}

template std::vector<std::pair<std::string, std::string>> describe(const Model<float>&);
template std::vector<std::pair<std::string, std::string>> describe(const Model<double>&);

}  // namespace fejer
