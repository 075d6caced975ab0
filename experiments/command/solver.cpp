#include "solver.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fejer/algorithms/accelerated_forward_backward.hpp>
#include <fejer/algorithms/conjugate_gradient.hpp>
#include <fejer/algorithms/forward_backward.hpp>
#include <fejer/algorithms/gradient_step_pnp.hpp>
#include <fejer/algorithms/half_quadratic_splitting.hpp>
#include <fejer/algorithms/limited_memory_bfgs.hpp>
#include <fejer/algorithms/pnp_douglas_rachford.hpp>
#include <fejer/algorithms/pnp_forward_backward.hpp>
#include <fejer/algorithms/prox_pnp.hpp>
#include <fejer/algorithms/proximal_least_squares.hpp>
#include <fejer/algorithms/safeguarded_accelerated_gradient.hpp>
#include <fejer/models/ridge_prior.hpp>
#include <fejer/models/unrolled_pgd.hpp>
#include <fejer/operators/box.hpp>
#include <fejer/operators/least_squares.hpp>
#include <fejer/operators/total_variation.hpp>

#include "non_negative_denoiser.hpp"
#include "text.hpp"

namespace fejer::command {
namespace {

bool one_of(const std::string& name, std::initializer_list<const char*> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}
bool iterates_denoiser(const std::string& algorithm) {
  return one_of(algorithm, {"pnp-fbs", "pnp-drs", "prox-pnp", "prox-drs", "gs-pnp", "dpir"});
}

NormRule norm_rule(const Method& method) {
  return method.as_published ? NormRule::as_published : NormRule::margin;
}

/// Plug-and-play converges for averaged denoisers only: says so in the command's words.
void require_averaged(const Method& m, const Model<float>& model, bool firmly) {
  const Certificate c = make_denoiser(model, {}, m.certify).certificate();
  const bool averaged = firmly ? c.averagedness * m.lambda <= 0.5
                               : c.averagedness < 1 || (c.averagedness <= 1 && m.lambda < 1);
  if (c.kind != Certificate::Kind::none && averaged) return;
  throw ArgumentError(
      std::string("--prior pnp: the denoiser is not certified as ") +
      (firmly ? "firmly non-expansive (" : "averaged (") + c.how + "); " +
      (model.kind() == "lipschitz-cnn" ? "--certify divides it by its bound, " : "") +
      "--force runs it without a guarantee");
}

/// Whether what --prior pnp means has a guarantee, or is forced.
void check_denoiser(const Method& m, const Model<float>& model, bool complex) {
  const std::string algorithm = pnp_algorithm(m, model, complex);
  const auto refuse = [&](const std::string& why) {
    throw ArgumentError("--algorithm " + algorithm + ": " + why);
  };
  if (one_of(algorithm, {"gs-pnp", "prox-drs"})) {
    if (model.kind() != "gsdrunet")
      refuse("needs the potential of a gradient-step denoiser, a model of kind gsdrunet; got " +
             model.kind());
    if (complex) refuse("is for real images");
    if (m.positivity) refuse("cannot keep x >= 0");
    if (algorithm == "prox-drs" && !m.force) require_averaged(m, model, false);
  } else if (algorithm == "dpir") {
    if (model.noise_level())
      refuse("needs a denoiser for all noise levels; this one was trained for " +
             short_number(255 * *model.noise_level()) + "/255 only");
    if (!m.force)
      refuse("a fixed number of steps, of which no convergence is known; --force runs it");
  } else if (algorithm == "prox-pnp" && model.kind() != "gsdrunet") {
    refuse(
        "is forward-backward with a gradient-step denoiser that was trained to be a prox, a model "
        "of kind gsdrunet; got " +
        model.kind());
  } else if (!m.force) {
    if (algorithm == "pnp-drs" && m.positivity) refuse("cannot keep x >= 0; use pnp-fbs");
    require_averaged(m, model, algorithm == "pnp-drs");
  }
}

template <class X>
class Launcher {
 public:
  Launcher(const Problem<X>& problem, const Model<float>* model, const Method& method,
           std::vector<Observer<X>> observers)
      : problem_(problem), model_(model), method_(method), observers_(std::move(observers)) {}

