#include <fejer/operators/total_variation.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include <fejer/parallel.hpp>
#include <fejer/scratch.hpp>
#include <fejer/vector.hpp>

#include "variation_rows.hpp"

namespace fejer {
namespace {

constexpr Index rows_per_piece = 32;
constexpr int check_period = 10;

/// The problem min over x in [lower, upper] of 1/2 ||x - v||^2 + t sum |(Dx)_ij|. An image has one
/// plane, or two (real and imaginary part), whose differences share one modulus. The channels of a
/// plane are stacked into one tall image: differences vanish in the last row of each channel, and
/// so do the dual variables there, which decouples the channels.
template <class T>
struct Problem {
  int planes;
  Index rows, height, width;  // rows = channels * height
  T t, lower, upper;
  TvKind kind;
  Index plane_size() const { return rows * width; }
};

/// ||D||^2, the largest eigenvalue of the Neumann Laplacian.
double difference_norm_squared(Index height, Index width) {
  const auto along = [](Index n) {
    const double c = std::cos(std::numbers::pi / (2 * static_cast<double>(n)));
    return n == 1 ? 0.0 : 4 * c * c;
  };
  return along(height) + along(width);
}

/// Scratch for two neighbouring rows: the dual variables there (extrapolated) and the image.
template <class T>
class Rows {
 public:
  enum Field { vertical, horizontal, image };
  Rows(int planes, Index width)
      : planes_(planes),
        stride_((width + 2 * pad + 15) / 16 * 16),
        memory_(2 * planes * 3 * stride_) {
    std::fill_n(memory_.data(), 2 * planes * 3 * stride_, T(0));
  }
  /// Row r of a field, with one readable element before (0) and behind.
  T* at(Index r, int plane, Field field) {
    const Index slot = (r + 2) % 2;
    return memory_.data() + ((slot * planes_ + plane) * 3 + field) * stride_ + pad;
  }

