#include <fejer/operators/wavelet_filters.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>

#include <fejer/error.hpp>

#include "text.hpp"

namespace fejer {
namespace {

/// Roots of sum_k C(moments - 1 + k, k) y^k by Weierstrass' iteration.
using Complex = std::complex<long double>;
std::vector<Complex> binomial_roots(Index moments) {
  const auto degree = static_cast<std::size_t>(moments - 1);
  std::vector<long double> c{1};
  for (std::size_t k = 1; k <= degree; ++k)
    c.push_back(c.back() * static_cast<long double>(degree + k) / static_cast<long double>(k));
  std::vector<Complex> roots;
  for (std::size_t k = 0; k < degree; ++k)
    roots.push_back(std::pow(Complex(0.4L, 0.9L), static_cast<long double>(k)) * 0.5L);
  for (int sweep = 0; sweep < 200; ++sweep)
    for (std::size_t i = 0; i < degree; ++i) {
      Complex value = 0, others = c[degree];
      for (std::size_t k = degree + 1; k-- > 0;) value = value * roots[i] + c[k];
      for (std::size_t k = 0; k < degree; ++k)
        if (k != i) others *= roots[i] - roots[k];
      roots[i] -= value / others;
    }
  return roots;
}

using Polynomial = std::vector<Complex>;

void multiply_by(Polynomial& h, Complex constant, Complex slope) {
  Polynomial product(h.size() + 1);
  for (std::size_t k = 0; k < h.size(); ++k) {
    product[k] += constant * h[k];
    product[k + 1] += slope * h[k];
  }
  h = std::move(product);
}

/// (1 + z)^moments prod (z - z_i), z_i + 1/z_i = 2 - 4 y_i, scaled to the sum sqrt 2; |z_i| < 1
/// but where `outside`.
std::vector<double> spectral_factor(Index moments, const std::vector<Complex>& roots,
                                    const std::vector<bool>& outside) {
  Polynomial h{1};
  for (std::size_t i = 0; i < roots.size(); ++i) {
    const Complex half = 1.0L - 2.0L * roots[i], root = std::sqrt(half * half - 1.0L);
    const Complex z = std::abs(half + root) < 1 ? half + root : half - root;
    multiply_by(h, outside[i] ? -1.0L / z : -z, 1);
  }
  for (Index i = 0; i < moments; ++i) multiply_by(h, 1, 1);
  long double sum = 0;
  for (const Complex& value : h) sum += value.real();
  std::vector<double> filter;
  for (const Complex& value : h)
    filter.push_back(static_cast<double>(value.real() / sum * std::numbers::sqrt2_v<long double>));
  return filter;
}

void require_count(const char* where, Index got, Index least, Index most, const char* what) {
  if (got < least || got > most)
    throw ArgumentError(
        text(where, ": got ", got, " ", what, ", expected a number from ", least, " to ", most));
}

/// Sum over frequencies of the squared distance of the phase from the nearest line.
double phase_nonlinearity(const std::vector<double>& h) {
  constexpr int count = 256;
  double phase = 0, before = 0, lines = 0, product = 0, square = 0;
  for (int k = 1; k < count; ++k) {
    const double w = std::numbers::pi * k / count;
    std::complex<double> sum = 0;
    for (std::size_t j = 0; j < h.size(); ++j)
      sum += h[j] * std::polar(1.0, -w * static_cast<double>(j));
    const double now = std::arg(sum);
    phase += std::remainder(now - before, 2 * std::numbers::pi);
    before = now;
    lines += w * w, product += w * phase, square += phase * phase;
  }
  return square - product * product / lines;
}

using LongFilter = std::vector<long double>;

LongFilter convolve(const LongFilter& a, const LongFilter& b) {
  LongFilter c(a.size() + b.size() - 1);
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < b.size(); ++j) c[i + j] += a[i] * b[j];
  return c;
}

long double dot(const LongFilter& a, const LongFilter& b) {
  long double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// a <- a - factor b.
void subtract(long double factor, const LongFilter& b, LongFilter& a) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] -= factor * b[i];
}

/// Makes `columns` orthonormal (Gram and Schmidt, modified) and returns their products with b and
/// the triangle R, columns = Q R, row by row.
LongFilter orthonormalise(std::vector<LongFilter>& columns, LongFilter b, LongFilter& products) {
  const std::size_t n = columns.size();
  LongFilter R(n * n);
  products.assign(n, 0);
  for (std::size_t k = 0; k < n; ++k) {
    R[k * n + k] = std::sqrt(dot(columns[k], columns[k]));
    for (long double& x : columns[k]) x /= R[k * n + k];
    for (std::size_t j = k + 1; j < n; ++j) {
      R[k * n + j] = dot(columns[k], columns[j]);
      subtract(R[k * n + j], columns[k], columns[j]);
    }
    products[k] = dot(columns[k], b);
    subtract(products[k], columns[k], b);
  }
  return R;
}

