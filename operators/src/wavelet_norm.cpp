#include <fejer/operators/wavelet_norm.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fejer/parallel.hpp>

#include "pieces.hpp"
#include "soft_threshold.hpp"
#include "text.hpp"

namespace fejer {
namespace {

constexpr std::size_t most_members = 64;

/// One group: values and squared weights.
struct WaveletGroup {
  double v[most_members], e[most_members];
  std::size_t size = 0;

  /// s of the prox; 0: all is 0.
  double solve(double gamma) const {
    double zero = 0, length = 0, top = 0;
    for (std::size_t k = 0; k < size; ++k) {
      zero += v[k] * v[k] / e[k];
      length += e[k] * v[k] * v[k];
      top = std::max(top, e[k]);
    }
    if (zero <= gamma * gamma) return 0;
    double s = std::max(0.0, std::sqrt(length) - gamma * top);
    for (int step = 0; step < 60; ++step) {
      double square = 0, slope = 0;
      for (std::size_t k = 0; k < size; ++k) {
        const double r = 1 / (s + gamma * e[k]), part = e[k] * v[k] * v[k] * r * r;
        square += part;
        slope += part * r;
      }
      const double excess = std::sqrt(square) - 1;
      if (excess <= 4 * std::numeric_limits<double>::epsilon()) break;
      s += square * excess / slope;
    }
    return s;
  }