 private:
  static constexpr Index pad = 16;
  int planes_;
  Index stride_;
  detail::Scratch<T> memory_;
};

/// Calls body(row, here, below) for rows [begin, end), with the image P_box(v - D^T q) of
/// q = y + momentum (y - before) in `rows`; `below` is `here` in the last row of a channel.
/// y and before: 2 fields per plane, vertical then horizontal.
template <class T, class Body>
void sweep(const Problem<T>& p, const T* v, const T* y, const T* before, T momentum, Index begin,
           Index end, Rows<T>& rows, Body body) {
  using R = Rows<T>;
  const Index n = p.width, size = p.plane_size();
  const detail::VariationRows<T>& loops = detail::variation_rows<T>();
  const auto load_dual = [&](Index r, int plane, typename R::Field field) {
    const Index at = (2 * plane + (field == R::horizontal ? 1 : 0)) * size + r * n;
    loops.extrapolate(y + at, before + at, momentum, rows.at(r, plane, field), n);
  };
  const auto load = [&](Index r) {
    for (int k = 0; k < p.planes; ++k) {
      load_dual(r, k, R::vertical);
      load_dual(r, k, R::horizontal);
      T* const x = rows.at(r, k, R::image);
      loops.image(v + k * size + r * n, rows.at(r - 1, k, R::vertical), rows.at(r, k, R::vertical),
                  rows.at(r, k, R::horizontal), p.lower, p.upper, x, n);
      x[n] = x[n - 1];  // so that the last difference is 0
    }
  };
  for (int k = 0; k < p.planes && begin > 0; ++k) load_dual(begin - 1, k, R::vertical);
  load(begin);
  for (Index r = begin; r < end; ++r) {
    if (r + 1 < p.rows) load(r + 1);
    body(r, r, r % p.height == p.height - 1 ? r : r + 1);
  }
}

/// One step of projected gradient ascent on the dual from q = y + momentum (y - before).
template <class T>
void dual_step(const Problem<T>& p, const T* v, const T* y, const T* before, T momentum, T step,
               T* next) {
  using R = Rows<T>;
  const Index n = p.width, size = p.plane_size();
  const bool isotropic = p.kind == TvKind::isotropic;
  const detail::VariationRows<T>& loops = detail::variation_rows<T>();
  parallel_for(p.rows, rows_per_piece, [&](Index begin, Index end) {
    Rows<T> rows(p.planes, n);
    detail::Scratch<T> squares(2 * n);
    T* const square_v = squares.data();
    T* const square_h = squares.data() + n;
    sweep(p, v, y, before, momentum, begin, end, rows, [&](Index r, Index here, Index below) {
      std::fill_n(square_v, 2 * n, T(0));
      for (int k = 0; k < p.planes; ++k)
        loops.ascend(rows.at(here, k, R::vertical), rows.at(here, k, R::horizontal),
                     rows.at(here, k, R::image), rows.at(below, k, R::image), step,
                     next + 2 * k * size + r * n, next + (2 * k + 1) * size + r * n, square_v,
                     square_h, n);
      loops.factors(square_v, isotropic ? square_h : nullptr, p.t, n);
      if (!isotropic) loops.factors(square_h, nullptr, p.t, n);
      for (int k = 0; k < p.planes; ++k) {
        loops.multiply(next + 2 * k * size + r * n, square_v, n);
        loops.multiply(next + (2 * k + 1) * size + r * n, isotropic ? square_v : square_h, n);
      }
    });
  });
}

struct Sums {
  double gap = 0;        // sum of t |Dx| - <Dx, y>
  double variation = 0;  // sum of |Dx|
  double square = 0;     // ||x - v||^2
};

double modulus(double square_v, double square_h, TvKind kind) {
  return kind == TvKind::isotropic ? std::sqrt(square_v + square_h)
                                   : std::sqrt(square_v) + std::sqrt(square_h);
}

/// The sums of one row, where q in `rows` is y itself; scratch: 4 rows.
template <class T>
Sums row_sums(const Problem<T>& p, const T* v, Rows<T>& rows, Index r, Index here, Index below,
              double* scratch) {
  using R = Rows<T>;
  detail::VariationPlane<T> planes[2];
  for (int k = 0; k < p.planes; ++k)
    planes[k] = {rows.at(here, k, R::image), rows.at(below, k, R::image),
                 rows.at(here, k, R::vertical), rows.at(here, k, R::horizontal),
                 v + k * p.plane_size() + r * p.width};
  double out[3] = {};
  detail::variation_rows<T>().sums(planes, p.planes, p.kind == TvKind::isotropic, p.t, scratch, out,
                                   p.width);
  return {out[0], out[1], out[2]};
}

/// x = P_box(v - D^T y) and its sums.
template <class T>
Sums evaluate(const Problem<T>& p, const T* v, const T* y, T* x) {
  std::vector<Sums> each(static_cast<std::size_t>(p.rows));
  parallel_for(p.rows, rows_per_piece, [&](Index begin, Index end) {
    Rows<T> rows(p.planes, p.width);
    detail::Scratch<double> scratch(4 * p.width);
    sweep(p, v, y, y, T(0), begin, end, rows, [&](Index r, Index here, Index below) {
      each[static_cast<std::size_t>(r)] = row_sums(p, v, rows, r, here, below, scratch.data());
      for (int k = 0; k < p.planes; ++k) {
        const T* row = rows.at(here, k, Rows<T>::image);
        std::copy(row, row + p.width, x + k * p.plane_size() + r * p.width);
      }
    });
  });
  Sums total;
  for (const Sums& s : each) {
    total.gap += s.gap;
    total.variation += s.variation;
    total.square += s.square;
  }
  return total;
}

template <class T>
TvReport report_of(const Problem<T>& p, const Sums& sums, double gamma, int iterations) {
  const double objective = 0.5 * sums.square + static_cast<double>(p.t) * sums.variation;
  // |y| <= t and t = gamma lambda hold to rounding.
  const double rounding = 4 * static_cast<double>(std::numeric_limits<T>::epsilon()) * objective;
  return {(std::max(sums.gap, 0.0) + rounding) / gamma, objective / gamma, iterations, false};
}

/// Fast gradient projection from the dual variables y, which it replaces by the last ones; x holds
/// the image that belongs to the report.
template <class T>
TvReport solve(const Problem<T>& p, const T* v, double gamma, const TvOptions& options, T* dual,
               T* x) {
  const Index size = 2 * p.planes * p.plane_size();
  detail::Scratch<T> memory(2 * size);
  T *y = dual, *before = memory.data(), *next = before + size;
  std::copy_n(y, size, before);
  const double norm_squared = difference_norm_squared(p.height, p.width);
  const bool separable = p.t == 0 || norm_squared == 0;  // y = 0 is exact
  if (separable) std::fill_n(y, size, T(0));
  const T step = separable ? T(0) : static_cast<T>(1 / norm_squared);
  const bool fixed = options.tolerance == 0;
  TvReport report;
  for (int k = 0;; ++k) {
    const bool due = k % check_period == 0 || k == 2 || k == 5;
    if ((due && !fixed) || separable || k == options.max_iterations) {
      report = report_of(p, evaluate(p, v, y, x), gamma, k);
      report.converged = separable || report.gap <= options.tolerance * report.objective;
      if (report.converged || k == options.max_iterations || !std::isfinite(report.gap)) break;
    }
    const T momentum = static_cast<T>(std::max(0, k - 1)) / static_cast<T>(k + 4);
    dual_step(p, v, y, before, momentum, step, next);
    std::swap(before, y);
    std::swap(y, next);
  }
  if (y != dual) std::copy_n(y, size, dual);
  return report;
}

void require_image(const char* where, const Shape& shape) {
  if (shape.rank() < 2)
    throw ShapeError(std::string(where) + ": got " + to_string(shape) + ", expected (..,H,W)");
}

void require_good(double lambda, const TvOptions& options, bool complex) {
  const auto refuse = [](const std::string& got, const char* expected) {
    throw ArgumentError("TotalVariation: got " + got + ", expected " + expected);
  };
  if (!(lambda >= 0) || !std::isfinite(lambda))
    refuse("lambda = " + std::to_string(lambda), "a finite number >= 0");
  if (!(options.tolerance >= 0))
    refuse("a tolerance of " + std::to_string(options.tolerance), "a number >= 0");
  if (options.max_iterations < 1)
    refuse("max_iterations = " + std::to_string(options.max_iterations), "1 or more");
  if (!(options.lower <= options.upper))
    refuse("the bounds " + std::to_string(options.lower) + " and " + std::to_string(options.upper),
           "lower <= upper");
  if (complex && (std::isfinite(options.lower) || std::isfinite(options.upper)))
    refuse("bounds for complex images", "none: they have no order");
}

}  // namespace

template <class X>
TotalVariation<X>::TotalVariation(double lambda, TvOptions options)
    : lambda_(lambda), options_(options) {
  require_good(lambda, options, is_complex<X>);
}

namespace {

/// The two dual fields of each plane, within their bounds: rescaled where those shrank.
template <class T>
void restrict_dual(const Problem<T>& p, T* y) {
  const Index n = p.plane_size();
  const bool isotropic = p.kind == TvKind::isotropic;
  const detail::VariationRows<T>& loops = detail::variation_rows<T>();
  parallel_for(p.rows, rows_per_piece, [&](Index begin, Index end) {
    const Index first = begin * p.width, count = (end - begin) * p.width;
    detail::Scratch<T> squares(2 * count);
    T *const a = squares.data(), *const b = a + count;
    std::fill_n(a, 2 * count, T(0));
    for (int k = 0; k < 2 * p.planes; ++k)
      for (Index i = 0; i < count; ++i) {
        const T u = y[k * n + first + i];
        (k % 2 == 0 ? a : b)[i] += u * u;
      }
    loops.factors(a, isotropic ? b : nullptr, p.t, count);
    if (!isotropic) loops.factors(b, nullptr, p.t, count);
    for (int k = 0; k < 2 * p.planes; ++k)
      loops.multiply(y + k * n + first, isotropic || k % 2 == 0 ? a : b, count);
  });
}

template <class X>
Problem<Real<X>> problem_of(ConstView<X> v, double t, const TvOptions& options) {
  using T = Real<X>;
  const Index height = v.shape().back(1), width = v.shape().back(0);
  return {is_complex<X> ? 2 : 1,
          v.size() / width,
          height,
          width,
          static_cast<T>(t),
          static_cast<T>(options.lower),
          static_cast<T>(options.upper),
          options.kind};
}

/// The real and imaginary part of a complex image become two planes.
template <class X>
TvReport solve_image(const Problem<Real<X>>& p, ConstView<X> v, double gamma,
                     const TvOptions& options, Real<X>* dual, View<X> out) {
  using T = Real<X>;
  if constexpr (is_complex<X>) {
    const Index n = v.size();
    detail::Scratch<T> memory(4 * n);
    T *const image = memory.data(), *const solution = image + 2 * n;
    parallel_for(n, 32768, [=](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) {
        image[i] = v[i].real();
        image[n + i] = v[i].imag();
      }
    });
    const TvReport report = solve(p, image, gamma, options, dual, solution);
    parallel_for(n, 32768, [=](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) out[i] = {solution[i], solution[n + i]};
    });
    return report;
  } else {
    return solve(p, v.data(), gamma, options, dual, out.data());
  }
}