  Solution<X> solve() {
    solution_.algorithm = choose_algorithm(method_, model_, problem_.denoising, is_complex<X>);
    if (method_.prior == "none") return without_prior();
    if (method_.prior == "tv") return with_tv();
    if (method_.prior == "model") return with_model();
    if (method_.prior == "unrolled") return with_layers();
    return with_denoiser();
  }

 private:
  SmoothFunction<X> data_term() const {
    return LeastSquares<X>(problem_.A, problem_.y, problem_.denoising ? 1 : 0);
  }

  template <class A>
  Solution<X> launch(const A& algorithm) {
    if constexpr (requires { algorithm.step_size(); }) solution_.step_size = algorithm.step_size();
    solution_.result = run(algorithm, problem_.start, method_.run, observers_);
    return std::move(solution_);
  }

  Solution<X> first_order(const SmoothFunction<X>& f, const std::optional<ProxFunction<X>>& g) {
    if (solution_.algorithm == "forward-backward") return launch(ForwardBackward<X>(f, g));
    if (solution_.algorithm == "l-bfgs") return launch(LimitedMemoryBfgs<X>(f));
    if (solution_.algorithm == "sagd") return launch(SafeguardedAcceleratedGradient<X>(f, g));
    return launch(AcceleratedForwardBackward<X>(f, g));
  }

  std::optional<ProxFunction<X>> positivity() const {
    if constexpr (!is_complex<X>)
      if (method_.positivity) return ProxFunction<X>(non_negativity<X>());
    return std::nullopt;
  }

  Solution<X> without_prior() {
    solution_.certificate.kind = Certificate::Kind::proven;
    solution_.certificate.how = "linear least squares, no prior";
    if (problem_.noise_norm > 0) observers_.push_back(discrepancy());
    if (solution_.algorithm == "cg") return launch(ConjugateGradient<X>(problem_.A, problem_.y));
    return first_order(data_term(), positivity());
  }

  Observer<X> discrepancy() {
    return [this, r = Array<X>(problem_.A.range())](const Iteration&, ConstView<X> x) mutable {
      problem_.A.apply(x, View<X>(r));
      if (distance(r, problem_.y) > problem_.noise_norm) return Control::proceed;
      solution_.reached_noise_level = true;
      return Control::stop;
    };
  }

  Solution<X> with_tv() {
    solution_.certificate = {Certificate::Kind::proven, 1, 0.5, 0,
                             "total variation is convex, its prox firmly non-expansive"};
    return first_order(data_term(), total_variation());
  }

  Solution<X> with_model() {
    const RidgeRegulariser<float>& ridge = model_->ridge();
    const Bound bound = ridge.lipschitz_bound(norm_rule(method_));
    solution_.certificate.kind = bound.kind;
    solution_.certificate.lipschitz = bound.value;
    solution_.certificate.weak_convexity = ridge.weak_convexity().value;
    solution_.certificate.how = "Lipschitz constant of grad R: " + bound.how;
    const RidgePrior<X> prior(ridge, method_.sigma, method_.lambda, norm_rule(method_));
    return first_order(sum<X>(data_term(), 1, SmoothFunction<X>(prior)), positivity());
  }

  /// All steps of an algorithm that has so many, whatever they change.
  template <class A>
  Solution<X> launch_steps(const A& algorithm, Index steps, const char* cause) {
    RunOptions each = method_.run;
    each.max_iterations = steps;
    each.tolerance = 0;
    solution_.result = run(algorithm, problem_.start, each, observers_);
    if (solution_.result.status == Status::max_iterations) {
      solution_.result.status = Status::converged;
      solution_.result.cause = cause;
    }
    return std::move(solution_);
  }

  /// gs-pnp, prox-pnp or prox-drs, which minimise something with the potential.
  Solution<X> with_gradient_steps() {
    const auto& denoiser = std::get<GradientStepDrunet<float>>(model_->value);
    solution_.certificate = denoiser.certificate();
    if constexpr (is_complex<X>) {
      throw ArgumentError("gs-pnp: complex images");  // refused by choose_algorithm
    } else {
      const GradientStepPrior<X> g(denoiser, method_.sigma);
      if (solution_.algorithm == "prox-pnp")
        return launch(ProxPnpForwardBackward<X>(data_term(), g,
                                                {method_.lambda, StepSize{step(), method_.force}}));
      const ProximalLeastSquares<X> f(problem_.A, problem_.y);
      if (solution_.algorithm == "prox-drs")
        return launch(ProxPnpDouglasRachford<X>(f, g, {method_.lambda, step()}));
      typename GradientStepPnp<X>::Options gs;
      gs.lambda = method_.lambda;
      gs.denoised = gs.objective_residual = true;
      return launch(GradientStepPnp<X>(f, g, gs));
    }
  }

