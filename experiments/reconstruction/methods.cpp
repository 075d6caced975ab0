#include "methods.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fejer/models/import.hpp>
#include <fejer/models/model_file.hpp>
#include <fejer/vector.hpp>

#include "console.hpp"
#include "quality.hpp"
#include "start.hpp"

namespace fejer::reconstruction {
namespace {

using Complex = std::complex<float>;

Model<float> imported(const std::string& data, const std::string& work, const std::string& weights,
                      const std::string& architecture) {
  const std::string file = work + "/" + weights;
  if (!std::filesystem::exists(file))
    save_model(file, import_model<float>(data + "/reference_models/" + weights, architecture));
  return load_model<float>(file);
}

void score(const Task& task, const Case& c, Outcome& o) {
  o.psnr = o.ssim = std::nan("");
  if (!c.measurement.truth) return;
  const Array<float> truth = command::magnitude(*c.measurement.truth);
  const double range = task.data_range > 0 ? task.data_range : max_abs(ConstView<float>(truth));
  const command::Quality q = command::measure_quality(o.image, *c.measurement.truth, range);
  o.psnr = q.psnr;
  o.ssim = q.ssim.value_or(std::nan(""));
}

template <class X>
double misfit(const LinearOperator<X>& A, const Array<X>& x, const Array<X>& y) {
  return distance(A.apply(x), y) / norm(y);
}

/// Watches ||x+ - x||; float rounding of x bounds what can be seen of it.
template <class X>
Observer<X> watch_change(const Array<X>& start, bool& never_rose) {
  return [&never_rose, x = start, last = std::numeric_limits<double>::infinity()](
             const Iteration&, ConstView<X> next) mutable {
    const Array<X> now(next);
    const double change = distance(now, x);
    if (change > last * (1 + 1e-3) + 1e-6 * norm(now)) never_rose = false;
    last = change;
    x = now;
    return command::interrupted() ? Control::stop : Control::proceed;
  };
}

template <class X>
Outcome reconstruct_as(const Task& task, const Case& c, const MethodSpec& spec,
                       const tuning::Point& p, const Effort& effort) {
  const auto scale = static_cast<float>(c.measurement.scale);
  const LinearOperator<X> A = make_operator<X>(c.measurement);
  const Array<X> y = elements_as<X>(c.measurement.data);
  const command::Problem<X> problem = command::posed<X>(
      c.measurement, A, command::start_value<X>(c.measurement, A, "").image, c.measurement.scale);
  command::Method method;
  method.prior = spec.prior;
  method.lambda = p[0];
  method.positivity = task.positivity && spec.prior != "unrolled";
  method.run.tolerance = effort.tolerance;
  method.run.max_iterations = effort.max_iterations;
  if (spec.prior == "model") method.sigma = p[1];
  if (spec.prior == "pnp") {
    method.sigma = *spec.model->noise_level();
    method.certify = !spec.forced;
    method.force = spec.forced;
  }
  Outcome o;
  command::Solution<X> s = command::solve<X>(problem, spec.model ? &*spec.model : nullptr, method,
                                             {watch_change<X>(problem.start, o.change_never_rose)});
  o.status = s.result.status;
  o.cause = s.result.cause;
  o.iterations = s.result.iterations;
  o.seconds = s.result.seconds;
  o.objective = s.result.objective;
  fejer::scale<X>(s.result.x, scale);
  o.data_fit = misfit(A, s.result.x, y);
  o.image = std::move(s.result.x);
  score(task, c, o);
  return o;
}

template <class X>
Outcome start_as(const Task& task, const Case& c) {
  Outcome o;
  const LinearOperator<X> A = make_operator<X>(c.measurement);
  Array<X> x = command::start_value<X>(c.measurement, A, "").image;
  o.data_fit = misfit(A, x, elements_as<X>(c.measurement.data));
  o.image = std::move(x);
  score(task, c, o);
  return o;
}

bool is_mri(const Case& c) { return std::holds_alternative<MriSetup>(c.measurement.setup); }

}  // namespace

std::vector<MethodSpec> make_methods(const std::string& data, const std::string& work) {
  std::vector<MethodSpec> methods;
  methods.push_back({"tv", "tv", {}});
  methods.push_back({"crr", "model", imported(data, work, "crr_nn.h5", "ridge")});
  methods.push_back({"wcrr", "model", imported(data, work, "wcrr_nn.h5", "ridge")});
  methods.push_back(
      {"pnp_relu", "pnp", imported(data, work, "lipschitz_relu_cnn_sigma_10.h5", "lipschitz-cnn")});
  methods.push_back({"pnp_spline", "pnp",
                     imported(data, work, "lipschitz_spline_cnn_sigma_10.h5", "lipschitz-cnn")});
  for (const char* name : {"pnp_relu", "pnp_spline"}) {
    const auto certified = std::find_if(methods.begin(), methods.end(),
                                        [&](const MethodSpec& m) { return m.name == name; });
    MethodSpec forced = *certified;
    forced.name += "_forced";
    forced.forced = true;
    methods.push_back(std::move(forced));
  }
  return methods;
}

MethodSpec own_method(const std::string& file) {
  MethodSpec method{"own_" + std::filesystem::path(file).stem().string(), "model",
                    load_model<float>(file)};
  if (!method.model->is_ridge()) method.prior = "pnp";
  if (method.prior == "pnp" && !method.model->noise_level())
    throw ArgumentError("experiment reconstruction: " + file +
                        ": a model for plug-and-play needs the noise level it was trained for");
  return method;
}

command::Situation situation_of(const MethodSpec& method, const Case& first) {
  const Measurement& m = first.measurement;
  return {method.prior, kind_of(m.setup), m.noise_level / m.scale,
          method.model ? method.model->noise_level() : std::nullopt};
}

Outcome reconstruct(const Task& task, const Case& c, const MethodSpec& method,
                    const tuning::Point& p, const Effort& effort) {
  return is_mri(c) ? reconstruct_as<Complex>(task, c, method, p, effort)
                   : reconstruct_as<float>(task, c, method, p, effort);
}

Outcome start_of(const Task& task, const Case& c) {
  return is_mri(c) ? start_as<Complex>(task, c) : start_as<float>(task, c);
}

}  // namespace fejer::reconstruction
