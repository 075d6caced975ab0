#include "console.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <utility>

namespace fejer::command {
namespace {

volatile std::sig_atomic_t signalled = 0;

extern "C" void on_signal(int number) {
  signalled = 1;
  std::signal(number, SIG_DFL);
}

}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

bool interrupted() { return signalled != 0; }

void stop_if_interrupted() {
  if (interrupted()) throw Interrupted{"interrupted; nothing was written"};
}

void note(const std::string& text) { std::fprintf(stderr, "%s\n", text.c_str()); }

Progress::Progress(std::string what, Index max_iterations, double tolerance)
    : what_(std::move(what)),
      max_iterations_(max_iterations),
      tolerance_(tolerance),
      terminal_(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
  if (terminal_ && shown_at_ >= 0) std::fputs("\r\033[K", stderr);
}

double seconds_left(const Iteration& now, Index max_iterations, double tolerance,
                    Index reference_iteration, double reference_log_residual) {
  const double each = now.seconds / static_cast<double>(std::max<Index>(
                                        now.iteration - reference_iteration + 1, 1));
  double iterations = static_cast<double>(max_iterations - now.iteration);
  const Index since = now.iteration - reference_iteration;
  if (since > 0 && now.residual > 0 && tolerance > 0) {
    const double slope =
        (reference_log_residual - std::log(now.residual)) / static_cast<double>(since);
    const double distance = std::log(now.residual / tolerance);
    if (slope > 0) iterations = std::clamp(distance / slope, 0.0, iterations);
  }
  return each * iterations;
}

void Progress::show(const Iteration& now) {
  if (!terminal_) return;
  if (first_iteration_ == 0 && now.residual > 0) {
    first_iteration_ = now.iteration;
    first_log_residual_ = std::log(now.residual);
  }
  if (shown_at_ >= 0 && now.seconds - shown_at_ < 0.2) return;
  shown_at_ = now.seconds;
  const double left =
      seconds_left(now, max_iterations_, tolerance_, first_iteration_, first_log_residual_);
  constexpr int width = 24;
  const double share = now.seconds / std::max(now.seconds + left, 1e-9);
  const int done = std::clamp(static_cast<int>(share * width), 0, width);
  std::string bar(static_cast<std::size_t>(done), '#');
  bar.resize(width, '.');
  std::fprintf(
      stderr, "\r\033[K%s [%s] iteration %td, residual %.2e (until %.0e), about %.0f s left",
      what_.c_str(), bar.c_str(), now.iteration, now.residual, tolerance_, std::ceil(left));
  std::fflush(stderr);
}

}  // namespace fejer::command
