#include "ridge_norms.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numbers>
#include <optional>
#include <random>

#include <fejer/algorithms/eigenvalues.hpp>
#include <fejer/models/convolution.hpp>
#include <fejer/models/ridge.hpp>
#include <fejer/vector.hpp>

#include "converted.hpp"

namespace fejer {
namespace {

enum class Start { uniform, normal };

/// The start vectors of the published values of L: what PyTorch draws with seed 0, 24 random bits
/// of a Mersenne twister an element, and for normal numbers Box-Muller on elements j and j + 8 of
/// each 16. After 200 steps L still depends on the start by up to 3e-3: no other meets them.
Array<float> start_vector(const Shape& shape, Start kind) {
  Array<float> u(shape);
  std::mt19937 bits(0);
  for (float& v : u) v = static_cast<float>(bits() & 0xFFFFFFU) / 16777216.0F;
  for (Index from = 0; kind == Start::normal && from + 16 <= u.size(); from += 16)
    for (Index j = from; j < from + 8; ++j) {
      const float radius = std::sqrt(-2 * std::log(1 - u[j]));
      const float angle = 2 * std::numbers::pi_v<float> * u[j + 8];
      u[j] = radius * std::cos(angle);
      u[j + 8] = radius * std::sin(angle);
    }
  return u;
}

/// x -> K^T diag(weights) K x for one layer K with zero padding, by the kernel of the product,
/// which is a convolution but for the outputs outside the image, that K does not have: these are
/// taken away again. Cheaper where K has many more output channels than inputs.
class LastLayer {
 public:
  LastLayer(const Array<float>& kernel, const std::vector<double>& weights)
      : weights_(weights), outside_(kernel, Padding::valid), gram_(gram_kernel(kernel, weights)) {}

  static bool pays(const Array<float>& kernel) {
    const Shape& s = kernel.shape();
    return s[2] % 2 == 1 && s[3] % 2 == 1 &&
           s[1] * (2 * s[2] - 1) * (2 * s[3] - 1) < s[0] * s[2] * s[3];
  }
  void apply(const Array<float>& v, Array<float>& out) const {
    gram_.apply(v, out);
    const Index rows = v.shape()[1], columns = v.shape()[2];
    const Index up = outside_.weights().shape()[2] / 2, left = outside_.weights().shape()[3] / 2;
    for (const Index top : {-up, rows}) subtract(v, {top, -left}, {up, columns + 2 * left}, out);
    for (const Index first : {-left, columns}) subtract(v, {0, first}, {rows, left}, out);
  }

 private:
  struct Pair {
    Index rows, columns;
  };

  /// G[i, j, d] = sum_c weights_c sum_q K[c, i, q] K[c, j, q + d].
  static Array<float> gram_kernel(const Array<float>& kernel, const std::vector<double>& weights) {
    const Index out = kernel.shape()[0], in = kernel.shape()[1], kh = kernel.shape()[2],
                kw = kernel.shape()[3], taps = kh * kw;
    Array<double> sums(Shape{in, in, 2 * kh - 1, 2 * kw - 1});
    for (Index c = 0; c < out; ++c) {
      const double weight = weights.empty() ? 1 : weights[static_cast<std::size_t>(c)];
      for (Index ij = 0; ij < in * in; ++ij) {
        const float* const a = kernel.data() + (c * in + ij / in) * taps;
        const float* const b = kernel.data() + (c * in + ij % in) * taps;
        double* const sum = sums.data() + ij * (2 * kh - 1) * (2 * kw - 1);
        for (Index q = 0; q < taps; ++q)
          for (Index p = 0; p < taps; ++p)
            sum[(p / kw - q / kw + kh - 1) * (2 * kw - 1) + p % kw - q % kw + kw - 1] +=
                weight * static_cast<double>(a[q]) * static_cast<double>(b[p]);
      }
    }
    return detail::converted<float>(sums);
  }
  /// The share of K's outputs in a window of the plane, at `origin`.
  void subtract(const Array<float>& v, Pair origin, Pair size, Array<float>& out) const {
    if (size.rows == 0 || size.columns == 0) return;
    const Shape& k = outside_.weights().shape();
    const Index top = origin.rows - k[2] / 2, left = origin.columns - k[3] / 2;
    Array<float> in(Shape{k[1], size.rows + k[2] - 1, size.columns + k[3] - 1});
    const Index y0 = std::max<Index>(0, -top), y1 = std::min(in.shape()[1], v.shape()[1] - top);
    const Index x0 = std::max<Index>(0, -left), x1 = std::min(in.shape()[2], v.shape()[2] - left);
    const auto each_row = [&](auto body) {
      for (Index c = 0; c < k[1]; ++c)
        for (Index y = y0; y < y1; ++y)
          body((c * in.shape()[1] + y) * in.shape()[2] + x0,
               (c * v.shape()[1] + y + top) * v.shape()[2] + x0 + left);
    };
    each_row([&](Index at, Index from) { std::copy_n(v.data() + from, x1 - x0, in.data() + at); });
    Array<float> z(outside_.output_shape(in.shape()));
    outside_.apply(in, z);
    for (std::size_t c = 0; c < weights_.size(); ++c)
      scale<float>(z.slice(static_cast<Index>(c)), static_cast<float>(weights_[c]));
    outside_.apply_adjoint(z, in);
    each_row([&](Index at, Index to) {
      for (Index x = 0; x < x1 - x0; ++x) out[to + x] -= in[at + x];
    });
  }

