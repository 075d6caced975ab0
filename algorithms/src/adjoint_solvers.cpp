#include "adjoint_solvers.hpp"

#include <Eigen/Dense>
#include <Eigen/IterativeLinearSolvers>
#include <algorithm>
#include <cmath>
#include <deque>
#include <unsupported/Eigen/IterativeSolvers>
#include <vector>

#include <fejer/rng.hpp>

namespace fejer::detail {
class AdjointMatrix;
}

// What Eigen's iterative solvers ask of a matrix that exists as a product only.
namespace Eigen::internal {
template <>
struct traits<fejer::detail::AdjointMatrix> : traits<SparseMatrix<double>> {};
}  // namespace Eigen::internal

namespace fejer::detail {

using Eigen::MatrixXd;
using Eigen::VectorXd;

/// I - J^T; counts its products.
class AdjointMatrix : public Eigen::EigenBase<AdjointMatrix> {
 public:
  using Scalar = double;
  using RealScalar = double;
  using StorageIndex = int;
  enum {
    ColsAtCompileTime = Eigen::Dynamic,
    MaxColsAtCompileTime = Eigen::Dynamic,
    IsRowMajor = false
  };
  AdjointMatrix(TransposedProduct product, Eigen::Index size) : product_(product), size_(size) {}
  Eigen::Index rows() const { return size_; }
  Eigen::Index cols() const { return size_; }
  template <class V>
  Eigen::Product<AdjointMatrix, V, Eigen::AliasFreeProduct> operator*(
      const Eigen::MatrixBase<V>& x) const {
    return {*this, x.derived()};
  }
  VectorXd times(const VectorXd& w) const {
    VectorXd out(size_);
    product_(w, out);
    ++products;
    return w - out;
  }
  mutable Index products = 0;

 private:
  TransposedProduct product_;
  Eigen::Index size_;
};

}  // namespace fejer::detail

template <class V>
struct Eigen::internal::generic_product_impl<fejer::detail::AdjointMatrix, V, Eigen::SparseShape,
                                             Eigen::DenseShape, Eigen::GemvProduct>
    : generic_product_impl_base<fejer::detail::AdjointMatrix, V,
                                generic_product_impl<fejer::detail::AdjointMatrix, V>> {
  using Scalar = double;
  template <class Out>
  static void scaleAndAddTo(Out& out, const fejer::detail::AdjointMatrix& A, const V& x,
                            double factor) {
    out.noalias() += factor * A.times(x);
  }
};

