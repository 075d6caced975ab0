#include <fejer/models/activation.hpp>

#include <algorithm>
#include <cmath>

#include <fejer/files.hpp>
#include <fejer/parallel.hpp>

#include "linear_spline_data.hpp"

namespace fejer {
namespace {

constexpr Index chunk = 8192;
const std::vector<std::string> names = {"relu",  "spline",    "absolute",
                                        "prelu", "groupsort", "householder"};

/// Which element of the sorted group each came from; equal ones keep their order.
template <class T>
void sort_order(const T* const* x, Index at, Index size, Index* order) {
  for (Index j = 0; j < size; ++j) {
    Index k = j;
    for (; k > 0 && x[order[k - 1]][at] > x[j][at]; --k) order[k] = order[k - 1];
    order[k] = j;
  }
}

struct Mirror {
  double c, s, half_c, half_s;
  explicit Mirror(double theta)
      : c(std::cos(theta)),
        s(std::sin(theta)),
        half_c(std::cos(theta / 2)),
        half_s(std::sin(theta / 2)) {}
};

}  // namespace

const std::string& to_string(Activation activation) {
  return names[static_cast<std::size_t>(activation)];
}

Activation activation_named(const std::string& name) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) throw ArgumentError(unknown_name("activation", name, names));
  return static_cast<Activation>(at - names.begin());
}

template <class T>
Shape ActivationLayer<T>::parameter_shape(Activation kind, Index channels, Index knots) {
  if (kind == Activation::spline) return {channels, knots};
  if (kind == Activation::prelu) return {channels};
  if (kind == Activation::householder) return {channels / 2};
  return {0};
}

template <class T>
ActivationLayer<T>::ActivationLayer(Activation kind, Index channels,
                                    const Array<double>& parameters,
                                    const ActivationOptions& options)
    : kind_(kind), channels_(channels), group_(options.group) {
  const Index knots = parameters.shape().rank() == 2 ? parameters.shape()[1] : 0;
  const std::string where = to_string(kind) + " parameters";
  require_shape(where.c_str(), parameters.shape(), parameter_shape(kind, channels, knots));
  for (const double v : parameters)
    if (!std::isfinite(v)) throw ArgumentError(where + ": a value is not finite");
  if (channels < 1 || group_ < 1 || channels % group_size() != 0)
    throw ShapeError(to_string(kind) + ": got " + std::to_string(channels) +
                     " channels, expected a multiple of " + std::to_string(group_size()));
  if (kind == Activation::spline)
    spline_.emplace_back(parameters, options.x_min, options.x_max, Extrapolation::linear);
  else
    parameters_.assign(parameters.begin(), parameters.end());
}

template <class T>
Index ActivationLayer<T>::group_size() const {
  return kind_ == Activation::groupsort ? group_ : kind_ == Activation::householder ? 2 : 1;
}
template <class T>
Index ActivationLayer<T>::member(Index group, Index j) const {
  return kind_ == Activation::householder ? group + j * (channels_ / 2) : group * group_size() + j;
}

template <class T>
double ActivationLayer<T>::lipschitz() const {
  double steepest = 1;
  if (kind_ == Activation::prelu)
    for (const double a : parameters_) steepest = std::max(steepest, std::abs(a));
  if (kind_ == Activation::spline)
    steepest = std::max(spline_[0].max_slope(), -spline_[0].min_slope());
  return steepest;
}

template <class T>
void ActivationLayer<T>::rows(Index group, const T* const* x, T* const* y, Index n) const {
  switch (kind_) {
    case Activation::spline:
      spline_[0].data_->values(group, 1, n, x[0], y[0], nullptr);
      return;
    case Activation::relu:
      for (Index i = 0; i < n; ++i) y[0][i] = x[0][i] > 0 ? x[0][i] : T(0);
      return;
    case Activation::absolute:
      for (Index i = 0; i < n; ++i) y[0][i] = x[0][i] < 0 ? -x[0][i] : x[0][i];
      return;
    case Activation::prelu: {
      const T a = static_cast<T>(parameters_[static_cast<std::size_t>(group)]);
      for (Index i = 0; i < n; ++i) y[0][i] = x[0][i] > 0 ? x[0][i] : a * x[0][i];
      return;
    }
    case Activation::groupsort: {
      if (group_ == 2) {
        for (Index i = 0; i < n; ++i) {
          const T a = x[0][i], b = x[1][i];
          y[0][i] = a < b ? a : b;
          y[1][i] = a < b ? b : a;
        }
        return;
      }
      std::vector<T> sorted(static_cast<std::size_t>(group_));
      for (Index i = 0; i < n; ++i) {
        for (Index j = 0; j < group_; ++j) sorted[static_cast<std::size_t>(j)] = x[j][i];
        std::sort(sorted.begin(), sorted.end());
        for (Index j = 0; j < group_; ++j) y[j][i] = sorted[static_cast<std::size_t>(j)];
      }
      return;
    }
    case Activation::householder: {
      const Mirror m(parameters_[static_cast<std::size_t>(group)]);
      const T c = static_cast<T>(m.c), s = static_cast<T>(m.s);
      const T half_c = static_cast<T>(m.half_c), half_s = static_cast<T>(m.half_s);
      for (Index i = 0; i < n; ++i) {
        const T a = x[0][i], b = x[1][i];
        const bool mirrored = a * half_s > b * half_c;
        y[0][i] = mirrored ? a * c + b * s : a;
        y[1][i] = mirrored ? a * s - b * c : b;
      }
    }
  }
}

