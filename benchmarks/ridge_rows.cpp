#include <memory>
#include <optional>

#include <fejer/models/ridge_hessian.hpp>
#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>

#include "ridge_model.hpp"

namespace fejer::benchmarks {
namespace {

constexpr double sigma = 25.0 / 255;

/// One image, or patches of 40x40: `once` with zeros around the image only and a noise level for
/// each patch, as our models are trained; else as published.
struct Size {
  Index images, rows, columns;
  bool once = false;
  std::string name() const {
    return (images > 1 ? std::to_string(images) + "x" : "") + std::to_string(rows) + "x" +
           std::to_string(columns) + (once ? "-once" : "");
  }
  std::string what() const {
    return std::string(images > 1 ? ", of patches" : "") + (once ? ", padded once" : "");
  }
  std::vector<double> sigmas() const {
    std::vector<double> result(1, sigma);
    for (Index i = 1; once && i < images; ++i)
      result.push_back(static_cast<double>(5 + i % 6 * 5) / 255);
    return result;
  }
  NoiseLevels levels(const std::vector<double>& of) const {
    return of.size() > 1 ? NoiseLevels(of) : NoiseLevels(of[0]);
  }
};

RidgeParameters with_borders(RidgeParameters parameters, const Size& size) {
  if (size.once) parameters.borders = Borders::zero_once;
  return parameters;
}

Array<float> noisy(const Setting& setting, const Size& size) {
  Array<float> x = patches(setting, size.images, size.rows, size.columns);
  add_normal<float>(x, sigma, Rng(2026).stream("measurement"));
  return x;
}

enum class Job { gradient, hessian, prepared_hessian };

/// A noisy photograph, and room for the result.
struct Problem {
  RidgeRegulariser<float> model;
  std::vector<double> sigmas;
  NoiseLevels levels;
  Array<float> x, direction, result;
  Job job;
  std::optional<RidgeHessian<float>> hessian{};

  Problem(const RidgeParameters& parameters, const Setting& setting, const Size& size, Job which)
      : model(with_borders(parameters, size)),
        sigmas(size.sigmas()),
        levels(size.levels(sigmas)),
        x(noisy(setting, size)),
        direction(noise<float>("direction", x.shape())),
        result(x.shape()),
        job(which) {
    save_ridge(setting.files, model, levels);
    setting.files.save("x", x);
    setting.files.save("direction", direction);
    if (job == Job::prepared_hessian) hessian.emplace(model, x, levels);
    warm_up();
  }
  /// Code and tables are in memory before memory is measured.
  void warm_up() const {
    const Array<float> small(Shape{1, 16, 16}, 0.5F);
    Array<float> out(small.shape());
    if (job != Job::gradient) return model.hessian_vector_product(small, sigma, small, out);
    model.gradient(small, sigma, out);
  }
  void run() {
    if (hessian) return hessian->apply(direction, result);
    if (job == Job::hessian) return model.hessian_vector_product(x, levels, direction, result);
    model.gradient(x, levels, result);
  }
};

/// Gradients of <direction, grad R(x)> in x and in all parameters.
struct ParameterGradient {
  RidgeRegulariser<float> model;
  std::vector<double> sigmas;
  NoiseLevels levels;
  Array<float> x, direction, of_x;
  RidgeGradients of_parameters;

