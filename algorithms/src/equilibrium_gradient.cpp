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

void check(const EquilibriumOptions& o) {
  const char* wrong = nullptr;
  if (o.depth < 1) wrong = "depth must be at least 1";
  if (o.restarts < 0 || o.max_passes < 0 || o.adjoint_max_products < 0 || o.power_iterations < 0)
    wrong = "restarts and the largest numbers of passes and products must not be negative";
  if (!(o.tolerance >= 0) || !(o.adjoint_tolerance >= 0)) wrong = "tolerances must not be negative";
  if (o.memory < 1 || o.krylov_memory < 1) wrong = "memories must be at least 1";
  if (!(o.ridge >= 0)) wrong = "ridge must not be negative";
  if (wrong != nullptr) throw ArgumentError(std::string("equilibrium_gradient: ") + wrong);
}

/// The state and its passes without a tape.
template <class T>
class Passes {
 public:
  Passes(const Tape<T>& tape, ConstView<T> x)
      : tape_(tape), x_(x), previous_(x.shape()), work_(x.shape()) {}

  const Array<T>& x() const { return x_; }
  Index count() const { return count_; }
  double residual() const { return norm(x_) > 0 ? change_ / norm(x_) : change_; }
  /// The larger of the last two ratios of changes; 1 where there are none yet.
  double ratio() const { return std::max(ratios_[0], ratios_[1]); }

  void pass() {
    std::swap(x_, previous_);
    const Index L = tape_.layers();
    const Array<T>* from = &previous_;
    for (Index l = 0; l < L; ++l) {
      Array<T>& to = (L - l) % 2 == 1 ? x_ : work_;
      tape_.forward(l, *from, to);
      from = &to;
    }
    ++count_;
    const double before = change_;
    change_ = distance(x_, previous_);
    if (!std::isfinite(change_))
      throw ArgumentError("equilibrium_gradient: pass " + std::to_string(count_) +
                          " left the finite numbers: the step does not contract; make its step "
                          "size smaller");
    ratios_[0] = ratios_[1];
    ratios_[1] = count_ > 1 && before > 0 ? change_ / before : 1;
  }

  /// True where the tolerance was reached within max_passes.
  bool until(double tolerance, Index max_passes) {
    while (count_ < max_passes) {
      pass();
      if (change_ == 0 || change_ <= tolerance * (1 - ratio()) * norm(x_)) return true;
    }
    return tolerance == 0;
  }

 private:
  const Tape<T>& tape_;
  Array<T> x_, previous_, work_;
  Index count_ = 0;
  double change_ = 0;
  double ratios_[2] = {1, 1};
};

/// The passes that are differentiated. Layer l of pass p has place p L + l.
template <class T>
class Taped {
 public:
  Taped(Tape<T>& tape, const Array<T>& start, Index depth, bool recompute)
      : tape_(tape),
        places_(depth * tape.layers()),
        recompute_(recompute),
        x_(start),
        out_(start.shape()),
        begin_of_pass_(start.shape()) {}

  const Array<T>& x() const { return x_; }
  double residual() const { return norm(x_) > 0 ? change_ / norm(x_) : change_; }

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
    if (next_ % tape_.layers() == 0) change_ = distance(x_, begin_of_pass_);
  }

  Tape<T>& tape_;
  Index places_, next_ = 0;
  bool recompute_;
  Array<T> x_, out_, begin_of_pass_;
  std::vector<Array<T>> states_;
  double change_ = 0;
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

/// The larger of what is known; throws where the step cannot contract.
template <class T>
double contraction(const Tape<T>& tape, const EquilibriumOptions& o, const Passes<T>& passes,
                   TransposedProduct product) {
  if (const double bound = tape.lipschitz_bound(); bound < 1) return bound;
  // Changes near rounding have ratios that say nothing.
  const double rounding = 100 * static_cast<double>(std::numeric_limits<T>::epsilon());
  double q = passes.count() > 2 && passes.residual() > rounding ? passes.ratio() : 0;
  if (o.power_iterations > 0) {
    const double radius = spectral_radius(product, passes.x().size(), o.power_iterations);
    if (!(radius < 1))
      throw ArgumentError(
          "equilibrium_gradient: the step does not contract: its Jacobian has "
          "spectral radius " +
          std::to_string(radius) +
          " (power method), expected less than 1; make its step size smaller");
    q = std::max(q, radius);
  }
  return q;
}

}  // namespace

template <class T>
EquilibriumReport iterate(const Tape<T>& tape, const EquilibriumOptions& o, View<T> x) {
  check(o);
  Passes<T> passes(tape, x);
  EquilibriumReport report;
  report.converged = passes.until(o.tolerance, o.max_passes);
  report.passes = passes.count();
  report.residual = passes.residual();
  report.contraction = passes.ratio();
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

  Taped<T> taped(tape, passes.x(), depth, o.recompute && !implicit);
  Array<T> u(x.shape()), ubar(x.shape());
  const auto product = [&](const VectorXd& w, VectorXd& out) {
    flat(View<T>(u)) = w.array().template cast<T>();
    taped.transposed(u, ubar);
    out = to_eigen(ubar);
  };
  if (!unrolled) {
    taped.begin();
    report.contraction = contraction(tape, o, passes, product);
  }
  taped.finish();
  report.residual = taped.residual();
  copy<T>(taped.x(), x);

  Array<T> g(x.shape());
  report.loss = loss(x, g);
  if (implicit) {
    VectorXd w;
    const double tolerance = o.adjoint_tolerance * (1 - std::min(report.contraction, 1.0));
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
