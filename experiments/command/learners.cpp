#include "learners.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

#include <fejer/files.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/models/training/lipschitz_cnn_learner.hpp>
#include <fejer/models/training/patch_denoiser_learner.hpp>
#include <fejer/models/training/pnp_learner.hpp>
#include <fejer/models/training/ridge_equilibrium.hpp>
#include <fejer/models/training/ridge_unrolled.hpp>
#include <fejer/models/training/unrolled_pgd_learner.hpp>
#include <fejer/operators/measurement.hpp>

#include "data_folder.hpp"
#include "drunet_kinds.hpp"
#include "start.hpp"

namespace fejer::command {
namespace {

Borders read_borders(Section& model) {
  return model.word("borders", "zero-once", {"zero-once", "zero-every-layer"}) == "zero-once"
             ? Borders::zero_once
             : Borders::zero_every_layer;
}

/// The weakly convex ridge regulariser; convex with rho = 0.
Trainable wcrr(Section& model, const TrainingOptions&) {
  RidgeEquilibriumOptions o;
  o.channels = model.counts("channels", o.channels);
  o.kernel_size = model.count("kernel_size", o.kernel_size, 1);
  o.borders = read_borders(model);
  o.rho = model.number("rho", o.rho);
  o.knots = model.count("knots", o.knots, 3);
  o.range = model.number("range", o.range);
  o.scaling_knots = model.count("scaling_knots", o.scaling_knots, 2);
  o.scaling_max = model.number("scaling_max", o.scaling_max);
  o.start_log_mu = model.number("start_log_mu", o.start_log_mu);
  o.start_scaling = model.number("start_scaling", o.start_scaling);
  o.tolerance = model.number("tolerance", o.tolerance);
  o.max_iterations = static_cast<int>(model.count("max_iterations", o.max_iterations, 1));
  o.backward_tolerance = model.number("backward_tolerance", o.backward_tolerance);
  o.backward_max_iterations =
      static_cast<int>(model.count("backward_max_iterations", o.backward_max_iterations, 1));
  o.jfb_passes = static_cast<int>(model.count("jfb_passes", o.jfb_passes));
  const RidgeEquilibriumLearner<float> learner(o);
  Trainable made = trainable(learner);
  made.iterates = true;
  made.filters = [learner](const Parameters& p) {
    return std::get<RidgeRegulariser<float>>(learner.to_model(p).value).parameters();
  };
  made.finishable = true;
  return made;
}

/// The t-step convex ridge denoiser, for the largest noise level of the training.
Trainable crr(Section& model, const TrainingOptions& training) {
  RidgeUnrolledOptions o;
  o.noise_level = training.noise_high;
  o.steps = static_cast<int>(model.count("steps", o.steps, 1));
  o.channels = model.counts("channels", o.channels);
  o.kernel_size = model.count("kernel_size", o.kernel_size, 1);
  o.borders = read_borders(model);
  if (model.word("activation", "spline", {"spline", "relu"}) == "relu")
    o.activation = RidgeActivation::relu;
  o.knots = model.count("knots", o.knots, 3);
  o.range = model.number("range", o.range);
  o.start_lambda = model.number("start_lambda", o.start_lambda);
  o.start_mu = model.number("start_mu", o.start_mu);
  o.tv2 = model.number("tv2", o.tv2);
  o.least_norm = model.number("least_norm", o.least_norm);
  o.power_size = model.count("power_size", o.power_size, 1);
  o.power_steps = static_cast<int>(model.count("power_steps", o.power_steps, 1));
  return trainable(RidgeUnrolledLearner<float>(o));
}

void read_network(Section& model, LipschitzCnnOptions& o) {
  o.layers = model.count("layers", o.layers, 1);
  o.channels = model.count("channels", o.channels, 1);
  o.kernel = model.count("kernel_size", o.kernel, 1);
  o.activation = activation_named(model.text("activation", to_string(o.activation)));
  o.knots = model.count("knots", o.knots, 3);
  o.x_min = model.number("x_min", o.x_min);
  o.x_max = model.number("x_max", o.x_max);
  const double left = o.activation == Activation::prelu ? -1 : 0.1;
  o.left = model.number("left", o.left.value_or(left));
  o.tv2 = model.number("tv2", o.tv2);
}

/// The averaged network with bounded layers, for the largest noise level of the training.
Trainable lipschitz_cnn(Section& model, const TrainingOptions& training) {
  LipschitzCnnOptions o;
  o.noise_level = training.noise_high;
  read_network(model, o);
  o.layer_norm = model.number("layer_norm", o.layer_norm);
  return trainable(LipschitzCnnLearner<float>(o));
}

/// The operators that something is learned for.
struct Templates {
  std::vector<std::string> files;
  std::vector<std::shared_ptr<const Measurement>> measurements;

