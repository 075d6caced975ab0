#include <fejer/operators/variation_primal_dual.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

namespace fejer {
namespace {

constexpr double safety = 0.99;  // of the largest dual step
constexpr Index grain = 4096;

Shape with_first(Index first, const Shape& rest) {
  Shape shape{first};
  for (int i = 0; i < rest.rank(); ++i) shape.push_back(rest[i]);
  return shape;
}

}  // namespace

template <class T>
VariationPrimalDual<T>::VariationPrimalDual(std::shared_ptr<const LearnedVariation> prior,
                                            ConstView<double> theta, LinearOperator<T> A,
                                            ConstView<T> data, const Options& options)
    : prior_(std::move(prior)),
      A_(std::move(A)),
      D_(prior_->image()),
      back_(A_.apply_adjoint(Array<T>(data))),
      state_(with_first(3, prior_->image())),
      ridge_(options.ridge) {
  require_shape("VariationPrimalDual, domain of A", A_.domain(), prior_->image());
  const double bound = A_.norm_interval().upper;
  if (!(bound > 0) || !std::isfinite(bound))
    throw ArgumentError(
        "VariationPrimalDual: the operator's norm must have a finite bound above 0");
  if (!(options.step > 0 && options.step < 2))
    throw ArgumentError("VariationPrimalDual: got step = " + std::to_string(options.step) +
                        ", expected a number in (0, 2): tau (||A||^2 + ridge)");
  if (!(options.ridge >= 0) || !std::isfinite(options.ridge))
    throw ArgumentError("VariationPrimalDual: ridge must be finite and not negative");
  const double L = bound * bound + ridge_, differences = std::max(D_.norm_interval().upper, 1e-3);
  tau_ = options.step / L;
  sigma_ = safety * (1 / tau_ - L / 2) / (differences * differences);
  const Array<double> w = prior_->weights(theta);
  for (const std::vector<Index>& members : prior_->members()) {
    Group g{members, {}, {}, {}, 1};
    double top = 0, eighth = 0;
    for (const Index i : members) top = std::max(top, w[i]);
    for (const Index i : members) eighth += std::pow(w[i] / top, 8);
    const double m = top * std::pow(eighth, 0.125);
    for (const Index i : members) {
      g.inverse_weights.push_back(1 / w[i]);
      g.metric.push_back(std::pow(w[i] / m, 2));
      g.shares.push_back(std::pow(w[i] / m, 8));
    }
    g.shrink = 1 + sigma_ * prior_->huber() / m;
    groups_.push_back(std::move(g));
  }
}

template <class T>
ConstView<T> VariationPrimalDual<T>::dual_of(ConstView<T> z) const {
  return {z.data() + prior_->image().size(), D_.range()};
}
template <class T>
View<T> VariationPrimalDual<T>::dual_of(View<T> z) const {
  return {z.data() + prior_->image().size(), D_.range()};
}

template <class T>
Array<T> VariationPrimalDual<T>::start(ConstView<T> x) const {
  require_shape("VariationPrimalDual start", x.shape(), prior_->image());
  Array<T> z(state_);
  std::copy(x.begin(), x.end(), z.begin());
  return z;
}

/// u = P(v).
template <class T>
void VariationPrimalDual<T>::project(View<T> v) const {
  const Index pixels = prior_->image().back(0) * prior_->image().back(1);
  for (const Group& g : groups_)
    parallel_for(pixels, grain, [&](Index begin, Index end) {
      for (Index p = begin; p < end; ++p) {
        double square = 0;
        for (std::size_t k = 0; k < g.members.size(); ++k) {
          const double r = static_cast<double>(v[g.members[k] * pixels + p]) * g.inverse_weights[k];
          square += r * r;
        }
        const T factor = static_cast<T>(1 / std::max(g.shrink, std::sqrt(square)));
        for (const Index i : g.members) v[i * pixels + p] *= factor;
      }
    });
}

/// ubar <- (dP/dv)^T ubar; what goes to log w through P is added.
template <class T>
void VariationPrimalDual<T>::pull_through_projection(ConstView<T> v, View<T> ubar,
                                                     View<double> log_weights) const {
  const Index pixels = prior_->image().back(0) * prior_->image().back(1);
  for (const Group& g : groups_) {
    const std::size_t size = g.members.size();
    std::vector<double> r(size);
    for (Index p = 0; p < pixels; ++p) {
      double square = 0, along = 0;
      for (std::size_t k = 0; k < size; ++k) {
        const Index at = g.members[k] * pixels + p;
        r[k] = static_cast<double>(v[at]) * g.inverse_weights[k];
        square += r[k] * r[k];
        along += static_cast<double>(v[at]) * static_cast<double>(ubar[at]);
      }
      const double length = std::sqrt(square);
      const bool inside = length <= g.shrink;
      const double factor = 1 / std::max(g.shrink, length);
      // d(1/f) = -df / f^2; f = length: df = (r . dr) / length; f = shrink: d log m.
      const double through = along * factor * factor;
      for (std::size_t k = 0; k < size; ++k) {
        const Index at = g.members[k] * pixels + p;
        double back = factor * static_cast<double>(ubar[at]);
        if (inside) {
          log_weights[g.members[k]] += through * (g.shrink - 1) * g.shares[k];
        } else {
          back -= through * r[k] * g.inverse_weights[k] * factor;
          log_weights[g.members[k]] += through * r[k] * r[k] * factor;
        }
        ubar[at] = static_cast<T>(back);
      }
    }
  }
}

template <class T>
void VariationPrimalDual<T>::forward(ConstView<T> z, View<T> out, Saved* saved) const {
  require_shape("VariationPrimalDual state", z.shape(), state_);
  const ConstView<T> x = image_of(z), u = dual_of(z);
  const View<T> next = image_of(out), dual = dual_of(out);
  Array<T> g(x.shape()), d(u.shape()), w(x.shape());
  A_.normal(x, g);
  D_.apply_adjoint(u, w);
  const T tau = static_cast<T>(tau_), ridge = static_cast<T>(ridge_);
  for (Index i = 0; i < x.size(); ++i) {
    next[i] = x[i] - tau * (g[i] - back_[i] + ridge * x[i] + w[i]);
    w[i] = 2 * next[i] - x[i];
  }
  D_.apply(w, d);
  const Index pixels = prior_->image().back(0) * prior_->image().back(1);
  for (const Group& group : groups_)
    for (std::size_t k = 0; k < group.members.size(); ++k) {
      const T step = static_cast<T>(sigma_ * group.metric[k]);
      const Index first = group.members[k] * pixels;
      for (Index i = first; i < first + pixels; ++i) dual[i] = u[i] + step * d[i];
    }
  if (saved != nullptr) {
    saved->d = std::move(d);
    saved->v = Array<T>(dual);
  }
  project(dual);
}

template <class T>
void VariationPrimalDual<T>::vjp(const Saved& saved, ConstView<T> zbar, View<T> out,
                                 Gradient* gradient) const {
  const View<T> xbar = image_of(out), ubar = dual_of(out);
  copy<T>(dual_of(zbar), ubar);
  Array<double> log_weights(Shape{2, prior_->channels()});
  pull_through_projection(saved.v, ubar, log_weights);  // now that of v
  Array<T> d(ubar), m(xbar.shape()), total(image_of(zbar)), work(xbar.shape());
  const Index pixels = prior_->image().back(0) * prior_->image().back(1);
  for (const Group& g : groups_) {
    double all = 0;  // d metric_k = 2 metric_k (d log w_k - d log m)
    for (std::size_t k = 0; k < g.members.size(); ++k) {
      const double step = sigma_ * g.metric[k];
      const Index first = g.members[k] * pixels;
      double sum = 0;
      for (Index i = first; i < first + pixels; ++i) {
        sum += static_cast<double>(saved.d[i]) * static_cast<double>(d[i]);
        d[i] *= static_cast<T>(step);
      }
      log_weights[g.members[k]] += 2 * step * sum;
      all += 2 * step * sum;
    }
    for (std::size_t k = 0; k < g.members.size(); ++k)
      log_weights[g.members[k]] -= all * g.shares[k];
  }
  if (gradient != nullptr) prior_->pull_back(log_weights, *gradient);
  D_.apply_adjoint(d, m);
  axpy<T>(T(2), m, total);  // what reaches x+
  A_.normal(total, work);
  const T tau = static_cast<T>(tau_), ridge = static_cast<T>(ridge_);
  for (Index i = 0; i < xbar.size(); ++i)
    xbar[i] = total[i] - m[i] - tau * (work[i] + ridge * total[i]);
  D_.apply(total, d);
  axpy<T>(-tau, d, ubar);
}

template class VariationPrimalDual<float>;
template class VariationPrimalDual<double>;

}  // namespace fejer
