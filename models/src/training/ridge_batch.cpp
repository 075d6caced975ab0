#include "ridge_batch.hpp"

#include <algorithm>
#include <cmath>

#include <fejer/models/ridge_hessian.hpp>
#include <fejer/vector.hpp>

namespace fejer::detail {
namespace {

template <class T>
double dot_of(const T* a, const T* b, Index n) {
  double sum = 0;
  for (Index i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

template <class T>
double length_of(const T* a, Index n) {
  return std::sqrt(dot_of(a, a, n));
}

Shape with_first(const Shape& shape, Index first) {
  Shape result{first};
  for (int i = 1; i < shape.rank(); ++i) result.push_back(shape[i]);
  return result;
}

/// The images that are still being worked on lie in the first rows of all arrays.
template <class T>
class Rows {
 public:
  Rows(const Shape& shape, const std::vector<double>& sigmas) : shape_(shape), sigmas_(sigmas) {
    for (Index i = 0; i < static_cast<Index>(sigmas.size()); ++i) images_.push_back(i);
    pixels_ = sigmas.empty() ? 0 : shape.size() / static_cast<Index>(sigmas.size());
  }
  Index count() const { return static_cast<Index>(images_.size()); }
  Index pixels() const { return pixels_; }
  Index image(Index row) const { return images_[static_cast<std::size_t>(row)]; }
  const std::vector<double>& sigmas() const { return sigmas_; }

  /// Another array that moves along.
  T* add(const T* start = nullptr) {
    arrays_.emplace_back(shape_);
    Array<T>& a = arrays_.back();
    if (start != nullptr) std::copy_n(start, a.size(), a.data());
    return a.data();
  }
  ConstView<T> view(const T* array) const { return {array, with_first(shape_, count())}; }
  View<T> view(T* array) const { return {array, with_first(shape_, count())}; }

  /// The last row takes the place of this one.
  void drop(Index row) {
    const auto last = static_cast<Index>(images_.size()) - 1, at = row;
    for (Array<T>& a : arrays_)
      if (last != at) std::copy_n(a.data() + last * pixels_, pixels_, a.data() + at * pixels_);
    images_[static_cast<std::size_t>(at)] = images_.back();
    sigmas_[static_cast<std::size_t>(at)] = sigmas_.back();
    images_.pop_back();
    sigmas_.pop_back();
  }

 private:
  Shape shape_;
  std::vector<double> sigmas_;
  std::vector<Index> images_;
  std::vector<Array<T>> arrays_;
  Index pixels_ = 0;
};

}  // namespace

template <class T>
RidgeBatch<T>::RidgeBatch(const Shard<T>& shard) {
  if (shard.empty()) return;
  Shape shape{static_cast<Index>(shard.size())};
  for (const Index n : shard.front().input.shape()) shape.push_back(n);
  inputs = Array<T>(shape);
  T* to = inputs.data();
  for (const Sample<T>& s : shard) {
    require_shape("ridge learner: input", s.input.shape(), shard.front().input.shape());
    require_shape("ridge learner: target", s.target.shape(), s.input.shape());
    to = std::copy(s.input.begin(), s.input.end(), to);
    sigmas.push_back(s.sigma);
  }
}

template <class T>
BatchReport minimise_each(const RidgeRegulariser<T>& model, double lipschitz, ConstView<T> y_all,
                          const std::vector<double>& sigmas, const BatchStop& stop, View<T> x_all) {
  Rows<T> rows(y_all.shape(), sigmas);
  const Index n = rows.pixels();
  T *const y = rows.add(y_all.data()), *const x = rows.add(x_all.data()),
           *const z = rows.add(x_all.data()), *const g = rows.add(), *const move = rows.add();
  std::vector<double> momenta(sigmas.size(), 1.0);
  BatchReport report{std::vector<int>(sigmas.size(), 0), std::vector<double>(sigmas.size(), 0.0)};
  const T step = static_cast<T>(1 / (1 + lipschitz));
  const auto advance = [&](Index row) {
    T *const xs = x + row * n, *const zs = z + row * n, *const gs = g + row * n,
             *const ms = move + row * n;
    const T* const ys = y + row * n;
    for (Index i = 0; i < n; ++i) {
      gs[i] = (zs[i] - ys[i] + gs[i]) * step;
      const T next = zs[i] - gs[i];
      ms[i] = next - xs[i];
      xs[i] = next;
    }
    double& t = momenta[static_cast<std::size_t>(rows.image(row))];
    const bool restart = dot_of(gs, ms, n) > 0;
    const double next = restart ? 1 : (1 + std::sqrt(1 + 4 * t * t)) / 2;
    const T momentum = static_cast<T>(restart ? 0 : (t - 1) / next);
    for (Index i = 0; i < n; ++i) zs[i] = xs[i] + momentum * ms[i];
    t = next;
    const double size = length_of(xs, n);
    return length_of(ms, n) / (size > 0 ? size : 1);
  };
  for (int k = 1; rows.count() > 0; ++k) {
    model.gradient(rows.view(static_cast<const T*>(z)), rows.sigmas(), rows.view(g));
    for (Index row = rows.count(); row-- > 0;) {
      const double residual = advance(row);
      const auto image = static_cast<std::size_t>(rows.image(row));
      report.iterations[image] = k;
      report.residuals[image] = residual;
      const bool done = (k > 1 && residual <= stop.tolerance) || !std::isfinite(residual);
      if (!done && k < stop.max_iterations) continue;
      std::copy_n(x + row * n, n, x_all.data() + rows.image(row) * n);
      rows.drop(row);
    }
  }
  return report;
}

template <class T>
BatchReport solve_hessian_each(const RidgeRegulariser<T>& model, ConstView<T> x_all,
                               const std::vector<double>& sigmas, ConstView<T> b,
                               const BatchStop& stop, View<T> g_all, double weight) {
  Rows<T> rows(x_all.shape(), sigmas);
  const Index n = rows.pixels();
  T *const g = rows.add(), *const r = rows.add(b.data()), *const p = rows.add(b.data()),
           *const ar = rows.add(), *const ap = rows.add();
  std::vector<double> sizes, products(sigmas.size(), 0.0);
  for (Index i = 0; i < rows.count(); ++i) sizes.push_back(length_of(b.data() + i * n, n));
  BatchReport report{std::vector<int>(sigmas.size(), 0), std::vector<double>(sigmas.size(), 0.0)};
  // Of all images: those that are solved cost nothing, they lie in the same registers.
  const RidgeHessian<T> hessian(model, x_all, sigmas);
  Array<T> directions(x_all.shape()), results(x_all.shape());
  const T w = static_cast<T>(weight);
  const auto multiply = [&] {
    for (Index row = 0; row < rows.count(); ++row)
      std::copy_n(r + row * n, n, directions.data() + rows.image(row) * n);
    hessian.apply(directions, results);
    for (Index row = 0; row < rows.count(); ++row)
      for (Index i = 0; i < n; ++i)
        ar[row * n + i] = w * results[rows.image(row) * n + i] + r[row * n + i];
  };
  const auto finish = [&](Index row) {
    std::copy_n(g + row * n, n, g_all.data() + rows.image(row) * n);
    rows.drop(row);
  };
  for (Index row = rows.count(); row-- > 0;)
    if (!(sizes[static_cast<std::size_t>(row)] > 0)) finish(row);
  for (int k = 0; rows.count() > 0; ++k) {
    multiply();
    for (Index row = rows.count(); row-- > 0;) {
      const auto image = static_cast<std::size_t>(rows.image(row));
      T *const gs = g + row * n, *const rs = r + row * n, *const ps = p + row * n,
               *const ars = ar + row * n, *const aps = ap + row * n;
      const double product = dot_of(rs, ars, n);
      const T beta = static_cast<T>(k == 0 ? 0 : product / products[image]);
      products[image] = product;
      for (Index i = 0; i < n; ++i) {
        if (k > 0) ps[i] = rs[i] + beta * ps[i];
        aps[i] = ars[i] + beta * aps[i];
      }
      const double square = dot_of(aps, aps, n);
      const T alpha = static_cast<T>(square > 0 ? product / square : 0);
      for (Index i = 0; i < n; ++i) {
        gs[i] += alpha * ps[i];
        rs[i] -= alpha * aps[i];
      }
      report.iterations[image] = k + 1;
      const double residual = length_of(rs, n) / sizes[image];
      report.residuals[image] = residual;
      // alpha = 0 only where r^T A r = 0: nothing more is to be won.
      if (residual <= stop.tolerance || k + 1 >= stop.max_iterations || alpha == T(0) ||
          !std::isfinite(residual))
        finish(row);
    }
  }
  return report;
}

template <class T>
BatchReport pull_back_each(const RidgeRegulariser<T>& model, ConstView<T> x,
                           const std::vector<double>& sigmas, ConstView<T> b, double gamma,
                           int passes, View<T> g) {
  const RidgeHessian<T> hessian(model, x, sigmas);
  Array<T> term(b), product(x.shape());
  const auto add_term = [&] { axpy<T>(static_cast<T>(gamma), term, g); };
  std::fill(g.begin(), g.end(), T(0));
  add_term();
  for (int k = 1; k < passes; ++k) {
    hessian.apply(term, product);
    axpy<T>(T(1), term, product);
    axpy<T>(static_cast<T>(-gamma), product, term);
    add_term();
  }
  BatchReport report{std::vector<int>(sigmas.size(), passes), {}};
  const Index n = x.size() / static_cast<Index>(sigmas.size());
  for (Index i = 0; i < static_cast<Index>(sigmas.size()); ++i) {
    const double size = length_of(b.data() + i * n, n);
    report.residuals.push_back(size > 0 ? length_of(term.data() + i * n, n) / size : 0);
  }
  return report;
}

Array<double> initial_kernel(const Shape& shape, const RandomStream& stream) {
  Array<double> kernel(shape);
  fill_uniform<double>(kernel, stream);
  const double bound = 1 / std::sqrt(static_cast<double>(shape[1] * shape[2] * shape[3]));
  for (double& w : kernel) w = bound * (2 * w - 1);
  return kernel;
}

std::string indexed(const char* name, std::size_t i) {
  return std::string(name) + "_" + std::to_string(i);
}

#define FEJER_INSTANTIATE(T)                                                                 \
  template struct RidgeBatch<T>;                                                             \
  template BatchReport minimise_each(const RidgeRegulariser<T>&, double, ConstView<T>,       \
                                     const std::vector<double>&, const BatchStop&, View<T>); \
  template BatchReport solve_hessian_each(const RidgeRegulariser<T>&, ConstView<T>,          \
                                          const std::vector<double>&, ConstView<T>,          \
                                          const BatchStop&, View<T>, double);                \
  template BatchReport pull_back_each(const RidgeRegulariser<T>&, ConstView<T>,              \
                                      const std::vector<double>&, ConstView<T>, double, int, \
                                      View<T>);
FEJER_INSTANTIATE(float)
FEJER_INSTANTIATE(double)
#undef FEJER_INSTANTIATE

}  // namespace fejer::detail
