#include "ridge_strips.hpp"

#include <algorithm>
#include <numeric>
#include <type_traits>

namespace fejer::detail {
namespace {

/// f(lanes), as a constant where there are as many as the tiles of some instruction set have: a
/// vector or two without a loop.
template <class F>
void with_lanes(Index lanes, const F& f) {
  switch (lanes) {
    case 2:
      return f(std::integral_constant<Index, 2>{});
    case 4:
      return f(std::integral_constant<Index, 4>{});
    case 8:
      return f(std::integral_constant<Index, 8>{});
    default:
      return f(lanes);
  }
}

template <class T>
T sum_by_halves(Index n, T* values) {
  for (; n % 2 == 0; n /= 2)
    for (Index i = 0; i < n / 2; ++i) values[i] += values[i + n / 2];
  return std::accumulate(values + 1, values + n, values[0]);
}

}  // namespace

template <class T>
RidgeStrips<T>::RidgeStrips(const RidgeBorder<T>& border, TileBorders place, Index inputs)
    : border_(border),
      place_(std::move(place)),
      lanes_(place_.lanes),
      halo_(std::max(border.radius().rows, border.radius().columns)),
      line_((place_.tile + 2 * halo_) * lanes_) {
  const Extent in = border.reach_in(), out = border.reach_out(), r = border.radius();
  const auto any = [&](auto has) { return std::any_of(place_.has.begin(), place_.has.end(), has); };
  strips_.reserve(sides);
  for (std::size_t k = 0; k < sides; ++k) {
    if (!any([&](const auto& has) { return has[k]; })) continue;
    if (k < 2 && in.rows > 0)
      strips_.push_back(
          {k, place_.begin.columns, place_.count.columns, r.columns, in.rows, out.rows});
    if (k >= 2 && in.columns > 0)
      strips_.push_back({k, place_.begin.rows, place_.count.rows, r.rows, in.columns, out.columns});
  }
  for (const Strip& a : strips_)
    for (const Strip& b : strips_)
      if (a.side < 2 && b.side >= 2 &&
          any([&](const auto& has) { return has[a.side] && has[b.side]; }))
        corners_.push_back({sides + 2 * a.side + b.side - 2,
                            &a,
                            &b,
                            in.rows * in.columns,
                            out.rows * out.columns,
                            {}});
  for (Strip& s : strips_) find_taps(s);
  lay_out(inputs);
}

/// All zeros but the masks.
template <class T>
void RidgeStrips<T>::lay_out(Index inputs) {
  // Twice: how much there is, and where.
  Index total = 0, most = 0;
  T* base = nullptr;
  const auto part = [&](Index size) {
    T* const at = base == nullptr ? nullptr : base + total;
    total += size;
    return at;
  };
  const auto place = [&] {
    total = 0;
    for (Strip& s : strips_) {
      for (Index i = 0; i < inputs; ++i) {
        s.x[i] = part(s.depths_in * line_);
        s.rest[i] = part(s.depths_in * line_);
        s.mean[i] = part(lanes_);
        for (T*& z : s.z[i]) z = part(s.depths_out * line_);
      }
      s.share = part(s.depths_in * line_);
      s.mask = part(lanes_);
    }
    for (Corner& c : corners_) {
      for (Index i = 0; i < inputs; ++i) {
        c.x[i] = part(c.depths_in * lanes_);
        c.rest[i] = part(c.depths_in * lanes_);
      }
      most = std::max({most, c.depths_in, c.depths_out});
    }
    for (T*& f : few_) f = part(most * lanes_);
  };
  place();
  base = memory_.emplace(total).data();
  place();
  std::fill_n(base, total, T(0));
  for (const Strip& s : strips_)
    for (std::size_t lane = 0; lane < place_.has.size(); ++lane)
      s.mask[lane] = place_.has[lane][s.side] ? T(1) : T(0);
}

template <class T>
void RidgeStrips<T>::gather(const Corner& c, T* strip, Extent reach, T* to) const {
  for (Index k = 0; k < reach.rows * reach.columns; ++k) {
    const T* const from = at(c, strip, reach, k);
    for (Index lane = 0; lane < lanes_; ++lane)
      to[k * lanes_ + lane] = from[lane] * c.columns->mask[lane];
  }
}

template <class T>
auto RidgeStrips<T>::inside(const Strip& s, std::size_t lane) const -> Range {
  const bool columns = s.side < 2;
  const Index first = columns ? place_.first.columns : place_.first.rows;
  const Index last = columns ? place_.last.columns : place_.last.rows;
  const std::array<bool, 4>& has = place_.has[lane];
  return {has[columns ? 2 : 0] ? first : 0, has[columns ? 3 : 1] ? last + 1 : place_.tile};
}

template <class T>
void RidgeStrips<T>::split(const Strip& s, Index input) const {
  for (std::size_t lane = 0; lane < place_.has.size(); ++lane) {
    if (!place_.has[lane][s.side]) continue;
    const Range r = inside(s, lane);
    const auto each = [&](const auto& f) {
      for (Index k = 0; k < s.depths_in; ++k)
        for (Index i = r.begin; i < r.end; ++i)
          f(k * line_ + (halo_ + i) * lanes_ + static_cast<Index>(lane));
    };
    double sum = 0;
    each([&](Index at) { sum += static_cast<double>(s.x[input][at]); });
    const T mean = static_cast<T>(sum / static_cast<double>(s.depths_in * (r.end - r.begin)));
    s.mean[input][lane] = mean;
    each([&](Index at) { s.rest[input][at] = s.x[input][at] - mean; });
  }
}

template <class T>
void RidgeStrips<T>::find_taps(Strip& s) const {
  const Index taps = 2 * s.radius + 1;
  s.whole = {0, s.count};
  for (Index i = 0; i < s.count; ++i) {
    const Index first = s.along + i - s.radius;  // what tap 0 sees
    for (std::size_t lane = 0; lane < place_.has.size(); ++lane) {
      const Range r = inside(s, lane);
      s.taps.push_back(
          {std::clamp<Index>(r.begin - first, 0, taps), std::clamp<Index>(r.end - first, 0, taps)});
      s.same = s.same && s.taps.back() == s.taps[s.taps.size() - 1 - lane];
      if (s.taps.back().begin > 0) s.whole.begin = std::max(s.whole.begin, i + 1);
      if (s.taps.back().end < taps) s.whole.end = std::min(s.whole.end, i);
    }
  }
  s.whole.begin = std::min(s.whole.begin, s.whole.end);
}

/// C of the mean, which is a constant on the image's pixels along the side.
template <class T>
void RidgeStrips<T>::begin_with_mean(const Strip& s, Index input, Index part, Index channel) const {
  const Index all = 2 * s.radius + 1, used = static_cast<Index>(place_.has.size());
  const double* sums = border_.kernel(s.side, channel).sums;
  const T* const mean = s.mean[input];
  for (Index d = 0; d < s.depths_out; ++d, sums += all + 1) {
    T* const strip = s.z[input][part] + d * line_ + (halo_ + s.along) * lanes_;
    const auto factor = [&](Range r) { return static_cast<T>(sums[r.end] - sums[r.begin]); };
    with_lanes(lanes_, [&](auto lanes) {
      const auto fill = [&](Index begin, Index end, T by) {
        for (T* to = strip + begin * lanes; to < strip + end * lanes; to += lanes)
          for (Index lane = 0; lane < lanes; ++lane) to[lane] = mean[lane] * by;
      };
      for (Index i = 0; i < s.count; ++i) {
        if (i == s.whole.begin) fill(i, s.whole.end, factor({0, all})), i = s.whole.end;
        if (i == s.count) break;
        const Range* const r = s.taps.data() + i * used;
        if (s.same)
          fill(i, i + 1, factor(*r));
        else
          for (Index lane = 0; lane < used; ++lane)
            strip[i * lanes + lane] = mean[lane] * factor(r[lane]);
      }
    });
  }
}

template <class T>
void RidgeStrips<T>::begin(Index input, Index part, Index channel) {
  for (const Strip& s : strips_) {
    begin_with_mean(s, input, part, channel);
    border_.kernel(s.side, channel)
        .forward.add(pixel(s.rest[input], s.along - s.radius), line_, lanes_,
                     pixel(s.z[input][part], s.along), line_, s.count * lanes_);
  }
  for (const Corner& c : corners_) {
    const auto kernel = border_.kernel(c.piece, channel);
    const T *const mean = c.rows->mean[input], *const mask = c.columns->mask;
    for (Index k = 0; k < c.depths_out; ++k) {
      const T factor = static_cast<T>(kernel.sums[2 * k + 1]);
      for (Index lane = 0; lane < lanes_; ++lane)
        few_[0][k * lanes_ + lane] = mean[lane] * mask[lane] * factor;
    }
    kernel.forward.add(c.rest[input], lanes_, 0, few_[0], lanes_, lanes_);
    for (Index k = 0; k < c.depths_out; ++k) {
      T* const to = at(c, c.rows->z[input][part], border_.reach_out(), k);
      for (Index lane = 0; lane < lanes_; ++lane) to[lane] += few_[0][k * lanes_ + lane];
    }
  }
}

template <class T>
void RidgeStrips<T>::correct(Index input, Index part, Index y, T* row) const {
  const Index left = place_.begin.columns, n = place_.count.columns * lanes_;
  for (const Strip& s : strips_) {
    const T* const z = s.z[input][part];
    if (s.side < 2) {
      const Index d = depth(s, y);
      if (d < 0 || d >= s.depths_out) continue;
      const T* const from = z + d * line_ + (halo_ + left) * lanes_;
      for (Index i = 0; i < n; ++i) row[i] -= from[i];
    } else {
      with_lanes(lanes_, [&](auto lanes) {
        for (Index k = 0; k < s.depths_out; ++k) {
          T* const to = row + (column(s.side, k) - left) * lanes;
          const T* const from = z + k * line_ + (halo_ + y) * lanes;
          for (Index lane = 0; lane < lanes; ++lane) to[lane] -= from[lane];
        }
      });
    }
  }
}

/// Lanes without the side are kept, too: what comes of them is left out by `gather` and `subtract`,
/// and is 0 in gradients, since their x is.
template <class T>
void RidgeStrips<T>::keep(Index input, Index part, Index y, const T* row) const {
  const Index left = place_.begin.columns, n = place_.count.columns * lanes_;
  for (const Strip& s : strips_) {
    T* const z = s.z[input][part];
    if (s.side < 2) {
      const Index d = depth(s, y);
      if (d >= 0 && d < s.depths_out) std::copy_n(row, n, z + d * line_ + (halo_ + left) * lanes_);
    } else {
      with_lanes(lanes_, [&](auto lanes) {
        for (Index k = 0; k < s.depths_out; ++k) {
          const T* const from = row + (column(s.side, k) - left) * lanes;
          T* const to = z + k * line_ + (halo_ + y) * lanes;
          for (Index lane = 0; lane < lanes; ++lane) to[lane] = from[lane];
        }
      });
    }
  }
}

template <class T>
void RidgeStrips<T>::end(Index input, Index part, Index channel) {
  for (const Strip& s : strips_) {
    const Index from = std::max<Index>(0, s.along - s.radius);
    const Index count = std::min(place_.tile, s.along + s.count + s.radius) - from;
    border_.kernel(s.side, channel)
        .backward.add(pixel(s.z[input][part], from - s.radius), line_, lanes_, pixel(s.share, from),
                      line_, count * lanes_);
  }
  for (const Corner& c : corners_) {
    gather(c, c.rows->z[input][part], border_.reach_out(), few_[0]);
    std::fill_n(few_[1], c.depths_in * lanes_, T(0));
    border_.kernel(c.piece, channel).backward.add(few_[0], lanes_, 0, few_[1], lanes_, lanes_);
    for (Index k = 0; k < c.depths_in; ++k) {
      T* const to = at(c, c.rows->share, border_.reach_in(), k);
      for (Index lane = 0; lane < lanes_; ++lane) to[lane] += few_[1][k * lanes_ + lane];
    }
  }
}

template <class T>
void RidgeStrips<T>::add_kernels(Index input, Index of, Index part, Index channel,
                                 std::array<Array<double>, border_pieces>& sums) const {
  for (const Strip& s : strips_) {
    const Index taps = 2 * s.radius + 1, size = s.depths_out * taps;
    Scratch<T> memory(size);
    T* const result = memory.data();
    double* const to = sums[s.side].data() + channel * size * s.depths_in;
    for (Index k = 0; k < s.depths_in; ++k) {
      // Taps are input planes a row apart.
      std::fill_n(result, size, T(0));
      kernels<T>().correlate({pixel(s.z[input][part], s.along), lanes_, line_,
                              pixel(s.x[of], s.along - s.radius) + k * line_, lanes_, lanes_,
                              s.depths_out, taps, 1, 1, 1, s.count * lanes_, result});
      for (Index d = 0; d < s.depths_out; ++d)
        for (Index i = 0; i < taps; ++i)
          to[(d * s.depths_in + k) * taps + i] += static_cast<double>(result[d * taps + i]);
    }
  }
  for (const Corner& c : corners_) {
    gather(c, c.rows->z[input][part], border_.reach_out(), few_[0]);
    double* to = sums[c.piece].data() + channel * c.depths_out * c.depths_in;
    with_lanes(lanes_, [&](auto lanes) {
      for (Index o = 0; o < c.depths_out; ++o)
        for (Index i = 0; i < c.depths_in; ++i, ++to) {
          T product[sum_parts];  // lanes divide it
          for (Index lane = 0; lane < lanes; ++lane)
            product[lane] = few_[0][o * lanes + lane] * c.x[of][i * lanes + lane];
          *to += static_cast<double>(sum_by_halves(lanes, product));
        }
    });
  }
}

template <class T>
void RidgeStrips<T>::subtract(Index y, T* row) const {
  for (const Strip& s : strips_) {
    if (s.side < 2) {
      const Index d = depth(s, y);
      if (d < 0 || d >= s.depths_in) continue;
      const T* const from = s.share + d * line_ + halo_ * lanes_;
      for (Index x = 0; x < place_.tile; ++x)
        for (Index lane = 0; lane < lanes_; ++lane)
          row[x * lanes_ + lane] -= s.mask[lane] * from[x * lanes_ + lane];
    } else {
      for (Index k = 0; k < s.depths_in; ++k) {
        T* const to = row + column(s.side, k) * lanes_;
        const T* const from = s.share + k * line_ + (halo_ + y) * lanes_;
        for (Index lane = 0; lane < lanes_; ++lane) to[lane] -= s.mask[lane] * from[lane];
      }
    }
  }
}

template class RidgeStrips<float>;
template class RidgeStrips<double>;

}  // namespace fejer::detail
