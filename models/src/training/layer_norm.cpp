#include <fejer/models/training/layer_norm.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include <Eigen/Core>
#include <fejer/algorithms/eigenvalues.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "../frequency_grid.hpp"

namespace fejer {
namespace {

/// Largest singular values of the symbol A = R + iS at points of a grid, by the power method.
class Symbols {
 public:
  Symbols(const Array<double>& kernel, Index ny, Index nx)
      : ny_(ny), nx_(nx), rows_(kernel.shape()[2]), columns_(kernel.shape()[3]) {
    const Index out = kernel.shape()[0], in = kernel.shape()[1], count = rows_ * columns_;
    for (Index q = 0; q < count; ++q) {
      Eigen::MatrixXd tap(out, in);
      for (Index o = 0; o < out; ++o)
        for (Index i = 0; i < in; ++i) tap(o, i) = kernel[(o * in + i) * count + q];
      taps_.push_back(std::move(tap));
    }
    restart();
  }

  double angle(Index j, Index k, Index q) const {
    const double turn = static_cast<double>(j * (q / columns_) % ny_) / static_cast<double>(ny_) +
                        static_cast<double>(k * (q % columns_) % nx_) / static_cast<double>(nx_);
    return 2 * std::numbers::pi * turn;
  }
  void move_to(Index j, Index k) {
    r_.setZero(taps_[0].rows(), taps_[0].cols());
    s_ = r_;
    for (std::size_t q = 0; q < taps_.size(); ++q) {
      const double a = angle(j, k, static_cast<Index>(q));
      r_ += std::cos(a) * taps_[q];
      s_ += std::sin(a) * taps_[q];
    }
  }
  /// v all ones, which no singular vector is orthogonal to but by chance.
  void restart() {
    vr_ = Eigen::VectorXd::Constant(taps_[0].cols(), 1);
    vi_ = Eigen::VectorXd::LinSpaced(taps_[0].cols(), -0.5, 0.6);
    shrink(vr_, vi_);
  }
  double singular_value(Index j, Index k, int iterations) {
    move_to(j, k);
    double value = 0;
    for (int n = 0; n < iterations; ++n) {
      const Eigen::VectorXd ur = r_ * vr_ - s_ * vi_, ui = r_ * vi_ + s_ * vr_;
      value = std::sqrt(ur.squaredNorm() + ui.squaredNorm());
      if (!(value > 0)) return 0;
      vr_ = r_.transpose() * ur + s_.transpose() * ui;
      vi_ = r_.transpose() * ui - s_.transpose() * ur;
      shrink(vr_, vi_);
    }
    return value;
  }
  Eigen::MatrixXcd symbol() const { return r_ + std::complex<double>(0, 1) * s_; }