void require_prox(const Shape& v, double gamma, const Shape& out) {
  require_image("TotalVariation::prox", v);
  require_shape("TotalVariation::prox output", out, v);
  if (!(gamma > 0)) throw ArgumentError("TotalVariation::prox: gamma must be positive");
}

}  // namespace

template <class X>
TvReport TotalVariation<X>::prox_gap(ConstView<X> v, double gamma, View<X> out) const {
  require_prox(v.shape(), gamma, out.shape());
  if (v.size() == 0) return {};
  const auto problem = problem_of(v, gamma * lambda_, options_);
  const Index size = 2 * problem.planes * v.size();
  detail::Scratch<Real<X>> dual(size);
  std::fill_n(dual.data(), size, Real<X>(0));
  return solve_image(problem, v, gamma, options_, dual.data(), out);
}

template <class X>
TvReport TotalVariation<X>::prox_gap(ConstView<X> v, double gamma, View<X> out,
                                     Array<Real<X>>& dual) const {
  require_prox(v.shape(), gamma, out.shape());
  if (v.size() == 0) return {};
  const auto problem = problem_of(v, gamma * lambda_, options_);
  const Shape fields{2 * problem.planes, v.size()};
  if (dual.size() == 0) {
    dual = Array<Real<X>>(fields);
  } else {
    require_shape("TotalVariation::prox dual", dual.shape(), fields);
    if (problem.t > 0) restrict_dual(problem, dual.data());
  }
  return solve_image(problem, v, gamma, options_, dual.data(), out);
}

