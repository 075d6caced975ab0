#include "finisher.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fejer/eigen.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "text.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;

/// The parameters of a network as SparseFit lays them out.
Array<double> packed(const FullyConnectedParameters& network) {
  std::vector<double> values;
  for (std::size_t l = 0; l < network.weights.size(); ++l) {
    values.insert(values.end(), network.weights[l].begin(), network.weights[l].end());
    values.insert(values.end(), network.biases[l].begin(), network.biases[l].end());
  }
  Array<double> p(Shape{static_cast<Index>(values.size())});
  std::copy(values.begin(), values.end(), p.begin());
  return p;
}

Json widths(const FullyConnectedParameters& network) {
  Json result = {network.weights.front().shape()[1]};
  for (const auto& w : network.weights) result.push_back(w.shape()[0]);
  return result;
}

}  // namespace

const std::vector<std::string>& finisher_names() {
  static const std::vector<std::string> names = {"ialm", "proximal-gradient"};
  return names;
}

std::string cannot_be_finished(const std::string& kind) {
  return "a model of kind " + kind + (kind == "patch-denoiser" ? " with splines" : "") +
         " cannot be finished; expected wcrr, or patch-denoiser with activation = \"relu\"";
}

void read_ialm(Section& section, FinishOptions& o) {
  o.rho = section.number("rho", o.rho);
  o.rho_max = section.number("rho_max", o.rho_max);
  o.column_passes = section.count("column_passes", o.column_passes, 1);
  o.level_room = section.number("level_room", o.level_room);
  // The problem says no to these as well, but only after the training.
  for (const double value : {o.lambda_w, o.lambda_b, o.refit_lambda_w, o.level_room})
    if (!(value >= 0))
      throw ArgumentError(
          "[finish] lambda_w, lambda_b, refit_lambda_w, level_room: expected 0 or more, got " +
          std::to_string(value));
  if (!(o.rho > 0 && o.rho <= o.rho_max))
    throw ArgumentError("[finish] rho, rho_max: expected 0 < rho <= rho_max, got " +
                        std::to_string(o.rho) + " and " + std::to_string(o.rho_max));
}

void require_grey(const PatchSource& source) {
  if (source.channels() != 1)
    throw ArgumentError("--finish: patches of grey images are expected; set data.grey = true");
}

FinishOptions read_finish(Section& section) {
  FinishOptions o;
  o.lambda_w = section.number("lambda_w", o.lambda_w);
  o.lambda_b = section.number("lambda_b", o.lambda_b);
  o.samples = section.count("samples", o.samples, 1);
  o.sweeps = section.count("sweeps", o.sweeps, 1);
  o.refit_sweeps = section.count("refit_sweeps", o.refit_sweeps);
  o.refit_lambda_w = section.number("refit_lambda_w", o.refit_lambda_w);
  read_ialm(section, o);
  section.finish();
  return o;
}

sparse_training::Trained fit_sparse(const std::string& method,
                                    const sparse_training::Problem& problem,
                                    const Array<double>& start, const FinishOptions& o,
                                    const std::string& state_file, bool resume) {
  if (method == "proximal-gradient") return by_proximal_gradient(problem, start, o.sweeps);
  AugmentedLagrangianOptions ialm;
  ialm.rho = o.rho;
  ialm.rho_max = o.rho_max;
  ialm.column_passes = o.column_passes;
  ialm.level_room = o.level_room;
  ialm.growth = std::pow(o.rho_max / o.rho, 1.25 / static_cast<double>(o.sweeps));
  return by_ialm(problem, start, ialm, o.sweeps, state_file, resume);
}

NoisyPatches noisy_patches(const PatchDenoiserParameters& denoiser, PatchSource& source, Index most,
                           std::uint64_t seed) {
  const double sigma = denoiser.noise_level;
  const Index pixels = denoiser.size * denoiser.size, count = std::min(most, source.size());
  require_grey(source);
  NoisyPatches result{Array<double>(Shape{static_cast<Index>(denoiser.inputs.size()), count}),
                      Array<double>(Shape{pixels, count})};
  auto x = as_matrix(View<double>(result.x)), y = as_matrix(View<double>(result.y));
  const Rng rng(seed);
  for (Index n = 0; n < count; ++n) {
    const Array<float> clean = source.draw(0, n);
    Array<double> noise(Shape{pixels});
    fill_normal<double>(noise, rng.stream("finish/" + std::to_string(n)));
    Eigen::ArrayXd truth(pixels);
    for (Index q = 0; q < pixels; ++q) truth[q] = static_cast<double>(clean[q]) / sigma;
    const Eigen::ArrayXd noisy = truth + flat(ConstView<double>(noise));
    const double mean = noisy.mean();
    for (Index i = 0; i < x.rows(); ++i)
      x(i, n) = noisy[denoiser.inputs[static_cast<std::size_t>(i)]] - mean;
    y.col(n) = truth - mean;
  }
  return result;
}