  /// vbar and, through log d, wbar from ubar.
  void pull_back(double gamma, const double* ubar, double* vbar, double* wbar) const {
    const double s = solve(gamma);
    double sbar = 0, slope = 0;
    for (std::size_t k = 0; k < size; ++k) {
      vbar[k] = wbar[k] = 0;
      const double r = 1 / (s + gamma * e[k]);
      sbar += ubar[k] * v[k] * gamma * e[k] * r * r;
      slope += 2 * e[k] * v[k] * v[k] * r * r * r;
    }
    if (s == 0) return;
    // Through s: sum (d_i v_i / (s + gamma d_i^2))^2 = 1.
    const double through = sbar / slope;
    for (std::size_t k = 0; k < size; ++k) {
      const double r = 1 / (s + gamma * e[k]);
      vbar[k] = ubar[k] * s * r + through * 2 * e[k] * v[k] * r * r;
      wbar[k] = 2 * e[k] *
                (through * v[k] * v[k] * (s - gamma * e[k]) * r - ubar[k] * v[k] * s * gamma) * r *
                r;
    }
  }
};

}  // namespace

Index wavelet_planes(const Shape& coefficients) {
  if (coefficients.rank() < 2 || coefficients.rank() > 4)
    throw ShapeError(text("WaveletNorm: got coefficients ", to_string(coefficients),
                          ", expected (H,W), (C,H,W) or (M,C,H,W)"));
  const Index plane = coefficients.back(0) * coefficients.back(1);
  return plane > 0 ? coefficients.size() / plane : 0;
}

template <class T>
WaveletNorm<T>::WaveletNorm(const std::vector<WaveletBand>& bands, const Shape& coefficients,
                            WaveletGroups groups, Array<double> weights)
    : shape_(coefficients), weights_(std::move(weights)) {
  const Index planes = wavelet_planes(coefficients), H = coefficients.back(1),
              W = coefficients.back(0),
              channels = coefficients.rank() > 2 ? coefficients.back(2) : 1,
              count = static_cast<Index>(bands.size());
  require_shape("WaveletNorm weights", weights_.shape(), Shape{planes, count});
  for (const double w : weights_)
    if (!(w > 0) || !std::isfinite(w))
      throw ArgumentError(text("WaveletNorm: got a weight ", w, ", expected finite numbers > 0"));
  const Index together = groups.channels ? channels : 1;
  const auto same_size = [](const WaveletBand& a, const WaveletBand& b) {
    return a.rows == b.rows && a.columns == b.columns;
  };
  for (Index first = 0; first < planes; first += together)
    for (Index b = 0; b < count;) {
      const WaveletBand& band = bands[static_cast<std::size_t>(b)];
      const Index orientations =
          groups.orientations && band.kind != WaveletBand::Kind::coarse ? 3 : 1;
      Block block{band.rows, band.columns, {}, true};
      for (Index c = 0; c < together; ++c)
        for (Index o = b; o < b + orientations; ++o) {
          const WaveletBand& one = bands.at(static_cast<std::size_t>(o));
          if (one.row + one.rows > H || one.column + one.columns > W || !same_size(one, band))
            throw ShapeError(text("WaveletNorm: bands of ", to_string(coefficients),
                                  " differ in size or do not fit; groups of orientations need "
                                  "sides that are multiples of 2^levels"));
          block.members.push_back(
              {(first + c) * H * W + one.row * W + one.column, (first + c) * count + o});
        }
      if (block.members.size() > most_members)
        throw ArgumentError(text("WaveletNorm: got groups of ", block.members.size(),
                                 " coefficients, expected at most ", most_members));
      for (const Member& m : block.members)
        block.equal = block.equal && weights_[m.weight] == weights_[block.members[0].weight];
      for (Index row = 0; row < block.rows && block.columns > 0; ++row)
        lines_.push_back({static_cast<Index>(blocks_.size()), row});
      blocks_.push_back(std::move(block));
      b += orientations;
    }
}

template <class T>
Index WaveletNorm<T>::grain() const {
  return rows_per_piece(10 * shape_.size() / std::max<Index>(1, static_cast<Index>(lines_.size())));
}

template <class T>
void WaveletNorm<T>::prox_line(const Block& block, Index row, ConstView<T> v, double gamma,
                               View<T> out) const {
  const Index n = block.columns, at = row * shape_.back(0);
  const double d = weights_[block.members[0].weight];
  if (block.members.size() == 1) {
    const T* from = v.data() + block.members[0].first + at;
    T* to = out.data() + block.members[0].first + at;
    const T t = static_cast<T>(gamma * d);
    for (Index i = 0; i < n; ++i) to[i] = detail::soft_threshold<T>(from[i], t);
    return;
  }
  if (block.equal) {
    std::vector<T> factor(static_cast<std::size_t>(n));
    for (const Member& m : block.members)
      for (Index i = 0; i < n; ++i) {
        const T x = v[m.first + at + i];
        factor[static_cast<std::size_t>(i)] += x * x;
      }
    const T t = static_cast<T>(gamma * d);
    for (T& f : factor) {
      const T length = std::sqrt(f);
      f = length <= t ? T(0) : (length - t) / length;
    }
    for (const Member& m : block.members)
      for (Index i = 0; i < n; ++i)
        out[m.first + at + i] = factor[static_cast<std::size_t>(i)] * v[m.first + at + i];
    return;
  }
  WaveletGroup group;
  group.size = block.members.size();
  for (std::size_t k = 0; k < group.size; ++k)
    group.e[k] = weights_[block.members[k].weight] * weights_[block.members[k].weight];
  for (Index i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < group.size; ++k)
      group.v[k] = static_cast<double>(v[block.members[k].first + at + i]);
    const double s = group.solve(gamma);
    for (std::size_t k = 0; k < group.size; ++k)
      out[block.members[k].first + at + i] =
          static_cast<T>(group.v[k] * s / (s + gamma * group.e[k]));
  }
}

template <class T>
void WaveletNorm<T>::prox(ConstView<T> v, double gamma, View<T> out) const {
  require_shape("WaveletNorm::prox input", v.shape(), shape_);
  require_shape("WaveletNorm::prox output", out.shape(), shape_);
  parallel_for(static_cast<Index>(lines_.size()), grain(), [&](Index begin, Index end) {
    for (Index l = begin; l < end; ++l) {
      const Line& line = lines_[static_cast<std::size_t>(l)];
      prox_line(blocks_[static_cast<std::size_t>(line.block)], line.row, v, gamma, out);
    }
  });
}