  Solution<X> with_splitting() {
    typename HalfQuadraticSplitting<X>::Options dpir;
    dpir.noise_level = method_.sigma;
    dpir.lambda = method_.lambda;
    dpir.iterations = method_.run.max_iterations;
    const Denoiser<X> denoiser = of_images();
    solution_.certificate = denoiser.certificate();
    const ProximalLeastSquares<X> data(problem_.A, problem_.y);
    return launch_steps(HalfQuadraticSplitting<X>(data, denoiser, dpir), dpir.iterations,
                        "all steps of dpir were taken");
  }

  double step() const {
    const double norm = problem_.A.norm_interval().upper;
    return method_.step / (norm * norm);
  }

  Solution<X> with_reflections() {
    typename PnpDouglasRachford<X>::Options drs;
    drs.sigma = method_.sigma;
    drs.relaxation = method_.lambda;
    drs.step = step();
    drs.accept_uncertified = method_.force;
    const Denoiser<X> denoiser = of_images();
    solution_.certificate = denoiser.certificate();
    const ProximalLeastSquares<X> data(problem_.A, problem_.y);
    return launch(PnpDouglasRachford<X>(data, denoiser, drs));
  }

  Solution<X> with_denoiser() {
    if (one_of(solution_.algorithm, {"gs-pnp", "prox-drs"})) return with_gradient_steps();
    if (solution_.algorithm == "prox-pnp" && !is_complex<X> && !method_.positivity)
      return with_gradient_steps();
    if (solution_.algorithm == "dpir") return with_splitting();
    if (solution_.algorithm == "pnp-drs") return with_reflections();
    const bool inside = method_.positivity;  // the relaxation, before the projection
    const Denoiser<X> denoiser = of_images(method_.lambda);
    solution_.certificate = denoiser.certificate();
    typename PnpForwardBackward<X>::Options pnp;
    pnp.sigma = method_.sigma;
    pnp.levels = method_.levels;
    pnp.relaxation = inside ? 1 : method_.lambda;
    pnp.step = {step(), method_.force};
    pnp.accept_uncertified = method_.force;
    return launch(PnpForwardBackward<X>(data_term(), denoiser, pnp));
  }

  Solution<X> with_layers() {
    const UnrolledPgd<float>& network = model_->unrolled();
    solution_.certificate = network.certificate(problem_.A.norm_interval().upper);
    if (solution_.certificate.kind == Certificate::Kind::none && !method_.force)
      throw ArgumentError("--model: " + solution_.certificate.how +
                          "; train one for this operator, or waive the guarantee with --force");
    const UnrolledIteration<X> layers(network, problem_.A, problem_.y, method_.force);
    solution_.step_size = layers.step_size();
    return launch_steps(layers, network.layers(), "all layers of the network were applied");
  }

  /// With positivity relaxed by so much, else left as it is.
  Denoiser<X> of_images(double relaxation = 1) const {
    if constexpr (is_complex<X>)
      return on_real_and_imaginary(of_part(real_part<float>(problem_.start), relaxation),
                                   of_part(imaginary_part<float>(problem_.start), relaxation));
    else
      return of_part(problem_.start, relaxation);
  }

  /// A network that has to be divided by its bound is so about the part's start value.
  Denoiser<float> of_part(const Array<float>& start, double relaxation) const {
    RidgeDenoiserOptions options;
    options.tolerance = std::clamp(method_.run.tolerance / 10, 1e-7, 1e-4);
    options.norm = norm_rule(method_);
    const auto* cnn = std::get_if<LipschitzCnn<float>>(&model_->value);
    Denoiser<float> denoiser = cnn != nullptr && method_.certify
                                   ? certified_about<float>(*cnn, start)
                                   : make_denoiser(*model_, options);
    if (method_.positivity) denoiser = NonNegativeDenoiser(std::move(denoiser), relaxation);
    return denoiser;
  }

