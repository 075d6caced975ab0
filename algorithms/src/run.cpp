#include <fejer/algorithms/run.hpp>

#include <chrono>
#include <cstdio>

namespace fejer {
namespace {

double now() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

/// Rounding of an objective summed in the arrays' precision (float) moves it by about this much.
constexpr double rounding = 1e-5;

}  // namespace

const char* to_string(Status status) {
  switch (status) {
    case Status::converged:
      return "converged";
    case Status::max_iterations:
      return "max_iterations";
    case Status::stopped:
      return "stopped";
    default:
      return "diverged";
  }
}

RunControl::RunControl(const RunOptions& options, double first_objective)
    : options_(options), first_objective_(first_objective), start_(now()) {
  if (options.max_iterations < 0) throw ArgumentError("run: max_iterations must be 0 or more");
  if (!(options.tolerance >= 0)) throw ArgumentError("run: tolerance must be 0 or more");
  cause_ = "no step was asked for";
}

double RunControl::seconds() const { return now() - start_; }

bool RunControl::wants_objective(Index iteration) const {
  return options_.objective_every > 0 && iteration % options_.objective_every == 0;
}

bool RunControl::wants_save(Index iteration) const {
  return !options_.state_file.empty() && options_.save_every > 0 &&
         iteration % options_.save_every == 0;
}

bool RunControl::end(Status status, std::string cause) {
  status_ = status;
  cause_ = std::move(cause);
  return false;
}

void RunControl::stop(const std::string& cause) { end(Status::stopped, cause); }

bool RunControl::proceed(Iteration iteration) {
  history.push_back(iteration);
  const std::string at = " at iteration " + std::to_string(iteration.iteration);
  if (!std::isfinite(iteration.residual))
    return end(Status::diverged, "the iterate is no longer finite" + at);
  if (std::isinf(iteration.objective))
    return end(Status::diverged, "the objective is no longer finite" + at);
  if (iteration.objective > 10 * std::abs(first_objective_) + rounding)
    return end(Status::diverged, "the objective rose from " + number(first_objective_) + " to " +
                                     number(iteration.objective) + at +
                                     ": the step size is too large");
  if (iteration.iteration >= 2 && iteration.residual <= options_.tolerance)
    return end(Status::converged, "relative change " + number(iteration.residual) +
                                      " is within the tolerance " + number(options_.tolerance));
  if (iteration.iteration >= options_.max_iterations)
    return end(Status::max_iterations, "relative change " + number(iteration.residual) + " after " +
                                           std::to_string(iteration.iteration) +
                                           " iterations, tolerance " + number(options_.tolerance));
  return true;
}

void RunControl::finish(double last_objective) {
  if (status_ == Status::diverged || std::isnan(last_objective)) return;
  if (last_objective > first_objective_ + rounding * (1 + std::abs(first_objective_)))
    end(Status::diverged, "the objective ended above its start: " + number(first_objective_) +
                              " to " + number(last_objective) + ": the step size is too large");
}

}  // namespace fejer