/// argmin |sum_k x_k columns_k - b|. The condition number of order 6 is 1e11: no normal equations.
LongFilter least_squares(std::vector<LongFilter> columns, const LongFilter& b) {
  LongFilter x;
  const LongFilter R = orthonormalise(columns, b, x);
  const std::size_t n = x.size();
  for (std::size_t k = n; k-- > 0;) {
    for (std::size_t j = k + 1; j < n; ++j) x[k] -= R[k * n + j] * x[j];
    x[k] /= R[k * n + k];
  }
  return x;
}

/// cos^2K sum_(k<K) C(K-1+k, k) sin^2k, in half the frequency: interpolating, symmetric; from
/// -2K to 4K - 1.
LongFilter interpolating_filter(std::size_t K) {
  LongFilter h(6 * K), cosines{1}, term;
  for (std::size_t k = 0; k < K; ++k) cosines = convolve(cosines, {0.25L, 0.5L, 0.25L});
  term = cosines;
  long double binomial = std::numbers::sqrt2_v<long double>;
  for (std::size_t k = 0; k < K; ++k) {
    const std::size_t first = 2 * K - (term.size() - 1) / 2;
    for (std::size_t j = 0; j < term.size(); ++j) h[first + j] += binomial * term[j];
    binomial *= static_cast<long double>(K + k) / static_cast<long double>(k + 1);
    term = convolve(term, {-0.25L, 0.5L, -0.25L});
  }
  return h;
}

/// One step of Gauss and Newton for sum_j h_j h_(j+2m) = [m = 0] along `ways`; returns the largest
/// residual before it.
long double orthonormality_step(const std::vector<LongFilter>& ways, LongFilter& h) {
  const std::size_t L = h.size(), equations = L / 2;
  std::vector<LongFilter> slopes(ways.size(), LongFilter(equations));
  LongFilter missing(equations);
  long double worst = 0;
  for (std::size_t m = 0; m < equations; ++m) {
    missing[m] = m == 0 ? 1 : 0;
    for (std::size_t j = 0; j + 2 * m < L; ++j) missing[m] -= h[j] * h[j + 2 * m];
    worst = std::max(worst, std::abs(missing[m]));
    for (std::size_t n = 0; n < ways.size(); ++n)
      for (std::size_t j = 0; j + 2 * m < L; ++j)
        slopes[n][m] += ways[n][j] * h[j + 2 * m] + h[j] * ways[n][j + 2 * m];
  }
  const LongFilter by = least_squares(std::move(slopes), missing);
  for (std::size_t n = 0; n < ways.size(); ++n) subtract(-by[n], ways[n], h);
  return worst;
}

}  // namespace

std::vector<double> daubechies_filter(Index moments) {
  require_count("daubechies_filter", moments, 1, 10, "vanishing moments");
  const std::vector<Complex> roots = binomial_roots(moments);
  return spectral_factor(moments, roots, std::vector<bool>(roots.size(), false));
}

std::vector<double> symlet_filter(Index moments) {
  require_count("symlet_filter", moments, 2, 9, "vanishing moments");
  const std::vector<Complex> roots = binomial_roots(moments);
  // Conjugate roots go together.
  std::vector<std::size_t> pair(roots.size());
  std::size_t pairs = 0;
  for (std::size_t i = 0; i < roots.size(); ++i) {
    pair[i] = pairs;
    for (std::size_t j = 0; j < i; ++j)
      if (std::abs(roots[i] - std::conj(roots[j])) < 1e-6L * std::abs(roots[i])) pair[i] = pair[j];
    if (pair[i] == pairs) ++pairs;
  }
  std::vector<double> best;
  double least = std::numeric_limits<double>::infinity();
  // The other half of the choices are the same filters, reversed.
  for (std::size_t choice = 0; choice < std::size_t{1} << (pairs - 1); ++choice) {
    std::vector<bool> outside(roots.size());
    for (std::size_t i = 0; i < roots.size(); ++i) outside[i] = (choice >> pair[i]) % 2 == 1;
    std::vector<double> h = spectral_factor(moments, roots, outside);
    if (const double now = phase_nonlinearity(h); now < least) least = now, best = std::move(h);
  }
  return best;
}

std::vector<double> coiflet_filter(Index order) {
  require_count("coiflet_filter", order, 1, 6, "for the order");
  const auto K = static_cast<std::size_t>(order);
  LongFilter h = interpolating_filter(K), way{1}, unused;
  // Filters that vanish 2K times at both ends of the frequencies keep all moments.
  for (std::size_t k = 0; k < 2 * K; ++k) way = convolve(way, {0.5L, 0, -0.5L});
  std::vector<LongFilter> ways(2 * K, LongFilter(h.size()));
  for (std::size_t n = 0; n < ways.size(); ++n)
    std::copy(way.begin(), way.end(), ways[n].begin() + static_cast<std::ptrdiff_t>(n));
  for (int twice = 0; twice < 2; ++twice) orthonormalise(ways, h, unused);
  long double worst = 1, before = 2;
  for (int step = 0; step < 50 && worst > 0 && (worst < before || worst > 1e-15L); ++step) {
    before = worst;
    worst = orthonormality_step(ways, h);
  }
  return {h.begin(), h.end()};
}

}  // namespace fejer