template <class T>
void ActivationLayer<T>::values(ConstView<T> x, View<T> y) const {
  require_shape("activation output", y.shape(), x.shape());
  if (x.shape().rank() < 1 || x.shape()[0] != channels_)
    throw ShapeError("activation input: got " + to_string(x.shape()) +
                     ", expected the first axis to be " + std::to_string(channels_));
  const Index length = x.size() / channels_, pieces = (length + chunk - 1) / chunk;
  const Index size = group_size();
  parallel_for(groups() * pieces, 1, [&](Index begin, Index end) {
    std::vector<const T*> in(static_cast<std::size_t>(size));
    std::vector<T*> out(in.size());
    for (Index i = begin; i < end; ++i) {
      const Index group = i / pieces, from = i % pieces * chunk;
      for (Index j = 0; j < size; ++j) {
        const Index at = member(group, j) * length + from;
        in[static_cast<std::size_t>(j)] = x.data() + at;
        out[static_cast<std::size_t>(j)] = y.data() + at;
      }
      rows(group, in.data(), out.data(), std::min(chunk, length - from));
    }
  });
}

template <class T>
void ActivationLayer<T>::vjp(ConstView<T> x, ConstView<T> g, View<T> gx,
                             View<double> parameters) const {
  require_shape("activation cotangent", g.shape(), x.shape());
  require_shape("activation gradient", gx.shape(), x.shape());
  if (kind_ == Activation::spline) return spline_[0].vjp(x, g, gx, parameters);
  require_shape("activation parameters", parameters.shape(), parameter_shape(kind_, channels_, 0));
  const Index length = x.size() / channels_, size = group_size();
  parallel_for(groups(), 1, [&](Index begin, Index end) {
    std::vector<const T*> in(static_cast<std::size_t>(size)), pull(in.size());
    std::vector<T*> out(in.size());
    std::vector<Index> order(in.size());
    std::vector<T> pulled(in.size());
    for (Index group = begin; group < end; ++group) {
      for (Index j = 0; j < size; ++j) {
        const Index at = member(group, j) * length;
        in[static_cast<std::size_t>(j)] = x.data() + at;
        pull[static_cast<std::size_t>(j)] = g.data() + at;
        out[static_cast<std::size_t>(j)] = gx.data() + at;
      }
      const T *a = in[0], *ga = pull[0];
      if (kind_ == Activation::groupsort) {
        for (Index i = 0; i < length; ++i) {
          sort_order(in.data(), i, size, order.data());
          for (std::size_t j = 0; j < order.size(); ++j) pulled[j] = pull[j][i];
          for (std::size_t j = 0; j < order.size(); ++j)
            out[static_cast<std::size_t>(order[j])][i] = pulled[j];
        }
      } else if (kind_ == Activation::householder) {
        const Mirror m(parameters_[static_cast<std::size_t>(group)]);
        const T c = static_cast<T>(m.c), s = static_cast<T>(m.s);
        const T half_c = static_cast<T>(m.half_c), half_s = static_cast<T>(m.half_s);
        const T *b = in[1], *gb = pull[1];
        double turn = 0;
        for (Index i = 0; i < length; ++i) {
          if (!(a[i] * half_s > b[i] * half_c)) {
            out[0][i] = ga[i];
            out[1][i] = gb[i];
            continue;
          }
          const T p = ga[i], q = gb[i];
          turn += static_cast<double>(p * (b[i] * c - a[i] * s) + q * (a[i] * c + b[i] * s));
          out[0][i] = p * c + q * s;
          out[1][i] = p * s - q * c;
        }
        parameters[group] += turn;
      } else {
        const bool prelu = kind_ == Activation::prelu;
        const T left = prelu ? static_cast<T>(parameters_[static_cast<std::size_t>(group)])
                             : (kind_ == Activation::absolute ? T(-1) : T(0));
        double sum = 0;
        for (Index i = 0; i < length; ++i) {
          const T p = ga[i];
          if (prelu && !(a[i] > 0)) sum += static_cast<double>(p * a[i]);
          out[0][i] = a[i] > 0 ? p : left * p;
        }
        if (prelu) parameters[group] += sum;
      }
    }
  });
}

template class ActivationLayer<float>;
template class ActivationLayer<double>;

}  // namespace fejer
