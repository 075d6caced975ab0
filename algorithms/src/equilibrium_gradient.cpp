#include <fejer/algorithms/equilibrium_gradient.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <fejer/eigen.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "adjoint_solvers.hpp"

namespace fejer::detail {
namespace {

using Eigen::VectorXd;

/// Of 1 - q: tolerances of the adjoint system shrink no further.
constexpr double least_room = 1e-3;

void check(const EquilibriumOptions& o) {
  const char* wrong = nullptr;
  if (o.depth < 1) wrong = "depth must be at least 1";
  if (o.restarts < 0 || o.max_passes < 0 || o.adjoint_max_products < 0 || o.power_iterations < 0)
    wrong = "restarts and the largest numbers of passes and products must not be negative";
  if (!(o.tolerance >= 0) || !(o.adjoint_tolerance >= 0)) wrong = "tolerances must not be negative";
  if (o.memory < 1 || o.krylov_memory < 1) wrong = "memories must be at least 1";
  if (!(o.ridge >= 0)) wrong = "ridge must not be negative";
  if (!(o.largest_contraction > 0)) wrong = "largest_contraction must be positive";
  if (wrong != nullptr) throw ArgumentError(std::string("equilibrium_gradient: ") + wrong);
}

/// ||x_k - x_{k-1}|| of the passes so far.
struct Changes {
  Index count = 0;
  double last = 0;
  double ratios[2] = {1, 1};

  void add(double change) {
    if (!std::isfinite(change))
      throw ArgumentError("equilibrium_gradient: pass " + std::to_string(count + 1) +
                          " left the finite numbers: the step does not contract; make its step "
                          "size smaller");
    ratios[0] = ratios[1];
    ratios[1] = count > 0 && last > 0 ? change / last : 1;
    last = change;
    ++count;
  }
  /// The larger of the last two; 1 where there are none yet.
  double ratio() const { return std::max(ratios[0], ratios[1]); }
  template <class T>
  double relative_to(const Array<T>& x) const {
    return norm(x) > 0 ? last / norm(x) : last;
  }
};

/// The state and its passes without a tape.
template <class T>
class Passes {
 public:
  Passes(const Tape<T>& tape, ConstView<T> x)
      : tape_(tape), x_(x), previous_(x.shape()), work_(x.shape()) {}

  const Array<T>& x() const { return x_; }
  Index count() const { return changes_.count; }
  const Changes& changes() const { return changes_; }

  void pass() {
    std::swap(x_, previous_);
    const Index L = tape_.layers();
    const Array<T>* from = &previous_;
    for (Index l = 0; l < L; ++l) {
      Array<T>& to = (L - l) % 2 == 1 ? x_ : work_;
      tape_.forward(l, *from, to);
      from = &to;
    }
    changes_.add(distance(x_, previous_));
  }

  /// True where the tolerance was reached within max_passes.
  bool until(double tolerance, Index max_passes) {
    while (count() < max_passes) {
      pass();
      if (changes_.last == 0 || changes_.last <= tolerance * (1 - changes_.ratio()) * norm(x_))
        return true;
    }
    return tolerance == 0;
  }

 private:
  const Tape<T>& tape_;
  Array<T> x_, previous_, work_;
  Changes changes_;
};

/// The passes that are differentiated. Layer l of pass p has place p L + l.
template <class T>
class Taped {
 public:
  Taped(Tape<T>& tape, const Passes<T>& before, Index depth, bool recompute)
      : tape_(tape),
        places_(depth * tape.layers()),
        recompute_(recompute),
        x_(before.x()),
        out_(x_.shape()),
        begin_of_pass_(x_.shape()),
        changes_(before.changes()) {}

  const Array<T>& x() const { return x_; }
  const Changes& changes() const { return changes_; }

  /// Records the first pass, for products with J^T.
  void begin() {
    while (next_ < tape_.layers()) advance(true);
  }
  void finish() {
    if (recompute_)
      for (Index place = 0; place < next_; ++place) tape_.forget(place);
    while (next_ < places_) advance(!recompute_);
  }

  /// xbar = J^T u at the first pass, while it is recorded.
  void transposed(ConstView<T> u, View<T> xbar) {
    Array<T> v(u);
    for (Index l = tape_.layers() - 1; l >= 0; --l) {
      tape_.pull_back(l, l, v, xbar, false);
      copy<T>(xbar, v);
    }
  }

  /// Pulls u back through all places and adds to the gradient.
  void pull_back(const Array<T>& loss_gradient) {
    Array<T> u = loss_gradient, ubar(u.shape());
    for (Index place = next_ - 1; place >= 0; --place) {
      const Index layer = place % tape_.layers();
      if (recompute_) tape_.record(place, layer, states_[static_cast<std::size_t>(place)], out_);
      tape_.pull_back(place, layer, u, ubar, true);
      tape_.forget(place);
      std::swap(u, ubar);
    }
  }

 private:
  void advance(bool record) {
    const Index layer = next_ % tape_.layers();
    if (layer == 0) copy<T>(x_, begin_of_pass_);
    if (recompute_) states_.push_back(x_);
    if (record) {
      tape_.record(next_, layer, x_, out_);
    } else {
      tape_.forward(layer, x_, out_);
    }
    std::swap(x_, out_);
    ++next_;
    if (next_ % tape_.layers() == 0) changes_.add(distance(x_, begin_of_pass_));
  }

