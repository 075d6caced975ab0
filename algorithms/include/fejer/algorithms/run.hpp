#pragma once
/// The one loop that drives every algorithm: stopping, non-finite checks, objective guard, history,
/// observers, saved state. An algorithm is a const object with
///   State init(Array<X> x0), step(State&), solution(State) -> Array<X>, name(),
/// and optionally objective(State) -> double. Its State holds `iteration`, `residual` and a
/// `visit(v)` that calls v(name, member) for everything that the next step depends on.
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <fejer/algorithms/state_file.hpp>
#include <fejer/array.hpp>
#include <fejer/vector.hpp>

namespace fejer {

enum class Status { converged, max_iterations, stopped, diverged };
const char* to_string(Status status);

/// What is known after one iteration.
struct Iteration {
  Index iteration = 0;   ///< 1 after the first step
  double residual = 0;   ///< ||x+ - x|| / ||x+|| (the denominator is 1 where x+ = 0)
  double objective = 0;  ///< NaN where it was not evaluated
  double seconds = 0;    ///< since the start of this run
};

enum class Control { proceed, stop };
template <class X>
using Observer = std::function<Control(const Iteration&, ConstView<X> x)>;

struct RunOptions {
  Index max_iterations = 1000;
  double tolerance = 1e-5;  ///< on the residual, tested from the second iteration on
  /// Evaluate the objective every so many iterations (0: only at start and end), where there is
  /// one.
  Index objective_every = 0;
  /// Where not empty: the state is written here every `save_every` iterations and at the end.
  std::string state_file = {};
  Index save_every = 100;
  /// Continue from state_file; an error if it is not there or belongs to another problem.
  bool resume = false;
  /// Identifies the problem (data, operator, prior, options): a state is resumed only by its like.
  std::string fingerprint = {};
};

template <class X>
struct Result {
  Array<X> x;
  Status status = Status::max_iterations;
  std::string cause;  ///< one line that says why it ended so
  Index iterations = 0;
  double residual = 0;
  double objective = 0;  ///< at x; NaN where the algorithm has none
  double seconds = 0;
  std::vector<Iteration> history;
};

/// Decides, from numbers alone, when a run ends. One for each run.
class RunControl {
 public:
  RunControl(const RunOptions& options, double first_objective);
  /// Whether the objective is wanted after this iteration.
  bool wants_objective(Index iteration) const;
  /// Records the iteration; true while the run goes on.
  bool proceed(Iteration iteration);
  void stop(const std::string& cause);
  bool wants_save(Index iteration) const;
  Status status() const { return status_; }
  const std::string& cause() const { return cause_; }
  double seconds() const;
  std::vector<Iteration> history;
  /// The final objective guard: F(end) must not exceed F(start).
  void finish(double last_objective);

 private:
  bool end(Status status, std::string cause);
  RunOptions options_;
  double first_objective_;
  double start_;
  Status status_ = Status::max_iterations;
  std::string cause_;
};

namespace detail {
template <class A, class S>
double objective_of(const A& algorithm, const S& state) {
  if constexpr (requires { algorithm.objective(state); }) {
    return algorithm.objective(state);
  } else {
    return std::nan("");
  }
}
}  // namespace detail

/// Runs from x0 (untouched: taken by value), or from the saved state. Never throws for
/// non-convergence: see Result::status and cause.
template <class A, class X = typename A::Scalar>
Result<X> run(const A& algorithm, Array<X> x0, const RunOptions& options = {},
              const std::vector<Observer<X>>& observers = {}) {
  if (!all_finite(x0))
    throw ArgumentError("run: the starting point has values that are not finite");
  auto state = algorithm.init(std::move(x0));
  std::vector<Iteration> history;
  double first = detail::objective_of(algorithm, state);
  if (options.resume)
    load_state(options.state_file, algorithm.name(), options.fingerprint, state, first, history);
  RunControl control(options, first);
  control.history = std::move(history);
  const auto save = [&] {
    if (!options.state_file.empty())
      save_state(options.state_file, algorithm.name(), options.fingerprint, state, first,
                 control.history);
  };
  double objective = std::nan("");
  while (state.iteration < options.max_iterations) {
    algorithm.step(state);
    ++state.iteration;
    objective = control.wants_objective(state.iteration) ? detail::objective_of(algorithm, state)
                                                         : std::nan("");
    const Iteration now{state.iteration, state.residual, objective, control.seconds()};
    bool go_on = control.proceed(now);
    for (const auto& observe : observers)
      if (observe(now, ConstView<X>(algorithm.solution(state))) == Control::stop && go_on) {
        control.stop("stopped by an observer");
        go_on = false;
      }
    if (!go_on) break;
    if (control.wants_save(state.iteration)) save();
  }
  if (std::isnan(objective)) objective = detail::objective_of(algorithm, state);
  control.finish(objective);
  save();
  Result<X> result;
  result.x = algorithm.solution(state);
  result.status = control.status();
  result.cause = control.cause();
  result.iterations = state.iteration;
  result.residual = state.residual;
  result.objective = objective;
  result.seconds = control.seconds();
  result.history = std::move(control.history);
  return result;
}

/// A batch is samples that do not know of each other: each has its own run, verdict and history,
/// and the same bits whatever else is in the batch.
template <class A, class X = typename A::Scalar>
std::vector<Result<X>> run_each(const std::vector<A>& algorithms, std::vector<Array<X>> starts,
                                const RunOptions& options = {}) {
  if (algorithms.size() != starts.size())
    throw ArgumentError("run_each: as many algorithms as starting points are needed");
  std::vector<Result<X>> results;
  for (std::size_t i = 0; i < starts.size(); ++i)
    results.push_back(run(algorithms[i], std::move(starts[i]), options));
  return results;
}

/// residual of a step: ||x+ - x|| / ||x+||.
template <class X>
double relative_change(const Array<X>& next, const Array<X>& x) {
  const double size = norm(next);
  const double change = distance(next, x);
  return size > 0 ? change / size : change;
}

}  // namespace fejer
