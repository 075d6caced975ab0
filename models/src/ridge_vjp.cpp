// Vector-Jacobian product of the ridge gradient, image by image.
#include <algorithm>
#include <memory>

#include "ridge_data.hpp"

namespace fejer {

using detail::Extent;
using detail::PaddedPlanes;
using detail::Planes;
using detail::Scratch;

namespace {

/// What the layers see of an image, and what comes back through them. Level l lies on the image
/// and reach(l) more pixels on each side.
template <class T, class Convolutions>
class Levels {
 public:
  using Stack = std::vector<std::unique_ptr<PaddedPlanes<T>>>;

  Levels(const Convolutions& w, Extent image) : w_(w), image_(image) {}

  Extent size(std::size_t l) const { return image_ + w_.reach(l) + w_.reach(l); }

  Stack forward(const T* x) const {
    Stack v;
    for (std::size_t l = 0; l < w_.layers(); ++l)
      v.push_back(
          std::make_unique<PaddedPlanes<T>>(w_.forward[l].in_channels(), size(l), w_.radius(l)));
    Planes<T> inner = v[0]->window();
    if (w_.reach(0).rows + w_.reach(0).columns > 0) detail::clear_rows(inner, 0);
    detail::copy<T>(detail::planes<const T>(x, 1, image_), inner.grown(Extent{} - w_.reach(0)));
    for (std::size_t l = 0; l + 1 < w_.layers(); ++l)
      w_.forward[l].convolve(seen(v, l), v[l + 1]->window());
    return v;
  }

  /// What layer l reads, as a window of the size that it writes.
  Planes<T> seen(const Stack& v, std::size_t l) const {
    return v[l]->window().grown(w_.reach(l + 1) - w_.reach(l));
  }

  /// c at level l + 1, with zeros around as its adjoint needs them.
  std::unique_ptr<PaddedPlanes<T>> cotangent(std::size_t l) const {
    const Extent more = w_.reach(l) - w_.reach(l + 1) + w_.radius(l);
    return std::make_unique<PaddedPlanes<T>>(w_.forward[l].out_channels(), size(l + 1),
                                             detail::larger(more, {0, 1}));
  }

  /// Adds the gradients of the kernels for <c, W v>; out = W^T c unless it is null.
  void backward(std::unique_ptr<PaddedPlanes<T>> c, const Stack& v, Array<double>* kernels,
                T* out) const {
    for (std::size_t l = w_.layers(); l-- > 0;) {
      correlate(c->window(), seen(v, l), l, kernels[l]);
      if (l == 0) break;
      auto next = cotangent(l - 1);
      w_.backward[l].convolve(c->window().grown(w_.reach(l) - w_.reach(l + 1)), next->window());
      c = std::move(next);
    }
    if (out != nullptr)
      w_.backward[0].convolve(c->window().grown(Extent{} - w_.reach(1)),
                              detail::planes(out, 1, image_));
  }

 private:
  /// In bands of rows that stay in the second cache, in at most 16 parts.
  void correlate(const Planes<T>& c, const Planes<T>& v, std::size_t l, Array<double>& sum) const {
    const Planes<T> in = v.grown(w_.radius(l));
    const Shape& s = w_.kernels[l].shape();
    const Index rows = c.size.rows, count = sum.size();
    const Index band = std::max<Index>(4, 40000 / (s[1] * (c.size.columns + 1)));
    const Index bands = (rows + band - 1) / band, grain = (bands + 15) / 16;
    const Index parts = (bands + grain - 1) / grain;
    Scratch<T> memory(parts * count);
    T* const results = memory.data();
    std::fill_n(results, parts * count, T(0));
    parallel_for(bands, grain, [&](Index begin, Index end) {
      for (Index b = begin; b < end; ++b)
        detail::kernels<T>().correlate({c.at(0, b * band, 0), c.row, c.plane, in.at(0, b * band, 0),
                                        in.row, in.plane, s[0], s[1], s[2], s[3],
                                        std::min(band, rows - b * band), c.size.columns,
                                        results + b / grain * count});
    });
    for (Index p = 0; p < parts; ++p)
      for (Index i = 0; i < count; ++i) sum[i] += static_cast<double>(results[p * count + i]);
  }