namespace fejer::detail {
namespace {

/// w <- g + J^T w from w = g.
VectorXd picard(const AdjointMatrix& A, const VectorXd& g, const EquilibriumOptions& o,
                double target) {
  VectorXd w = g;
  while (A.products < o.adjoint_max_products) {
    const VectorXd f = g - A.times(w);
    if (f.norm() <= target) break;
    w += f;
  }
  return w;
}

/// Type II with the ridge ridge * trace(F^T F) / m. A step whose residual does not decrease is
/// taken back: then one Picard step from the last iterate, with an empty memory.
VectorXd anderson(const AdjointMatrix& A, const VectorXd& g, const EquilibriumOptions& o,
                  double target) {
  VectorXd w = g, f = g - A.times(w);
  std::deque<VectorXd> steps, changes;  // differences of w and of f
  while (f.norm() > target && A.products < o.adjoint_max_products) {
    VectorXd step = f;
    if (const auto m = static_cast<Eigen::Index>(steps.size()); m > 0) {
      MatrixXd F(g.size(), m);
      for (Eigen::Index i = 0; i < m; ++i) F.col(i) = changes[static_cast<std::size_t>(i)];
      MatrixXd normal = F.transpose() * F;
      normal.diagonal().array() += o.ridge * normal.trace() / static_cast<double>(m);
      const VectorXd gamma = normal.ldlt().solve(F.transpose() * f);
      for (Eigen::Index i = 0; i < m; ++i)
        step -= gamma[i] * (steps[static_cast<std::size_t>(i)] + F.col(i));
    }
    const VectorXd next_f = g - A.times(w + step);
    if (!steps.empty() && !(next_f.norm() < f.norm())) {
      steps.clear();
      changes.clear();
      continue;
    }
    steps.push_back(step);
    changes.push_back(next_f - f);
    if (static_cast<Index>(steps.size()) > o.memory) {
      steps.pop_front();
      changes.pop_front();
    }
    w += step;
    f = next_f;
  }
  return w;
}

/// Broyden's first method for F(w) = (I - J^T) w - g with the inverse I + sum of a_i b_i^T, begun
/// anew when krylov_memory updates are kept. Returns the best iterate.
VectorXd broyden(const AdjointMatrix& A, const VectorXd& g, const EquilibriumOptions& o,
                 double target) {
  std::vector<VectorXd> a, b;
  const auto times = [&](const std::vector<VectorXd>& left, const std::vector<VectorXd>& right,
                         const VectorXd& v) {
    VectorXd out = v;
    for (std::size_t i = 0; i < a.size(); ++i) out += left[i] * right[i].dot(v);
    return out;
  };
  VectorXd w = g, F = A.times(w) - g, best = w;
  double best_norm = F.norm();
  while (best_norm > target && A.products < o.adjoint_max_products) {
    const VectorXd step = -times(a, b, F);
    w += step;
    const VectorXd next = A.times(w) - g, y = next - F;
    F = next;
    if (F.norm() < best_norm) {
      best_norm = F.norm();
      best = w;
    }
    const VectorXd hy = times(a, b, y);
    const double curvature = step.dot(hy);
    if (static_cast<Index>(a.size()) == o.krylov_memory ||
        !(std::abs(curvature) > 1e-14 * step.norm() * hy.norm())) {
      a.clear();
      b.clear();
      w = best;
      F = A.times(w) - g;
      continue;
    }
    const VectorXd left = (step - hy) / curvature, right = times(b, a, step);
    a.push_back(left);
    b.push_back(right);
  }
  return best;
}

template <class Solver>
VectorXd by_eigen(Solver& solver, const AdjointMatrix& A, const VectorXd& g,
                  const EquilibriumOptions& o, double tolerance) {
  solver.setMaxIterations(o.adjoint_max_products);
  solver.setTolerance(std::max(tolerance, 1e-15));
  solver.compute(A);
  return solver.solve(g);
}

VectorXd solve(const AdjointMatrix& A, const VectorXd& g, const EquilibriumOptions& o,
               double tolerance) {
  constexpr int full = Eigen::Lower | Eigen::Upper;
  using Unit = Eigen::IdentityPreconditioner;
  switch (o.adjoint) {
    case AdjointSolver::picard:
      return picard(A, g, o, tolerance * g.norm());
    case AdjointSolver::anderson:
      return anderson(A, g, o, tolerance * g.norm());
    case AdjointSolver::broyden:
      return broyden(A, g, o, tolerance * g.norm());
    case AdjointSolver::conjugate_gradient: {
      Eigen::ConjugateGradient<AdjointMatrix, full, Unit> solver;
      return by_eigen(solver, A, g, o, tolerance);
    }
    case AdjointSolver::minres: {
      Eigen::MINRES<AdjointMatrix, full, Unit> solver;
      return by_eigen(solver, A, g, o, tolerance);
    }
    case AdjointSolver::gmres:
      break;
  }
  Eigen::GMRES<AdjointMatrix, Unit> solver;
  solver.set_restart(std::min<Index>(o.krylov_memory, g.size()));
  return by_eigen(solver, A, g, o, tolerance);
}

/// <J^T u, v> = <u, J^T v> for two random vectors.
void require_symmetric(const AdjointMatrix& A, Eigen::Index size) {
  VectorXd u(size), v(size);
  const RandomStream random = Rng(0).stream("symmetry");
  for (Eigen::Index i = 0; i < size; ++i) {
    u[i] = random.uniform(static_cast<std::uint64_t>(2 * i)) - 0.5;
    v[i] = random.uniform(static_cast<std::uint64_t>(2 * i + 1)) - 0.5;
  }
  const VectorXd Au = A.times(u), Av = A.times(v);
  if (!(std::abs(Au.dot(v) - u.dot(Av)) <= 1e-5 * u.norm() * Av.norm()))
    throw ArgumentError(
        "equilibrium_gradient: conjugate gradients and minres need a step with a symmetric "
        "Jacobian, and this one has none: use gmres");
}

}  // namespace

AdjointReport solve_adjoint(TransposedProduct product, const VectorXd& g,
                            const EquilibriumOptions& o, double tolerance, VectorXd& w) {
  AdjointMatrix A(product, g.size());
  if (g.norm() == 0) {
    w = g;
    return {};
  }
  if (o.adjoint == AdjointSolver::conjugate_gradient || o.adjoint == AdjointSolver::minres)
    require_symmetric(A, g.size());
  const Index before = A.products;
  A.products = 0;
  w = solve(A, g, o, tolerance);
  AdjointReport report;
  report.residual = (g - A.times(w)).norm() / g.norm();
  report.products = before + A.products;
  return report;
}

}  // namespace fejer::detail