  std::vector<double> weights_;
  Convolution<float> outside_, gram_;
};

/// x -> W^T diag(weights) W x in float, twice as fast as in double: norms to four to six digits.
class Normal {
 public:
  Normal(const std::vector<Array<double>>& kernels, Borders borders,
         const std::vector<double>& weights, Index size)
      : weights_(weights) {
    if (size < 1)
      throw ArgumentError("power method: the image must have at least one pixel, got size " +
                          std::to_string(size));
    std::vector<Array<float>> single;
    for (const auto& kernel : kernels) single.push_back(detail::converted<float>(kernel));
    const MultiConvolution<float> whole(single, borders);
    if (!weights.empty() && static_cast<Index>(weights.size()) != whole.out_channels())
      throw ShapeError("power method: got " + std::to_string(weights.size()) +
                       " weights, expected one for each of " +
                       std::to_string(whole.out_channels()) + " channels");
    shape_ = Shape{whole.in_channels(), size, size};
    if (borders == Borders::zero_every_layer && LastLayer::pays(single.back()) &&
        single.size() > 1) {
      last_.emplace(single.back(), weights);
      single.pop_back();
    }
    filters_ = std::make_unique<MultiConvolution<float>>(single, borders);
    z_ = Array<float>(Shape{filters_->out_channels(), size, size});
    gz_ = Array<float>(z_.shape());
  }
  const Shape& shape() const { return shape_; }
  void apply(const Array<float>& x, Array<float>& out) {
    filters_->apply(x, z_);
    if (last_) {
      last_->apply(z_, gz_);
      return filters_->apply_adjoint(gz_, out);
    }
    for (std::size_t c = 0; c < weights_.size(); ++c)
      scale<float>(z_.slice(static_cast<Index>(c)), static_cast<float>(weights_[c]));
    filters_->apply_adjoint(z_, out);
  }

 private:
  std::vector<double> weights_;
  std::unique_ptr<MultiConvolution<float>> filters_;  ///< all layers, or all but `last_`
  std::optional<LastLayer> last_;
  Shape shape_;
  Array<float> z_, gz_;
};

/// Gauss quadrature for the spectral measure of u: sum_i |<u, v_i>|^2 f(lambda_i) = sum_j w_j
/// f(x_j) for polynomials f of degree below twice the number of steps (Golub, Welsch 1969).
struct Quadrature {
  Eigen::VectorXd nodes, weights;
};

Quadrature lanczos(Normal& normal, int steps, Start start) {
  Array<float> before(normal.shape()), u = start_vector(normal.shape(), start), v(normal.shape());
  scale<float>(u, static_cast<float>(1 / norm(u)));
  Eigen::VectorXd diagonal(steps), off(steps);
  double beta = 0;
  int done = 0;
  while (done < steps) {
    normal.apply(u, v);
    const double alpha = dot(u, v);
    axpy<float>(static_cast<float>(-alpha), u, v);
    axpy<float>(static_cast<float>(-beta), before, v);
    beta = norm(v);
    diagonal[done] = alpha;
    off[done] = beta;
    ++done;
    if (!(beta > 1e-5 * std::abs(alpha))) break;
    std::swap(before, u);
    std::swap(u, v);
    scale<float>(u, static_cast<float>(1 / beta));
  }
  const auto [values, vectors] =
      eigen_decomposition_tridiagonal(diagonal.head(done), off.head(done - 1));
  return {values, vectors.row(0).cwiseAbs2().transpose()};
}

/// ||A u_s||, u_{k+1} = A u_k / ||A u_k||, is the root of the quotient of the moments of orders
/// 2 s + 2 and 2 s. x^n is a polynomial of degree about 4.5 sqrt(n) to seven digits on [0, 1], so
/// that the quadrature gives it after far fewer products than s.
double power(Normal normal, int steps, Start start) {
  if (steps < 1) throw ArgumentError("power method: expected at least one step");
  const int products = std::min(steps + 2, 4 + static_cast<int>(3 * std::sqrt(steps)));
  const Quadrature q = lanczos(normal, products, start);
  const double largest = q.nodes.maxCoeff();
  if (!(largest > 0) || !std::isfinite(largest)) return largest;
  double numerator = 0, denominator = 0;
  for (Index j = 0; j < q.nodes.size(); ++j) {
    const double x = q.nodes[j] / largest;
    const double moment = q.weights[j] * std::pow(x * x, steps);
    numerator += moment * x * x;
    denominator += moment;
  }
  return largest * std::sqrt(numerator / denominator);
}

}  // namespace

double power_norm_squared(const std::vector<Array<double>>& kernels, Borders borders, Index size,
                          int steps) {
  return power(Normal(kernels, borders, {}, size), steps, Start::normal);
}

double weighted_power_norm(const std::vector<Array<double>>& kernels, Borders borders,
                           const std::vector<double>& weights, Index size, int products) {
  return power(Normal(kernels, borders, weights, size), products - 1, Start::uniform);
}

double detail::lanczos_norm(const std::vector<Array<double>>& kernels, Borders borders,
                            const std::vector<double>& weights, Index size, int steps) {
  Normal normal(kernels, borders, weights, size);
  return lanczos(normal, steps, Start::normal).nodes.maxCoeff();
}

}  // namespace fejer