  ProxFunction<X> total_variation() const {
    TvOptions options;
    if (method_.positivity) options.lower = 0;
    return TotalVariation<X>(method_.lambda, options);
  }

  const Problem<X>& problem_;
  const Model<float>* model_;
  const Method& method_;
  std::vector<Observer<X>> observers_;
  Solution<X> solution_;
};

}  // namespace

const std::vector<std::string>& prior_names() {
  static const std::vector<std::string> names = {"none", "tv", "model", "pnp", "unrolled"};
  return names;
}

const std::vector<std::string>& algorithm_names() {
  static const std::vector<std::string> names = {
      "auto",     "cg",     "fista",   "forward-backward", "accelerated-gradient",
      "sagd",     "l-bfgs", "pnp-fbs", "pnp-drs",          "prox-pnp",
      "prox-drs", "gs-pnp", "dpir",    "unrolled-pgd"};
  return names;
}

std::string pnp_algorithm(const Method& m, const Model<float>& model, bool complex) {
  if (m.algorithm != "auto") return m.algorithm;
  return model.kind() == "gsdrunet" && !complex && !m.positivity ? "gs-pnp" : "pnp-fbs";
}

std::string choose_algorithm(const Method& m, const Model<float>* model, bool denoising,
                             bool complex) {
  const std::string& name = m.algorithm;
  const auto refuse = [&](const std::string& why) {
    throw ArgumentError("--algorithm " + name + " with --prior " + m.prior + ": " + why);
  };
  if (complex && m.positivity)
    throw ArgumentError("--positivity: has no meaning for complex images");
  const bool automatic = name == "auto";
  if (m.prior == "pnp") {
    if (!automatic && !iterates_denoiser(name))
      refuse("a denoiser is iterated by pnp-fbs, pnp-drs, prox-pnp, prox-drs, gs-pnp or dpir only");
    check_denoiser(m, *model, complex);
    return pnp_algorithm(m, *model, complex);
  }
  if (m.prior == "unrolled") {
    model->unrolled();
    if (!automatic && name != "unrolled-pgd") refuse("an unrolled network is its own algorithm");
    return "unrolled-pgd";
  }
  if (name == "unrolled-pgd") refuse("its steps are those of a network: use --prior unrolled");
  if (iterates_denoiser(name)) refuse("it iterates a denoiser: use --prior pnp");
  if (m.prior == "none") {
    if (automatic) return m.positivity ? "fista" : "cg";
    if (name == "cg" && m.positivity) refuse("cg cannot keep x >= 0; use fista");
    if (name == "sagd" || name == "l-bfgs") refuse("it is for learned priors; use cg or fista");
    return name;
  }
  if (name == "cg") refuse("cg solves linear problems: use --prior none");
  if (name == "l-bfgs" && m.positivity) refuse("l-bfgs cannot keep x >= 0; use fista or sagd");
  if (m.prior == "tv") {
    if (!automatic && !one_of(name, {"fista", "forward-backward"}))
      refuse("total variation has no gradient; use fista or forward-backward");
    return automatic ? "fista" : name;
  }
  const double modulus = m.lambda * model->ridge().weak_convexity().value;
  const bool convex = modulus <= (denoising ? 1 : 0);
  if (automatic && !m.positivity && !m.as_published) return "l-bfgs";
  if (automatic) return convex ? (m.positivity ? "fista" : "accelerated-gradient") : "sagd";
  if (!convex && one_of(name, {"fista", "accelerated-gradient"}) && !m.force)
    refuse("the objective is not convex and acceleration has no guarantee; use sagd, or --force");
  return name;
}

template <class X>
Solution<X> solve(const Problem<X>& problem, const Model<float>* model, const Method& method,
                  std::vector<Observer<X>> observers) {
  return Launcher<X>(problem, model, method, std::move(observers)).solve();
}

template Solution<float> solve(const Problem<float>&, const Model<float>*, const Method&,
                               std::vector<Observer<float>>);
template Solution<std::complex<float>> solve(const Problem<std::complex<float>>&,
                                             const Model<float>*, const Method&,
                                             std::vector<Observer<std::complex<float>>>);

}  // namespace fejer::command
