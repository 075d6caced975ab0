#include "ridge_strips.hpp"

#include <algorithm>

namespace fejer::detail {

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
  Index total = 0, deepest = 0, most = 0;
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
      deepest = std::max(deepest, s.depths_in);
    }
    for (Corner& c : corners_) {
      for (Index i = 0; i < inputs; ++i) {
        c.x[i] = part(c.depths_in * lanes_);
        c.rest[i] = part(c.depths_in * lanes_);
      }
      most = std::max({most, c.depths_in, c.depths_out});
    }
    along_ = part(deepest * line_);
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
  const std::size_t used = place_.has.size();
  for (Index i = s.along; i < s.along + s.count; ++i) {
    const Index first = i - s.radius;  // what tap 0 sees
    for (std::size_t lane = 0; lane < used; ++lane) {
      const Range r = inside(s, lane);
      s.taps.push_back(
          {std::clamp<Index>(r.begin - first, 0, taps), std::clamp<Index>(r.end - first, 0, taps)});
    }
    s.same.push_back(std::all_of(s.taps.end() - static_cast<std::ptrdiff_t>(used), s.taps.end(),
                                 [&](const Range& r) { return r == s.taps.back(); }));
  }
}

/// C of the mean, which is a constant on the image's pixels along the side.
template <class T>
void RidgeStrips<T>::add_mean(const Strip& s, Index input, Index part, Index channel) const {
  const double* sums = border_.kernel(s.side, channel).sums.data();
  const auto used = static_cast<Index>(place_.has.size());
  const T* const mean = s.mean[input];
  for (Index d = 0; d < s.depths_out; ++d, sums += 2 * s.radius + 2) {
    const Range* r = s.taps.data();
    T* to = s.z[input][part] + d * line_ + (halo_ + s.along) * lanes_;
    for (Index i = 0; i < s.count; ++i, to += lanes_, r += used) {
      if (s.same[static_cast<std::size_t>(i)]) {
        const T factor = static_cast<T>(sums[r->end] - sums[r->begin]);
        for (Index lane = 0; lane < lanes_; ++lane) to[lane] += mean[lane] * factor;
      } else {
        for (Index lane = 0; lane < used; ++lane)
          to[lane] += mean[lane] * static_cast<T>(sums[r[lane].end] - sums[r[lane].begin]);
      }
    }
  }
}

template <class T>
void RidgeStrips<T>::begin(Index input, Index part, Index channel) {
  for (const Strip& s : strips_) {
    border_.kernel(s.side, channel)
        .forward.convolve(window(s.rest[input], s.depths_in, s.along, s.count),
                          window(s.z[input][part], s.depths_out, s.along, s.count));
    add_mean(s, input, part, channel);
  }
  for (const Corner& c : corners_) {
    const auto& kernel = border_.kernel(c.piece, channel);
    kernel.forward.convolve(pixels(c.rest[input], c.depths_in), pixels(few_[0], c.depths_out));
    const T *const mean = c.rows->mean[input], *const mask = c.columns->mask;
    for (Index k = 0; k < c.depths_out; ++k) {
      const T factor = static_cast<T>(kernel.sums[2 * k + 1]);
      T* const to = at(c, c.rows->z[input][part], border_.reach_out(), k);
      for (Index lane = 0; lane < lanes_; ++lane)
        to[lane] += few_[0][k * lanes_ + lane] + mean[lane] * mask[lane] * factor;
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
      for (Index k = 0; k < s.depths_out; ++k) {
        T* const to = row + (column(s.side, k) - left) * lanes_;
        const T* const from = z + k * line_ + (halo_ + y) * lanes_;
        for (Index lane = 0; lane < lanes_; ++lane) to[lane] -= from[lane];
      }
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
      for (Index k = 0; k < s.depths_out; ++k) {
        const T* const from = row + (column(s.side, k) - left) * lanes_;
        T* const to = z + k * line_ + (halo_ + y) * lanes_;
        for (Index lane = 0; lane < lanes_; ++lane) to[lane] = from[lane];
      }
    }
  }
}

template <class T>
void RidgeStrips<T>::end(Index input, Index part, Index channel) {
  for (const Strip& s : strips_) {
    const Index from = std::max<Index>(0, s.along - s.radius);
    const Index count = std::min(place_.tile, s.along + s.count + s.radius) - from;
    const Planes<T> sum = window(along_, s.depths_in, from, count);
    border_.kernel(s.side, channel)
        .backward.convolve(window(s.z[input][part], s.depths_out, from, count), sum);
    for (Index k = 0; k < s.depths_in; ++k) {
      T* const to = s.share + k * line_ + (halo_ + from) * lanes_;
      const T* const more = sum.at(k, 0, 0);
      for (Index i = 0; i < count * lanes_; ++i) to[i] += more[i];
    }
  }
  for (const Corner& c : corners_) {
    gather(c, c.rows->z[input][part], border_.reach_out(), few_[0]);
    border_.kernel(c.piece, channel)
        .backward.convolve(pixels(few_[0], c.depths_out), pixels(few_[1], c.depths_in));
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
    const Planes<T> z = window(s.z[input][part], s.depths_out, s.along, s.count);
    const Planes<T> x = window(s.x[of], s.depths_in, s.along - s.radius, s.count);
    double* const to = sums[s.side].data() + channel * size * s.depths_in;
    for (Index k = 0; k < s.depths_in; ++k) {
      // Taps are input planes a row apart.
      std::fill_n(result, size, T(0));
      kernels<T>().correlate({z.origin, z.row, z.plane, x.at(k, 0, 0), x.row, x.row, s.depths_out,
                              taps, 1, 1, 1, z.size.columns, result});
      for (Index d = 0; d < s.depths_out; ++d)
        for (Index i = 0; i < taps; ++i)
          to[(d * s.depths_in + k) * taps + i] += static_cast<double>(result[d * taps + i]);
    }
  }
  for (const Corner& c : corners_) {
    gather(c, c.rows->z[input][part], border_.reach_out(), few_[0]);
    double* to = sums[c.piece].data() + channel * c.depths_out * c.depths_in;
    for (Index o = 0; o < c.depths_out; ++o)
      for (Index i = 0; i < c.depths_in; ++i, ++to)
        for (Index lane = 0; lane < lanes_; ++lane)
          *to += static_cast<double>(few_[0][o * lanes_ + lane] * c.x[of][i * lanes_ + lane]);
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