 private:
  static void shrink(Eigen::VectorXd& a, Eigen::VectorXd& b) {
    const double norm = std::sqrt(a.squaredNorm() + b.squaredNorm());
    if (!(norm > 0)) return;
    a /= norm;
    b /= norm;
  }
  Index ny_, nx_, rows_, columns_;
  std::vector<Eigen::MatrixXd> taps_;
  Eigen::MatrixXd r_, s_;
  Eigen::VectorXd vr_, vi_;
};

struct Peak {
  double value;
  Index j, k;
};

/// Local maxima of the coarse grid, the best three of them.
std::vector<Peak> starts(Symbols& symbols, Index ny, Index nx) {
  constexpr Index stride = 4;
  const Index rows = (ny + stride - 1) / stride, columns = (nx / 2) / stride + 1;
  std::vector<double> values;
  for (Index i = 0; i < rows * columns; ++i)
    values.push_back(symbols.singular_value(i / columns * stride, i % columns * stride, 5));
  std::vector<Peak> peaks;
  for (Index i = 0; i < rows * columns; ++i) {
    const double value = values[static_cast<std::size_t>(i)];
    bool highest = true;
    for (const Index dy : {-1, 0, 1})
      for (const Index dx : {-1, 0, 1}) {
        const Index y = (i / columns + dy + rows) % rows, x = i % columns + dx;
        if (x >= 0 && x < columns && values[static_cast<std::size_t>(y * columns + x)] > value)
          highest = false;
      }
    if (highest) peaks.push_back({value, i / columns * stride, i % columns * stride});
  }
  std::stable_sort(peaks.begin(), peaks.end(),
                   [](const Peak& a, const Peak& b) { return a.value > b.value; });
  if (peaks.size() > 3) peaks.resize(3);
  return peaks;
}

/// Uphill on the fine grid, halving the stride until no neighbour is higher.
Peak climbed(Symbols& symbols, Peak peak, Index ny, Index nx) {
  symbols.restart();
  peak.value = symbols.singular_value(peak.j, peak.k, 30);
  for (Index stride = 2; stride > 0; stride /= 2)
    for (bool moved = true; moved;) {
      moved = false;
      const Peak centre = peak;
      for (const Index dy : {-stride, Index{0}, stride})
        for (const Index dx : {-stride, Index{0}, stride}) {
          const Index j = (centre.j + dy + ny) % ny, k = (centre.k + dx + nx) % nx;
          if (dy == 0 && dx == 0) continue;
          const double value = symbols.singular_value(j, k, 10);
          if (!(value > peak.value * (1 + 1e-9))) continue;
          peak = {value, j, k};
          moved = true;
        }
    }
  return peak;
}

}  // namespace

NormGradient frequency_norm_gradient(const Array<double>& kernel) {
  const Shape& shape = kernel.shape();
  if (shape.rank() != 4 || kernel.size() == 0)
    throw ShapeError("frequency_norm_gradient: got a kernel of shape " + to_string(shape) +
                     ", expected (out, in, kh, kw)");
  for (const double w : kernel)
    if (!std::isfinite(w)) throw ArgumentError("frequency_norm_gradient: a weight is not finite");
  const Index dy = shape[2] - 1, dx = shape[3] - 1, taps = shape[2] * shape[3];
  const Index ny = detail::grid_points(dy), nx = detail::grid_points(dx);
  Symbols symbols(kernel, ny, nx);
  Peak best{0, 0, 0};
  for (const Peak& start : starts(symbols, ny, nx)) {
    const Peak peak = climbed(symbols, start, ny, nx);
    if (peak.value > best.value) best = peak;
  }
  symbols.move_to(best.j, best.k);
  const Eigen::MatrixXcd a = symbols.symbol();
  const bool wide = a.cols() > a.rows();
  const Eigen::MatrixXcd gram = wide ? Eigen::MatrixXcd(a * a.adjoint()) : a.adjoint() * a;
  const auto [values, vectors] = eigen_decomposition(gram);
  const Eigen::VectorXcd one = vectors.rightCols<1>();
  const double sigma = std::sqrt(std::max(0.0, values.maxCoeff()));
  if (!(sigma > 0)) throw ArgumentError("frequency_norm_gradient: the kernel is zero");
  const Eigen::VectorXcd u = wide ? one : Eigen::VectorXcd(a * one / sigma);
  const Eigen::VectorXcd v = wide ? Eigen::VectorXcd(a.adjoint() * one / sigma) : one;
  const double factor = std::sqrt(detail::inflation(dy, ny) * detail::inflation(dx, nx) *
                                  (1 + 2 * detail::symbol_slack));
  NormGradient result{factor * sigma, Array<double>(shape)};
  for (Index i = 0; i < kernel.size(); ++i) {
    const Index q = i % taps, in = i / taps % shape[1], out = i / taps / shape[1];
    const double turn = symbols.angle(best.j, best.k, q);
    result.gradient[i] = factor * (std::conj(u[out]) * v[in] * std::polar(1.0, turn)).real();
  }
  return result;
}

NormGradient power_norm_gradient(const Array<double>& kernel, Padding padding, Index rows,
                                 Index columns, int iterations) {
  if (iterations < 1) throw ArgumentError("power_norm_gradient: expected at least 1 iteration");
  const Convolution<double> layer(kernel, padding);
  Array<double> v(Shape{kernel.shape()[1], rows, columns});
  fill_normal<double>(v, Rng(0).stream("power method"));
  Array<double> u(layer.output_shape(v.shape()));
  NormGradient result{0, Array<double>(kernel.shape())};
  for (int n = 0; n < iterations; ++n) {
    const double size = norm(ConstView<double>(v));
    for (double& x : v) x /= size;
    layer.apply(v, u);
    result.value = norm(ConstView<double>(u));
    if (!(result.value > 0)) throw ArgumentError("power_norm_gradient: the kernel is zero");
    for (double& x : u) x /= result.value;
    if (n + 1 < iterations) layer.apply_adjoint(u, v);
  }
  Array<double> none(Shape{0});
  layer.weight_gradient(v, u, result.gradient, none);
  return result;
}

Array<double> normalised_vjp(const Array<double>& w, const NormGradient& norm,
                             const Array<double>& g) {
  require_shape("normalised_vjp cotangent", g.shape(), w.shape());
  require_shape("normalised_vjp norm", norm.gradient.shape(), w.shape());
  const double along = dot(ConstView<double>(g), ConstView<double>(w)) / (norm.value * norm.value);
  Array<double> result(w.shape());
  for (Index i = 0; i < w.size(); ++i) result[i] = g[i] / norm.value - along * norm.gradient[i];
  return result;
}

}  // namespace fejer