template <class T>
double WaveletNorm<T>::value(ConstView<T> u) const {
  require_shape("WaveletNorm::value", u.shape(), shape_);
  std::vector<double> sums(lines_.size());
  parallel_for(static_cast<Index>(lines_.size()), grain(), [&](Index begin, Index end) {
    for (auto l = static_cast<std::size_t>(begin); l < static_cast<std::size_t>(end); ++l) {
      const Block& block = blocks_[static_cast<std::size_t>(lines_[l].block)];
      for (Index i = 0; i < block.columns; ++i) {
        double square = 0;
        for (const Member& m : block.members) {
          const double part = weights_[m.weight] *
                              static_cast<double>(u[m.first + lines_[l].row * shape_.back(0) + i]);
          square += part * part;
        }
        sums[l] += std::sqrt(square);
      }
    }
  });
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

template <class T>
void WaveletNorm<T>::vjp_line(const Block& block, Index row, ConstView<T> v, double gamma,
                              ConstView<T> ubar, View<T> vbar, double* sums) const {
  const Index at = row * shape_.back(0);
  if (block.members.size() == 1) {
    const Index first = block.members[0].first + at;
    const double t = gamma * weights_[block.members[0].weight];
    double sum = 0;
    for (Index i = first; i < first + block.columns; ++i) {
      const auto x = static_cast<double>(v[i]), u = static_cast<double>(ubar[i]);
      const bool kept = x * x > t * t;
      vbar[i] = kept ? ubar[i] : T(0);
      sum -= kept ? (x > 0 ? u : -u) : 0;
    }
    sums[0] += t * sum;
    return;
  }
  WaveletGroup group;
  group.size = block.members.size();
  double u[most_members], back[most_members], weight[most_members];
  for (std::size_t k = 0; k < group.size; ++k)
    group.e[k] = weights_[block.members[k].weight] * weights_[block.members[k].weight];
  for (Index i = 0; i < block.columns; ++i) {
    for (std::size_t k = 0; k < group.size; ++k) {
      group.v[k] = static_cast<double>(v[block.members[k].first + at + i]);
      u[k] = static_cast<double>(ubar[block.members[k].first + at + i]);
    }
    group.pull_back(gamma, u, back, weight);
    for (std::size_t k = 0; k < group.size; ++k) {
      vbar[block.members[k].first + at + i] = static_cast<T>(back[k]);
      sums[k] += weight[k];
    }
  }
}

template <class T>
void WaveletNorm<T>::prox_vjp(ConstView<T> v, double gamma, ConstView<T> ubar, View<T> vbar,
                              Array<double>* log_weights) const {
  require_shape("WaveletNorm::prox_vjp input", v.shape(), shape_);
  require_shape("WaveletNorm::prox_vjp cotangent", ubar.shape(), shape_);
  require_shape("WaveletNorm::prox_vjp output", vbar.shape(), shape_);
  if (log_weights != nullptr)
    require_shape("WaveletNorm::prox_vjp weights", log_weights->shape(), weights_.shape());
  std::size_t most = 1;
  for (const Block& block : blocks_) most = std::max(most, block.members.size());
  std::vector<double> sums(lines_.size() * most);
  parallel_for(static_cast<Index>(lines_.size()), grain(), [&](Index begin, Index end) {
    for (auto l = static_cast<std::size_t>(begin); l < static_cast<std::size_t>(end); ++l)
      vjp_line(blocks_[static_cast<std::size_t>(lines_[l].block)], lines_[l].row, v, gamma, ubar,
               vbar, sums.data() + l * most);
  });
  for (std::size_t l = 0; l < lines_.size() && log_weights != nullptr; ++l) {
    const Block& block = blocks_[static_cast<std::size_t>(lines_[l].block)];
    for (std::size_t k = 0; k < block.members.size(); ++k)
      (*log_weights)[block.members[k].weight] += sums[l * most + k];
  }
}

template class WaveletNorm<float>;
template class WaveletNorm<double>;

}  // namespace fejer