  const Convolutions& w_;
  Extent image_;
};

template <class T>
double dot_row(Index n, const T* a, const T* b) {
  double sum = 0;
  for (Index i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

}  // namespace

template <class T>
RidgeGradients RidgeRegulariser<T>::Data::no_gradients(Index planes) const {
  RidgeGradients result;
  for (const Array<T>& k : filters.kernels()) result.kernels.emplace_back(k.shape());
  result.profile = Array<double>(parameters.profile.shape());
  result.scaling.assign(static_cast<std::size_t>(planes * channels()), 0.0);
  return result;
}

template <class T>
void RidgeRegulariser<T>::Data::add_cells(const double* alpha, const double* cells,
                                          RidgeGradients& sums) const {
  const Index knots = spline().knots();
  Scratch<double> memory(knots);
  double* const row = memory.data();
  for (Index c = 0; c < channels(); ++c, cells += spline().sums_size()) {
    std::fill_n(row, knots, 0.0);
    spline().add_gradient(alpha[c], cells, row);
    double* const to = sums.profile.data() + (spline().channels() == 1 ? 0 : c * knots);
    for (Index k = 0; k < knots; ++k) to[k] += row[k] * parameters.weight / alpha[c];
  }
}

template <class T>
void RidgeRegulariser<T>::Data::add_vjp_by_layers(const Job& job, Extent size, Index plane,
                                                  RidgeGradients& sums) const {
  const Convolutions& w = convolutions();
  const Levels<T, Convolutions> levels(w, size);
  const auto of_x = levels.forward(job.x), of_u = levels.forward(job.v);
  const std::size_t last = w.layers() - 1;
  PaddedPlanes<T> z(channels(), size, Extent{});
  auto s = levels.cotangent(last), t = levels.cotangent(last);
  w.forward[last].convolve(levels.seen(of_x, last), z.window());
  w.forward[last].convolve(levels.seen(of_u, last), t->window());
  Scratch<double> memory(channels() * spline().sums_size());
  double* const cells = memory.data();
  std::fill_n(cells, channels() * spline().sums_size(), 0.0);
  double* const scaling = sums.scaling.data() + plane * channels();
  const auto finish_channel = [&](Index c) {
    const double alpha = job.alpha[c];
    double by_slope = 0, by_value = 0;
    for (Index y = 0; y < size.rows; ++y) {
      const T* const zs = z.window().at(c, y, 0);
      T *const ss = s->window().at(c, y, 0), *const ts = t->window().at(c, y, 0);
      spline().values(c, alpha, size.columns, zs, ss, nullptr);
      by_value += dot_row(size.columns, ts, ss);
      spline().add_sums(c, alpha, size.columns, zs, ts, ts, cells + c * spline().sums_size());
      by_slope += dot_row(size.columns, ts, zs);
    }
    // d/d alpha of phi(alpha z) / alpha.
    scaling[c] += (by_slope - by_value) / alpha;
  };
  parallel_for(channels(), 1, [&](Index begin, Index end) {
    for (Index c = begin; c < end; ++c) finish_channel(c);
  });
  add_cells(job.alpha, cells, sums);
  levels.backward(std::move(s), of_u, sums.kernels.data(), nullptr);
  levels.backward(std::move(t), of_x, sums.kernels.data(), job.out);
}

template <class T>
RidgeGradients RidgeRegulariser<T>::Data::vjp(const Job& job, Index planes, Extent size) const {
  RidgeGradients sums = no_gradients(planes);
  for (Index i = 0; i < planes; ++i)
    add_vjp_by_layers(job.from(i, channels(), size.rows * size.columns), size, i, sums);
  return sums;
}

namespace {

void add(const double* from, Array<double>& to) {
  for (double& v : to) v += *from++;
}

}  // namespace

template <class T>
RidgeGradients RidgeRegulariser<T>::vjp(ConstView<T> x, const NoiseLevels& sigma, ConstView<T> u,
                                        View<T> out) const {
  require_shape("RidgeRegulariser::vjp cotangent", u.shape(), x.shape());
  require_shape("RidgeRegulariser::vjp output", out.shape(), x.shape());
  Extent size;
  const Index planes = detail::count_planes("RidgeRegulariser::vjp", x.shape(), size);
  detail::require_levels("RidgeRegulariser::vjp", x.shape(), sigma);
  const Index levels = sigma.size(), count = channels(), group = Data::group;
  const Index share = std::max<Index>(1, planes / std::max<Index>(1, levels));
  Scratch<double> alpha(planes * count);
  data_->fill_scaling(sigma, planes, alpha.data());
  const typename Data::Job job{alpha.data(), x.data(), u.data(), out.data(), false};
  std::vector<RidgeGradients> parts(static_cast<std::size_t>((planes + group - 1) / group));
  parallel_for(planes, group, [&](Index begin, Index end) {
    parts[static_cast<std::size_t>(begin / group)] =
        data_->vjp(job.from(begin, count, size.rows * size.columns), end - begin, size);
  });
  RidgeGradients result = data_->no_gradients(levels);
  for (std::size_t g = 0; g < parts.size(); ++g) {
    for (std::size_t l = 0; l < result.kernels.size(); ++l)
      add(parts[g].kernels[l].data(), result.kernels[l]);
    add(parts[g].profile.data(), result.profile);
    for (std::size_t i = 0; i < parts[g].scaling.size(); ++i) {
      const Index plane = static_cast<Index>(g) * group + static_cast<Index>(i) / count;
      const Index at = plane / share * count + static_cast<Index>(i) % count;
      result.scaling[static_cast<std::size_t>(at)] += parts[g].scaling[i];
    }
  }
  return result;
}

template RidgeGradients RidgeRegulariser<float>::vjp(ConstView<float>, const NoiseLevels&,
                                                     ConstView<float>, View<float>) const;
template RidgeGradients RidgeRegulariser<double>::vjp(ConstView<double>, const NoiseLevels&,
                                                      ConstView<double>, View<double>) const;

}  // namespace fejer