  explicit Templates(std::vector<std::string> names) : files(std::move(names)) {
    for (std::string& file : files) {
      file = with_data_folder(file);
      measurements.push_back(std::make_shared<const Measurement>(load_measurement(file)));
      const auto& first = *measurements.front();
      const auto& last = *measurements.back();
      if (!(image_shape(last) == image_shape(first)) ||
          (kind_of(last.setup) == "mri") != (kind_of(first.setup) == "mri"))
        throw ArgumentError("[model] measurement: " + file + " is of other images than " +
                            files.front());
    }
  }
  bool complex() const { return kind_of(measurements.front()->setup) == "mri"; }
  Shape image() const { return image_shape(*measurements.front()); }
  void describe(Trainable& made) const {
    std::string hashes;
    for (const std::string& file : files) {
      made.measurement += (made.measurement.empty() ? "" : ", ") + file;
      hashes += sha256_of_file(file);
    }
    made.measurement_sha256 = files.size() == 1 ? hashes : sha256(hashes.data(), hashes.size());
    made.image = image();
  }
};

template <class X>
MeasuredProblem<X> problem_of(const std::shared_ptr<const Measurement>& m) {
  const LinearOperator<X> A = make_operator<X>(*m);
  return {A, [m, A](const Array<X>& y) { return start_from<X>(m->setup, A, y); },
          [m](View<X> y, double sigma, const RandomStream& noise) {
            add_noise<X>(*m, sigma, noise, y);
          }};
}

template <class X>
Trainable unrolled_for(const Templates& templates, const UnrolledPgdOptions& o) {
  std::vector<MeasuredProblem<X>> problems;
  for (const auto& m : templates.measurements) problems.push_back(problem_of<X>(m));
  return trainable(UnrolledPgdLearner<X>(o, std::move(problems)));
}

/// Unrolled proximal gradient descent for the operators of measurement files.
Trainable unrolled_pgd(Section& model, const TrainingOptions& training) {
  UnrolledPgdOptions o;
  o.noise_level = training.noise_high;
  o.iterations = model.count("iterations", o.iterations, 1);
  o.shared = model.flag("shared", o.shared);
  o.random_phase = model.flag("random_phase", o.random_phase);
  read_network(model, o.network);
  const Templates templates(model.texts("measurement"));
  if (templates.image()[0] != 1)
    throw ArgumentError("[model] measurement: " + templates.files.front() + " is of images " +
                        to_string(templates.image()) + ", expected one channel");
  Trainable made = templates.complex() ? unrolled_for<std::complex<float>>(templates, o)
                                       : unrolled_for<float>(templates, o);
  templates.describe(made);
  return made;
}

/// How gradients through a fixed point are taken; one set of keys, of which each strategy uses its
/// own, so that `--set model.strategy=` alone changes it. `proven`: the layers settle by
/// themselves.
EquilibriumOptions read_equilibrium(Section& s, bool warm, bool proven) {
  static const std::vector<std::string> strategies{"unrolled", "implicit", "one-step", "restarted"};
  static const std::vector<std::string> solvers{"picard", "conjugate-gradient", "gmres",
                                                "minres", "anderson",           "broyden"};
  const auto index = [&](const std::string& key, std::size_t otherwise,
                         const std::vector<std::string>& names) {
    const std::string word = s.word(key, names[otherwise], names);
    return std::find(names.begin(), names.end(), word) - names.begin();
  };
  EquilibriumOptions o;
  o.strategy = static_cast<GradientStrategy>(index("strategy", 3, strategies));
  o.depth = s.count("depth", o.depth, 1);
  o.restarts = s.count("restarts", o.restarts);
  if (warm && o.strategy == GradientStrategy::unrolled)
    throw ArgumentError(
        "[training] warm: unrolled passes begin where the measurement does; expected [model] "
        "strategy restarted, one-step or implicit");
  o.until_tolerance = s.flag("until_tolerance", o.strategy == GradientStrategy::one_step && !warm);
  o.tolerance = s.number("tolerance", o.tolerance);
  o.max_passes = s.count("max_passes", 500, 1);
  o.recompute = s.flag("recompute", o.recompute);
  o.adjoint = static_cast<AdjointSolver>(index("adjoint", 2, solvers));
  o.adjoint_tolerance = s.number("adjoint_tolerance", o.adjoint_tolerance);
  o.adjoint_max_products = s.count("adjoint_max_products", o.adjoint_max_products, 1);
  o.power_iterations = s.count("power_iterations", proven ? 0 : 10);
  o.largest_contraction = s.number("largest_contraction", 1.2);
  return o;
}

/// What plug-and-play learns for the operator of a measurement file; M: the kind of model that
/// takes the place of the prox, made what it has to be by `admit`.
template <class M>
Trainable pnp_with(Section& model, const PnpOptions& o, const char* expected,
                   M (*admit)(const M&)) {
  const Templates templates({model.text("measurement")});
  const std::string file = with_data_folder(model.text("denoiser"));
  const Model<float> start = load_model<float>(file);
  const auto* denoiser = std::get_if<M>(&start.value);
  if (denoiser == nullptr)
    throw ArgumentError("[model] denoiser: " + file + " is of kind " + start.kind() +
                        ", expected " + expected);
  if (templates.complex())
    throw ArgumentError("[model] measurement: " + templates.files.front() +
                        " has complex images, and these denoisers take real ones");
  const PnpLearner<float> learner(o, admit(*denoiser),
                                  problem_of<float>(templates.measurements.front()));
  Trainable made = trainable(learner);
  templates.describe(made);
  made.denoiser_sha256 = sha256_of_file(file);
  made.iterates = true;
  made.learned = [learner](const Parameters& p) {
    nlohmann::ordered_json found = {{"step_times_squared_norm", learner.relative_step(p)}};
    const std::vector<double> sigmas = learner.sigmas(p);
    if (learner.has_sigma() && sigmas.size() == 1) found["sigma"] = sigmas.front();
    if (learner.has_sigma() && sigmas.size() > 1) found["sigma"] = sigmas;
    if (learner.has_lambda()) found["lambda"] = learner.lambda(p);
    return found;
  };
  return made;
}

template <class M>
M as_it_is(const M& model) {
  return model;
}

/// A DRUNet, or the gradient step on its potential, in forward-backward. (Who changes the order of
/// keys changes what is resumed.)
template <class M>
Trainable pnp_drunet(Section& model, const TrainingOptions& training) {
  PnpOptions o;
  o.learn_step = model.flag("learn_step", o.learn_step);
  o.learn_sigma = model.flag("learn_sigma", o.learn_sigma);
  o.learn_weights = model.flag("learn_weights", o.learn_weights);
  o.step = model.number("step", o.step);
  o.sigma = model.number("sigma", o.sigma);
  o.levels = model.count("levels", o.levels, 1);
  o.equilibrium = read_equilibrium(model, training.warm, false);
  const char* kind = std::is_same_v<M, Drunet<float>> ? "drunet" : "gsdrunet";
  return pnp_with<M>(model, o, kind, as_it_is);
}

/// A relaxed Lipschitz CNN in forward-backward, divided by its bound where that is above 1.
Trainable pnp_lipschitz_cnn(Section& model, const TrainingOptions& training) {
  PnpOptions o;
  o.learn_step = model.flag("learn_step", o.learn_step);
  o.learn_lambda = model.flag("learn_lambda", o.learn_lambda);
  o.step = model.number("step", o.step);
  o.lambda = model.number("lambda", o.lambda);
  o.equilibrium = read_equilibrium(model, training.warm, true);
  return pnp_with<LipschitzCnn<float>>(model, o, "lipschitz-cnn", certified);
}

/// Relative, on one step of the prox's solver in single precision.
constexpr double least_prox_tolerance = 2e-7;

/// The prox of a ridge regulariser in forward-backward.
Trainable pnp_wcrr(Section& model, const TrainingOptions& training) {
  PnpOptions o;
  o.learn_step = model.flag("learn_step", o.learn_step);
  o.learn_sigma = model.flag("learn_sigma", o.learn_sigma);
  o.learn_lambda = model.flag("learn_lambda", o.learn_lambda);
  o.step = model.number("step", o.step);
  o.sigma = model.number("sigma", o.sigma);
  o.lambda = model.number("lambda", o.lambda);
  o.levels = model.count("levels", o.levels, 1);
  o.equilibrium = read_equilibrium(model, training.warm, true);
  // Below the error that the passes are to come to, and above rounding.
  o.prox.tolerance =
      model.number("prox_tolerance", std::max(o.equilibrium.tolerance / 10, least_prox_tolerance));
  o.prox.max_iterations =
      static_cast<int>(model.count("prox_max_iterations", o.prox.max_iterations, 1));
  return pnp_with<RidgeRegulariser<float>>(model, o, "ridge", as_it_is);
}

/// A fully connected network on patches, for the largest noise level of the training.
Trainable patch_denoiser(Section& model, const TrainingOptions& training) {
  PatchDenoiserOptions o;
  o.noise_level = training.noise_high;
  o.size = model.count("size", o.size, 2);
  o.hidden = model.counts("hidden", o.hidden);
  o.slope = model.number("slope", o.slope);
  o.lambda_w = model.number("lambda_w", o.lambda_w);
  o.lambda_b = model.number("lambda_b", o.lambda_b);
  const std::string relu = to_string(o.activation);
  const bool splines =
      model.word("activation", relu, {relu, to_string(Activation::spline)}) != relu;
  if (splines) {
    o.activation = Activation::spline;
    o.knots = model.count("knots", o.knots, 3);
    o.x_min = model.number("x_min", o.x_min);
    o.x_max = model.number("x_max", o.x_max);
    o.tv2 = model.number("tv2", o.tv2);
  }
  const PatchDenoiserLearner<float> learner(o);
  Trainable made = trainable(learner);
  made.patches = [learner](const Parameters& p) { return learner.parameters(p); };
  made.finishable = !splines;
  return made;
}

struct Entry {
  const char* kind;
  Trainable (*make)(Section& model, const TrainingOptions& options);
};
constexpr Entry learners[] = {
    {"wcrr", wcrr},
    {"crr", crr},
    {"lipschitz-cnn", lipschitz_cnn},
    {"drunet", drunet},
    {"gsdrunet", gsdrunet},
    {"unrolled-pgd", unrolled_pgd},
    {"pnp-drunet", pnp_drunet<Drunet<float>>},
    {"pnp-gsdrunet", pnp_drunet<GradientStepDrunet<float>>},
    {"pnp-lipschitz-cnn", pnp_lipschitz_cnn},
    {"pnp-wcrr", pnp_wcrr},
    {"patch-denoiser", patch_denoiser},
};

}  // namespace

const std::vector<std::string>& learner_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Entry& entry : learners) all.emplace_back(entry.kind);
    return all;
  }();
  return names;
}

void set_default_noise(const std::string& kind, Section& model, bool given,
                       TrainingOptions& options) {
  if (kind != "unrolled-pgd" && !kind.starts_with("pnp-")) return;
  options.noise_low = std::numeric_limits<double>::infinity();
  options.noise_high = 0;
  for (const auto& m : Templates(model.texts("measurement")).measurements) {
    options.noise_low = std::min(options.noise_low, m->noise_level / m->scale);
    options.noise_high = std::max(options.noise_high, m->noise_level / m->scale);
  }
  if (!given && options.noise_low < options.noise_high)
    throw ArgumentError(
        "[model] measurement: the files' noise levels differ; name those of the "
        "training in [noise] sigma");
  options.largest_noise = std::numeric_limits<double>::infinity();
}

Trainable make_learner(const std::string& kind, Section& model, const TrainingOptions& options) {
  for (const Entry& entry : learners)
    if (kind == entry.kind) return entry.make(model, options);
  throw ArgumentError(unknown_name("kind of model", kind, learner_names()));
}

}  // namespace fejer::command