sparse_training::Problem patch_problem(const PatchDenoiserParameters& denoiser,
                                       const NoisyPatches& train, const NoisyPatches& test,
                                       const FinishOptions& options) {
  SparseFitOptions o;
  const FullyConnectedParameters& network = denoiser.network;
  if (!network.splines.empty())
    throw ArgumentError("patch_problem: " + cannot_be_finished("patch-denoiser"));
  for (std::size_t l = 0; l + 1 < network.weights.size(); ++l)
    o.hidden.push_back(network.weights[l].shape()[0]);
  o.slope = network.slope;
  o.activated_output = network.activated_output;
  o.lambda_w = options.lambda_w;
  o.lambda_b = options.lambda_b;
  return {SparseFit(train.x, train.y, o), test.x, test.y};
}

namespace {

/// The inputs that `small` still takes of those of `before`, of samples as columns.
Array<double> remaining(const Array<double>& x, const PatchDenoiserParameters& before,
                        const PatchDenoiserParameters& small) {
  Array<double> result(Shape{static_cast<Index>(small.inputs.size()), x.shape()[1]});
  Index next = 0;
  for (std::size_t i = 0; i < before.inputs.size(); ++i)
    if (next < result.shape()[0] &&
        small.inputs[static_cast<std::size_t>(next)] == before.inputs[i])
      copy<double>(x.slice(static_cast<Index>(i)), result.slice(next++));
  return result;
}

/// One fit, then what it leaves.
FinishedDenoiser fitted(const PatchDenoiserParameters& denoiser,
                        const sparse_training::Problem& problem, const std::string& method,
                        const FinishOptions& options, const std::string& state_file, bool resume) {
  const Array<double> start = packed(denoiser.network);
  const sparse_training::Trained end =
      fit_sparse(method, problem, start, options, state_file, resume);
  FinishedDenoiser finished{denoiser, {}};
  finished.denoiser.network = sparse_training::network_of(problem.fit, end.p);
  finished.denoiser = prune(finished.denoiser);
  Json& r = finished.record = {{"lambda_w", options.lambda_w},
                               {"samples", problem.fit.samples()},
                               {"start_objective", problem.fit.value(start)},
                               {"start_test_error", test_error(problem, start)}};
  r.update(end.record);
  r["widths"] = widths(finished.denoiser.network);
  return finished;
}

}  // namespace

FinishedDenoiser finish_denoiser(const PatchDenoiserParameters& denoiser,
                                 const sparse_training::Problem& problem, const std::string& method,
                                 const FinishOptions& options, const std::string& state_file,
                                 bool resume) {
  require_known("--finish", method, finisher_names());
  FinishedDenoiser finished = fitted(denoiser, problem, method, options, state_file, resume);
  Json first = {{"method", method}};
  first.update(finished.record);
  if (options.refit_sweeps > 0) {
    FinishOptions refit = options;
    refit.lambda_w = options.refit_lambda_w;
    refit.sweeps = options.refit_sweeps;
    const PatchDenoiserParameters small = finished.denoiser;
    const sparse_training::Problem rest =
        patch_problem(small, {remaining(problem.fit.x(), denoiser, small), problem.fit.y()},
                      {remaining(problem.test_x, denoiser, small), problem.test_y}, refit);
    // A file of its own: a run that is stopped here finds no state of the first fit, repeats that
    // with the same bits, and goes on with this one.
    finished = fitted(small, rest, method, refit, state_file + ".refit", resume);
    first["refit"] = finished.record;
  }
  finished.record = std::move(first);
  finished.record["widths_before"] = widths(denoiser.network);
  finished.record["widths"] = widths(finished.denoiser.network);
  finished.record["multiply_adds_before"] = PatchDenoiser<float>(denoiser).multiply_adds();
  finished.record["multiply_adds"] = PatchDenoiser<float>(finished.denoiser).multiply_adds();
  return finished;
}

}  // namespace fejer::command