  Tape<T>& tape_;
  Index places_, next_ = 0;
  bool recompute_;
  Array<T> x_, out_, begin_of_pass_;
  std::vector<Array<T>> states_;
  Changes changes_;
};

template <class T>
VectorXd to_eigen(const Array<T>& x) {
  return flat(ConstView<T>(x)).template cast<double>().matrix();
}

/// Mean growth of a random vector over the second half of the products with J^T.
double spectral_radius(TransposedProduct product, Index size, Index iterations) {
  VectorXd v(size), out(size);
  const RandomStream random = Rng(0).stream("contraction");
  for (Index i = 0; i < size; ++i) v[i] = random.uniform(static_cast<std::uint64_t>(i)) - 0.5;
  v.normalize();
  double sum = 0;
  for (Index i = 0; i < iterations; ++i) {
    product(v, out);
    const double growth = out.norm();
    if (growth == 0) return 0;
    v = out / growth;
    if (i >= iterations / 2) sum += std::log(growth);
  }
  return std::exp(sum / static_cast<double>(iterations - iterations / 2));
}

/// What the changes say of q, at most the layers' bound; NaN where nothing is known.
template <class T>
double seen_contraction(const Changes& changes, const Array<T>& x, double bound) {
  const double known = bound < 1 ? bound : std::numeric_limits<double>::quiet_NaN();
  // Changes near rounding have ratios that say nothing.
  const double rounding = 100 * static_cast<double>(std::numeric_limits<T>::epsilon());
  if (changes.count < 4 || changes.relative_to(x) <= rounding) return known;
  return std::min(changes.ratio(), bound);
}

/// By the power method; throws where the step cannot contract.
double estimated_radius(const EquilibriumOptions& o, Index size, TransposedProduct product) {
  const double radius = spectral_radius(product, size, o.power_iterations);
  if (radius < o.largest_contraction) return radius;
  throw ArgumentError(
      "equilibrium_gradient: the step does not contract: its Jacobian has spectral radius " +
      std::to_string(radius) + " (power method), expected less than " +
      std::to_string(o.largest_contraction).substr(0, 4) + "; make its step size smaller");
}

}  // namespace

template <class T>
EquilibriumReport iterate(const Tape<T>& tape, const EquilibriumOptions& o, View<T> x) {
  check(o);
  Passes<T> passes(tape, x);
  EquilibriumReport report;
  report.converged = passes.until(o.tolerance, o.max_passes);
  report.passes = passes.count();
  report.residual = passes.changes().relative_to(passes.x());
  report.contraction = passes.changes().ratio();
  copy<T>(passes.x(), x);
  return report;
}

template <class T>
EquilibriumReport differentiate(Tape<T>& tape, const EquilibriumOptions& o, EquilibriumLoss<T> loss,
                                View<T> x) {
  check(o);
  const bool implicit = o.strategy == GradientStrategy::implicit;
  const bool unrolled = o.strategy == GradientStrategy::unrolled;
  const Index depth = implicit || o.strategy == GradientStrategy::one_step ? 1 : o.depth;
  EquilibriumReport report;

  Passes<T> passes(tape, x);
  if (implicit || (o.until_tolerance && !unrolled)) {
    report.converged = passes.until(o.tolerance, o.max_passes);
  } else if (!unrolled) {
    while (passes.count() < o.restarts * depth) passes.pass();
  }
  report.passes = passes.count();

  Taped<T> taped(tape, passes, depth, o.recompute && !implicit);
  Array<T> u(x.shape()), ubar(x.shape());
  const auto product = [&](const VectorXd& w, VectorXd& out) {
    flat(View<T>(u)) = w.array().template cast<T>();
    taped.transposed(u, ubar);
    out = to_eigen(ubar);
  };
  const double bound = tape.lipschitz_bound();
  double radius = 0;
  if (!unrolled) taped.begin();
  if (!unrolled && !(bound < 1) && o.power_iterations > 0)
    radius = estimated_radius(o, x.size(), product);
  taped.finish();
  report.residual = taped.changes().relative_to(taped.x());
  const double seen = seen_contraction(taped.changes(), taped.x(), bound);
  report.contraction = radius > 0 ? std::fmax(radius, seen) : seen;
  report.cut = implicit ? 0 : std::pow(report.contraction, static_cast<double>(depth));
  copy<T>(taped.x(), x);

  Array<T> g(x.shape());
  report.loss = loss(x, g);
  if (implicit) {
    VectorXd w;
    const double room = 1 - std::fmin(report.contraction, 1 - least_room);
    const double tolerance = o.adjoint_tolerance * room;
    const AdjointReport adjoint = solve_adjoint(product, to_eigen(g), o, tolerance, w);
    report.adjoint_products = adjoint.products;
    report.adjoint_residual = adjoint.residual;
    report.adjoint_converged = o.adjoint_tolerance == 0 || adjoint.residual <= tolerance;
    flat(View<T>(g)) = w.array().template cast<T>();
  }
  taped.pull_back(g);
  return report;
}

template EquilibriumReport differentiate(Tape<float>&, const EquilibriumOptions&,
                                         EquilibriumLoss<float>, View<float>);
template EquilibriumReport differentiate(Tape<double>&, const EquilibriumOptions&,
                                         EquilibriumLoss<double>, View<double>);
template EquilibriumReport iterate(const Tape<float>&, const EquilibriumOptions&, View<float>);
template EquilibriumReport iterate(const Tape<double>&, const EquilibriumOptions&, View<double>);

}  // namespace fejer::detail
