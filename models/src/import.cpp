#include <fejer/models/import.hpp>

#include <algorithm>
#include <cmath>

#include <fejer/files.hpp>

#include "import_dense.hpp"

namespace fejer {

using detail::Dump;

namespace {

constexpr double norm_tolerance = 1e-4;

/// Kernels conv_layer.conv_layers.0, 1, ...; where the weight is parametrised, the filters' means
/// are taken out.
std::vector<Array<double>> read_kernels(Dump& dump) {
  std::vector<Array<double>> kernels;
  Index channels = 1;
  for (;;) {
    const std::string layer = "conv_layer.conv_layers." + std::to_string(kernels.size());
    const bool zero_mean = dump.has(layer + ".parametrizations.weight.original");
    const std::string name = layer + (zero_mean ? ".parametrizations.weight.original" : ".weight");
    if (!kernels.empty() && !dump.has(name)) return kernels;
    Array<double> kernel = dump.tensor(name, {0, channels, 0, 0});
    if (kernel.shape()[2] % 2 == 0 || kernel.shape()[3] % 2 == 0)
      dump.fail("tensor '" + name + "': got shape " + to_string(kernel.shape()) +
                ", expected odd kernel sizes");
    channels = kernel.shape()[0];
    kernels.push_back(zero_mean ? remove_means(std::move(kernel)) : std::move(kernel));
  }
}

/// The stored L if there is one and it agrees, else the computed one.
double agreed_norm(const Dump& dump, double computed) {
  if (!dump.file().has_dataset("derived/L")) return computed;
  const Array<double> stored = dump.file().read<double>("derived/L");
  if (stored.size() != 1) dump.fail("derived/L: expected one number");
  if (!(std::abs(computed / stored[0] - 1) <= norm_tolerance))
    dump.fail("derived/L is " + std::to_string(stored[0]) + ", but the power method gives " +
              std::to_string(computed) + ": weights and L do not belong together");
  return stored[0];
}

RidgeParameters import_ridge(Dump& dump, const ImportOptions& options) {
  dump.set_architecture("a multi-noise ridge model (WCRR-NN, CRR-NN)");
  RidgeParameters p;
  p.kernels = read_kernels(dump);
  const Index channels = p.kernels.back().shape()[0];
  p.x_min = dump.attribute("activation_x_min", -0.1);
  p.x_max = dump.attribute("activation_x_max", 0.1);
  const Array<double> plus_raw = dump.tensor("activation_cvx.coefficients", {1, 0});
  const Array<double> minus_raw = dump.tensor("activation_ccv.coefficients", plus_raw.shape());
  const double rho_attribute = dump.attribute("rho_wcvx", -1);
  if (!options.rho && rho_attribute < 0)
    dump.fail("no attribute rho_wcvx; state the modulus of weak convexity (1: WCRR, 0: CRR)");
  p.rho = options.rho.value_or(rho_attribute);
  p.mu = std::exp(dump.scalar("mu_"));
  const double step = (p.x_max - p.x_min) / static_cast<double>(plus_raw.shape()[1] - 1);
  const Array<double> plus = project_antisymmetric(plus_raw, step, 0, 1);
  const Array<double> minus = project_antisymmetric(minus_raw, step, 0, 1);
  p.profile = Array<double>(plus.shape());
  for (Index k = 0; k < plus.size(); ++k) p.profile[k] = p.mu * plus[k] - p.rho * minus[k];
  p.scaling = NoiseScaling{dump.tensor("spline_scaling.coefficients", {channels, 0}),
                           dump.attribute("scaling_x_min", 0), dump.attribute("scaling_x_max", 30),
                           dump.attribute("scaling_eps", 1e-5)};
  dump.check_all_used();
  p.norm_squared = agreed_norm(dump, power_norm_squared(p.kernels, p.borders));
  p.curvature = p.mu;
  return p;
}

template <class T>
CrrTStepDenoiser<T> import_crr_tstep(Dump& dump, const ImportOptions& options) {
  dump.set_architecture("an original CRR-NN");
  RidgeParameters p;
  p.kernels = read_kernels(dump);
  const Index channels = p.kernels.back().shape()[0];
  const Array<double> raw = dump.tensor("activation.coefficients_vect", {0});
  const Index knots = raw.size() / channels;
  if (knots < 3 || knots % 2 == 0 || knots * channels != raw.size())
    dump.fail("tensor 'activation.coefficients_vect': got " + std::to_string(raw.size()) +
              " numbers, expected an odd number of knots for each of " + std::to_string(channels) +
              " channels");
  const double lambda = std::max(dump.scalar("lmbd"), 1e-4);
  const double mu = std::max(dump.scalar("mu"), 0.01);
  dump.ignore("L");
  dump.check_all_used();
  p.profile = project_monotone(Array<double>(raw).reshaped({channels, knots}));
  p.x_max = dump.attribute("activation_range", 0.1);
  p.x_min = -p.x_max;
  const LinearSpline<double> profile(p.profile, p.x_min, p.x_max, Extrapolation::constant);
  std::vector<double> slopes;
  for (Index c = 0; c < channels; ++c) slopes.push_back(profile.max_slope(c));
  p.mu = profile.max_slope();
  p.scale = mu;
  p.weight = lambda * mu;
  p.curvature = agreed_norm(dump, weighted_power_norm(p.kernels, p.borders, slopes));
  const double steps = dump.attribute("t_steps", 0);
  if (!(steps >= 1 && steps <= 10000))
    dump.fail("no attribute t_steps with the number of unrolled steps");
  const double level = options.noise_level.value_or(dump.attribute("training_sigma", 0) / 255);
  if (!(level > 0))
    dump.fail("no attribute training_sigma; state the noise level it was trained for");
  return CrrTStepDenoiser<T>(RidgeRegulariser<T>(p), static_cast<int>(steps), level);
}

LipschitzCnnParameters import_cnn(Dump& dump, const ImportOptions& options) {
  dump.set_architecture("a chain of convolutions with ReLU or linear splines");
  LipschitzCnnParameters p;
  p.x_max = dump.attribute("knot_range", 5);
  p.x_min = -p.x_max;
  Index channels = 1;
  const auto layer = [](std::size_t i) { return "net." + std::to_string(2 * i); };
  const auto spline = [](std::size_t i) {
    return "net." + std::to_string(2 * i + 1) + "._coefficients_vect";
  };
  if (dump.has(spline(0))) p.activation = Activation::spline;
  do {
    const std::size_t l = p.weights.size();
    p.weights.push_back(dump.tensor(layer(l) + ".weight", {0, channels, 0, 0}));
    channels = p.weights.back().shape()[0];
    p.biases.push_back(dump.tensor(layer(l) + ".bias", {channels}));
    if (p.activation == Activation::spline && dump.has(layer(l + 1) + ".weight"))
      p.activation_parameters.push_back(dump.tensor(spline(l), {channels, 0}));
  } while (dump.has(layer(p.weights.size()) + ".weight"));
  dump.check_all_used();
  p.noise_level = options.noise_level.value_or(dump.attribute("trained_for_sigma", 0) / 255);
  if (!(p.noise_level > 0))
    dump.fail("no attribute trained_for_sigma; state the noise level it was trained for");
  return p;
}

ModelOrigin origin_of(const Dump& dump) {
  ModelOrigin origin;
  origin.name = dump.word("model").empty() ? dump.word("architecture") : dump.word("model");
  origin.source = dump.word("source");
  for (const char* part : {"source_repository", "source_path", "source_commit"}) {
    const std::string text = dump.word(part);
    if (text.empty()) continue;
    if (!origin.source.empty()) origin.source += ' ';
    origin.source += text;
  }
  return origin;
}

}  // namespace

const std::vector<std::string>& import_architectures() {
  static const std::vector<std::string> names{"ridge",  "crr-tstep", "lipschitz-cnn",
                                              "drunet", "gsdrunet",  "dncnn"};
  return names;
}

template <class T>
Model<T> import_model(const std::string& path, const std::string& architecture,
                      const ImportOptions& options) {
  const std::vector<std::string>& known = import_architectures();
  if (std::find(known.begin(), known.end(), architecture) == known.end())
    throw ArgumentError(unknown_name("architecture", architecture, known));
  if (options.noise_level && !(*options.noise_level > 0 && *options.noise_level <= 1))
    throw ArgumentError("import: the noise level must lie in (0, 1], got " +
                        std::to_string(*options.noise_level) + "; write 25/255 for 25");
  Dump dump(path);
  const ModelOrigin origin = origin_of(dump);
  try {
    if (architecture == "ridge") return {RidgeRegulariser<T>(import_ridge(dump, options)), origin};
    if (architecture == "crr-tstep") return {import_crr_tstep<T>(dump, options), origin};
    if (architecture == "drunet") return {detail::import_drunet<T>(dump, options, "relu"), origin};
    if (architecture == "gsdrunet")
      return {GradientStepDrunet<T>(detail::import_drunet<T>(dump, options, "elu")), origin};
    if (architecture == "dncnn") return {Dncnn<T>(detail::import_dncnn(dump, options)), origin};
    return {LipschitzCnn<T>(import_cnn(dump, options)), origin};
  } catch (const ArgumentError& error) {
    dump.fail(error.what());
  }
}

template Model<float> import_model(const std::string&, const std::string&, const ImportOptions&);
template Model<double> import_model(const std::string&, const std::string&, const ImportOptions&);

}  // namespace fejer