template <class X>
double TotalVariation<X>::value(ConstView<X> x) const {
  require_image("TotalVariation::value", x.shape());
  if (x.size() == 0) return 0;
  if constexpr (!is_complex<X>) {
    for (const X& u : x)
      if (u < static_cast<X>(options_.lower) || u > static_cast<X>(options_.upper))
        return std::numeric_limits<double>::infinity();
  }
  const Index height = x.shape().back(1), width = x.shape().back(0), rows = x.size() / width;
  std::vector<double> sums(static_cast<std::size_t>(rows));
  parallel_for(rows, rows_per_piece, [&](Index begin, Index end) {
    for (Index r = begin; r < end; ++r) {
      const X* here = x.data() + r * width;
      const X* below = r % height == height - 1 ? here : here + width;
      double sum = 0;
      for (Index j = 0; j < width; ++j) {
        const std::complex<double> middle(here[j]);
        sum += modulus(std::norm(std::complex<double>(below[j]) - middle),
                       std::norm(std::complex<double>(here[j + 1 < width ? j + 1 : j]) - middle),
                       options_.kind);
      }
      sums[static_cast<std::size_t>(r)] = sum;
    }
  });
  double total = 0;
  for (const double s : sums) total += s;
  return lambda_ * total;
}

template class TotalVariation<float>;
template class TotalVariation<double>;
template class TotalVariation<std::complex<float>>;
template class TotalVariation<std::complex<double>>;

}  // namespace fejer