  ParameterGradient(const RidgeParameters& parameters, const Setting& setting, const Size& size)
      : model(with_borders(parameters, size)),
        sigmas(size.sigmas()),
        levels(size.levels(sigmas)),
        x(noisy(setting, size)),
        direction(noise<float>("direction", x.shape())),
        of_x(x.shape()) {
    save_ridge(setting.files, model, levels);
    setting.files.save("x", x);
    setting.files.save("direction", direction);
  }
  void run() { of_parameters = model.vjp(x, levels, direction, of_x); }
  /// The others know the profile times the weight only.
  void save(const Exchange& files, const std::string& name) const {
    files.save(name, of_x);
    int part = 0;
    const auto next = [&] { return name + "-" + std::to_string(++part); };
    for (const Array<double>& kernel : of_parameters.kernels) files.save(next(), kernel);
    Array<double> profile = of_parameters.profile;
    for (double& v : profile) v /= model.parameters().weight;
    files.save(next(), profile);
    files.save(next(), of_parameters.scaling);
  }
  int results() const { return static_cast<int>(model.parameters().kernels.size()) + 3; }
};

std::string describe(RidgeKind kind) {
  return kind == RidgeKind::crr ? "CRR-NN, 1-8-32 channels, 7x7, 21 knots a channel: "
                                : "WCRR-NN, 1-4-8-60 channels, 5x5, one spline of 101 knots: ";
}

std::string name_of(RidgeKind kind) { return kind == RidgeKind::crr ? "crr" : "wcrr"; }

/// A row of Problem without its opponents.
Row problem_row(RidgeKind kind, Job job, const Size& size) {
  const char* const jobs[] = {"-gradient/", "-hessian-product/", "-prepared-hessian-product/"};
  const char* const what[] = {"gradient", "Hessian times vector",
                              "Hessian times vector, slopes of the splines known"};
  const auto which = static_cast<std::size_t>(job);
  return {.name = name_of(kind) + jobs[which] + size.name(),
          .what = describe(kind) + what[which] + size.what(),
          .opponents = {},
          .ours = [=](const Setting& setting) {
            const RidgeModel model = ridge_model(setting, kind);
            Call call =
                make_call(std::make_shared<Problem>(model.parameters, setting, size, job), setting);
            call.remark = model.remark;
            return call;
          }};
}

Row gradient_row(RidgeKind kind, const Size& size) {
  Row r = problem_row(kind, Job::gradient, size);
  r.tolerance = 1e-4;
  r.memory = size.columns == 321 ? 10 : 0;
  const bool crr = kind == RidgeKind::crr;
  const double tuned = crr ? 5 : 4, untuned = crr ? 11 : 13;
  r.opponents = {{"torch-tuned", tuned}, {"torch-default", untuned}};
  if (r.memory > 0) {
    r.opponents.push_back({"torch-published-tuned", tuned});
    r.opponents.push_back({"torch-published-default", untuned});
  }
  return r;
}

/// As in training: all patches of a step.
Row batch_row(RidgeKind kind, const Size& size, double goal) {
  Row r = problem_row(kind, Job::gradient, size);
  r.tolerance = 1e-4;
  r.opponents = {{"torch-tuned", goal}, {"torch-default"}};
  return r;
}

Row hessian_row(const Size& size, Job job) {
  Row r = problem_row(RidgeKind::wcrr, job, size);
  // Where rounding puts an element on the other side of a knot, its slope is another one.
  r.tolerance = 1e-2;
  r.opponents = {{"torch-tuned", 5}};
  return r;
}

/// Tolerance: slopes at knots, as in hessian_row. In crr-step-parameter-gradient/128x40x40 16 of
/// the 6.6 million values lie on the other side of a knot in PyTorch than in double. These alone
/// make its gradient of x differ by 1.3e-3 (from double with its own pieces: 4e-7), that of kernel
/// 0 differs by 2.3e-3. None of ours does, and all our gradients are within 3e-6 of double.
Row parameter_row(RidgeKind kind, const Size& size) {
  return {.name = name_of(kind) + "-step-parameter-gradient/" + size.name(),
          .what = describe(kind) +
                  "gradients of <u, grad R(x)> in x, kernels, profile and scaling" + size.what() +
                  "; results differ where rounding puts a value on the other side of a knot",
          .opponents = {{"torch-tuned", 5}, {"torch-default"}},
          .ours =
              [=](const Setting& setting) {
                const RidgeModel model = ridge_model(setting, kind);
                const auto state =
                    std::make_shared<ParameterGradient>(model.parameters, setting, size);
                return Call{.run = [state] { state->run(); },
                            .save = [state, files = setting.files](
                                        const std::string& name) { state->save(files, name); },
                            .remark = model.remark,
                            .results = state->results()};
              },
          .tolerance = 5e-3};
}

}  // namespace

void add_ridge_rows(std::vector<Row>& rows) {
  const Size portrait{1, 481, 321}, square{1, 512, 512};
  for (const RidgeKind kind : {RidgeKind::crr, RidgeKind::wcrr})
    for (const Size& size : {portrait, square}) rows.push_back(gradient_row(kind, size));
  for (const bool once : {false, true}) {
    const Size few{16, 40, 40, once}, many{128, 40, 40, once};
    rows.push_back(batch_row(RidgeKind::crr, many, 3));
    rows.push_back(batch_row(RidgeKind::wcrr, few, 5));
    rows.push_back(hessian_row(few, Job::hessian));
    rows.push_back(parameter_row(RidgeKind::crr, many));
    rows.push_back(parameter_row(RidgeKind::wcrr, few));
  }
  rows.push_back(hessian_row({16, 40, 40, true}, Job::prepared_hessian));
  for (const Size& size : {portrait, square}) rows.push_back(hessian_row(size, Job::hessian));
  rows.push_back(parameter_row(RidgeKind::wcrr, portrait));
}

}  // namespace fejer::benchmarks
