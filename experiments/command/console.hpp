#pragma once
/// The terminal: a progress bar on standard error, and Ctrl-C as a flag that loops poll.
#include <string>

#include <fejer/algorithms/run.hpp>

namespace fejer::command {

/// From now on SIGINT and SIGTERM set a flag; a second one ends the process at once.
void catch_interrupts();
bool interrupted();
/// Thrown where a flagged interruption ends the work; main turns it into exit code 130.
struct Interrupted {
  std::string message;
};
/// Throws Interrupted when the flag is set: between the stages of a verb.
void stop_if_interrupted();

/// A line "what: to standard error", for everything that is not a result.
void note(const std::string& text);

/// One line on standard error with iteration, residual and time left; silent unless standard error
/// is a terminal. The destructor clears the line.
class Progress {
 public:
  Progress(std::string what, Index max_iterations, double tolerance);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(const Iteration& now);

 private:
  std::string what_;
  Index max_iterations_;
  double tolerance_;
  bool terminal_;
  double shown_at_ = -1;
  double first_log_residual_ = 0;
  Index first_iteration_ = 0;
};

/// Seconds until the end, from the mean time of an iteration and the residual's geometric decay
/// since the reference iteration; at most the time that max_iterations needs.
double seconds_left(const Iteration& now, Index max_iterations, double tolerance,
                    Index reference_iteration, double reference_log_residual);

/// Shows the progress and stops the run when interrupted.
template <class X>
Observer<X> watch(Progress& progress) {
  return [&progress](const Iteration& now, ConstView<X>) {
    progress.show(now);
    return interrupted() ? Control::stop : Control::proceed;
  };
}

}  // namespace fejer::command
