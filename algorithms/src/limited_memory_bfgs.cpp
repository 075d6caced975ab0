#include <fejer/algorithms/limited_memory_bfgs.hpp>

#include <algorithm>
#include <vector>

#include <fejer/algorithms/step_size.hpp>

namespace fejer {
namespace {

constexpr double sufficient_decrease = 1e-4;
constexpr double least_curvature = 1e-6;  // of L
constexpr double most_stiffness = 10;     // of L
constexpr int most_trials = 8;

/// One axis, as the pairs have it.
template <class X>
View<X> flat(Array<X>& x) {
  return View<X>(x).reshaped(Shape{x.size()});
}

}  // namespace

template <class X>
LimitedMemoryBfgs<X>::LimitedMemoryBfgs(SmoothFunction<X> f, Index memory)
    : f_(std::move(f)),
      memory_(memory),
      step_(choose_step("l-bfgs", {}, f_.lipschitz_interval().upper, 1.0, 1.0)),
      lipschitz_(1 / step_),
      weak_convexity_(-f_.convexity()) {
  if (memory < 1)
    throw ArgumentError("l-bfgs: got a memory of " + std::to_string(memory) +
                        " pairs, expected at least 1");
}

template <class X>
typename LimitedMemoryBfgs<X>::State LimitedMemoryBfgs<X>::init(Array<X> x0) const {
  State s;
  s.gradient = Array<X>(x0.shape());
  s.steps = Array<X>(Shape{memory_, x0.size()});
  s.changes = Array<X>(Shape{memory_, x0.size()});
  s.curvature = Array<double>(Shape{memory_});
  s.x_next = Array<X>(x0.shape());
  s.gradient_next = Array<X>(x0.shape());
  s.direction = Array<X>(x0.shape());
  s.value = evaluate(x0, s.gradient);
  s.gradients = 1;
  s.x = std::move(x0);
  return s;
}

/// The two loops over the pairs: direction = H gradient.
template <class X>
void LimitedMemoryBfgs<X>::find_direction(State& s) const {
  const View<X> d = flat(s.direction);
  copy<X>(flat(s.gradient), d);
  std::vector<double> weights(static_cast<std::size_t>(s.pairs));
  const auto slot = [&](Index age) { return (s.newest + memory_ - age) % memory_; };
  for (Index age = 0; age < s.pairs; ++age) {
    const Index i = slot(age);
    const double a = dot<X>(s.steps.slice(i), d) / s.curvature[i];
    axpy<X>(static_cast<Real<X>>(-a), s.changes.slice(i), d);
    weights[static_cast<std::size_t>(age)] = a;
  }
  scale<X>(d, static_cast<Real<X>>(s.scale));
  for (Index age = s.pairs - 1; age >= 0; --age) {
    const Index i = slot(age);
    const double b = dot<X>(s.changes.slice(i), d) / s.curvature[i];
    axpy<X>(static_cast<Real<X>>(weights[static_cast<std::size_t>(age)] - b), s.steps.slice(i), d);
  }
}

template <class X>
double LimitedMemoryBfgs<X>::evaluate(const Array<X>& x, Array<X>& gradient) const {
  if (weak_convexity_ > 0) return f_.value_and_gradient(x, gradient);
  f_.gradient(x, gradient);
  return 0;
}

template <class X>
bool LimitedMemoryBfgs<X>::advance(State& s, double slope) const {
  const Index slot = (s.newest + 1) % memory_;
  const View<X> step = s.steps.slice(slot), change = s.changes.slice(slot);
  combine<X>(1, s.x, -1, s.direction, s.x_next);
  s.value_next = evaluate(s.x_next, s.gradient_next);
  ++s.gradients;
  combine<X>(1, flat(s.x_next), -1, flat(s.x), step);
  combine<X>(1, flat(s.gradient_next), -1, flat(s.gradient), change);
  const double w = weak_convexity_;
  const double ss = dot<X>(step, step), sy = dot<X>(step, change), yy = dot<X>(change, change);
  s.curvature[slot] = sy;
  double bound = dot<X>(flat(s.gradient_next), step) + w / 2 * ss;
  if (lipschitz_ + w > 0) bound -= (yy + 2 * w * sy + w * w * ss) / (2 * (lipschitz_ + w));
  const double enough = sufficient_decrease * slope;
  return bound <= enough || (w > 0 && s.value_next <= s.value + enough);
}

template <class X>
bool LimitedMemoryBfgs<X>::remember(State& s) const {
  const Index slot = (s.newest + 1) % memory_;
  const ConstView<X> step = s.steps.slice(slot), change = s.changes.slice(slot);
  const double ss = dot<X>(step, step), sy = s.curvature[slot], yy = dot<X>(change, change);
  if (!(sy > 0 && sy >= least_curvature * lipschitz_ * ss &&
        yy <= most_stiffness * lipschitz_ * sy)) {
    s.pairs = std::min(s.pairs, memory_ - 1);  // it has taken the place of the oldest
    return false;
  }
  s.scale = sy / yy;
  s.newest = slot;
  s.pairs = std::min(s.pairs + 1, memory_);
  return true;
}

template <class X>
void LimitedMemoryBfgs<X>::step(State& s) const {
  bool accepted = false, better = s.pairs > 0;
  for (int trial = 0; trial < most_trials && better && !accepted; ++trial) {
    find_direction(s);
    const double slope = std::min(0.0, -dot(s.gradient, s.direction));
    accepted = advance(s, slope);
    if (!accepted) better = remember(s);
  }
  if (!accepted) {
    s.pairs = 0;
    copy<X>(s.gradient, s.direction);
    scale<X>(s.direction, static_cast<Real<X>>(step_));
    advance(s, 0);
    ++s.plain_steps;
  }
  remember(s);
  s.residual = relative_change(s.x_next, s.x);
  std::swap(s.x, s.x_next);
  std::swap(s.gradient, s.gradient_next);
  s.value = s.value_next;
}

template class LimitedMemoryBfgs<float>;
template class LimitedMemoryBfgs<double>;
template class LimitedMemoryBfgs<std::complex<float>>;
template class LimitedMemoryBfgs<std::complex<double>>;

}  // namespace fejer
