// Vector-Jacobian product of the ridge gradient, by groups of images: by layers, or by tiles.
#include <algorithm>

#include <fejer/vector.hpp>

#include "ridge_data.hpp"
#include "ridge_levels.hpp"

namespace fejer {

using detail::Extent;
using detail::PaddedPlanes;
using detail::Scratch;

namespace {

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

// ---- layer by layer

template <class T>
void RidgeRegulariser<T>::Data::add_vjp_by_layers(const Job& job, Index planes, Extent size,
                                                  RidgeGradients& sums) const {
  for (Index i = 0; i < planes; ++i)
    add_levels(job.from(i, channels(), size.rows * size.columns), size,
               sums.scaling.data() + i * channels(), sums);
}

/// Of one image.
template <class T>
void RidgeRegulariser<T>::Data::add_levels(const Job& job, Extent size, double* scaling,
                                           RidgeGradients& sums) const {
  const Convolutions& w = convolutions();
  const detail::Levels<T, Convolutions> levels(w, size);
  const auto of_x = levels.forward(job.x), of_u = levels.forward(job.v);
  const std::size_t last = w.layers() - 1;
  PaddedPlanes<T> z(channels(), size, Extent{});
  auto s = levels.cotangent(last), t = levels.cotangent(last);
  w.forward[last].convolve(levels.seen(of_x, last), z.window());
  w.forward[last].convolve(levels.seen(of_u, last), t->window());
  Scratch<double> memory(channels() * spline().sums_size());
  double* const cells = memory.data();
  std::fill_n(cells, channels() * spline().sums_size(), 0.0);
  const Index n = size.columns;
  const auto finish_channel = [&](Index c) {
    const double alpha = job.alpha[c];
    double by_slope = 0, by_value = 0;
    for (Index y = 0; y < size.rows; ++y) {
      const T* const zs = z.window().at(c, y, 0);
      T *const ss = s->window().at(c, y, 0), *const ts = t->window().at(c, y, 0);
      spline().values(c, alpha, n, zs, ss, nullptr);
      by_value += dot_row(n, ts, ss);
      spline().add_sums(c, alpha, n, zs, ts, ts, cells + c * spline().sums_size());
      by_slope += dot_row(n, ts, zs);
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

// ---- by tiles

template <class T>
void RidgeRegulariser<T>::Data::add_vjp_by_tiles(const Job& job, Index planes, Extent size,
                                                 typename Tiles::Gradient& kernels,
                                                 RidgeGradients& sums) const {
  const auto& run = detail::kernels<T>();
  const auto cut = tiles.cut(planes, size);
  const Index cells = spline().knots() + 1, rows = spline().channels(), table = 2 * cells;
  const Index tile_count = planes * cut.tiles_per_plane, count = channels();
  const Index room = spline().sums_size();
  // Of each batch: tables of two channels, and what they add up to.
  Scratch<double> tables(cut.batches * 2 * room), totals(cut.batches * rows * table),
      scalings(tile_count * count);
  std::fill_n(totals.data(), cut.batches * rows * table, 0.0);
  std::fill_n(scalings.data(), tile_count * count, 0.0);
  double *const tables_of = tables.data(), *const totals_of = totals.data(),
                *const scaling_of = scalings.data();
  // Lane l is what parts l, l + lanes, ... of the sums are of.
  const auto fold = [&](const detail::TileRow<T>& r, const double* part) {
    const double* const offsets = spline().line_offset.data() + spline().row(r.channel);
    double* const total = totals_of + (r.batch * rows + (rows == 1 ? 0 : r.channel)) * table;
    for (Index i = 0; i < detail::sum_parts; ++i, part += table) {
      const Index lane = i % r.lanes, tile = r.first_tile + lane;
      if (lane >= r.used) continue;
      const double scale = 1 / job.alpha[tile / cut.tiles_per_plane * count + r.channel];
      double sum = 0;
      for (Index k = 0; k < cells; ++k) {
        total[2 * k] += scale * part[2 * k];
        total[2 * k + 1] += scale * part[2 * k + 1];
        sum += offsets[k] * part[2 * k];
      }
      // d/d alpha of f(alpha z) / alpha is -offset / alpha^2.
      scaling_of[tile * count + r.channel] -= scale * scale * sum;
    }
  };
  const auto row = [&](const detail::TileRow<T>& r) {
    const Index n = r.columns * r.lanes;
    double* const sums_of = tables_of + (r.batch * 2 + r.channel % 2) * room;
    if (r.y == 0) std::fill_n(sums_of, room, 0.0);
    run.scale_lanes(r.alpha, r.columns, r.z);
    spline().add_sums(r.channel, 1, n, r.z, r.w, r.w, sums_of);
    spline().values(r.channel, 1, n, r.z, r.z, nullptr);
    run.scale_lanes(r.inverse_alpha, r.columns, r.z);
    if (r.y + 1 == r.rows) fold(r, sums_of);
  };
  tiles.run(
      {.x = job.x, .v = job.v, .alpha = job.alpha, .row = row, .out = job.out, .kernel = &kernels},
      planes, size);
  Scratch<double> parts(room);
  std::fill_n(parts.data(), room, 0.0);
  for (Index i = 0; i < rows; ++i) {
    double* const total = parts.data();  // the first part; the others are 0
    std::fill_n(total, table, 0.0);
    for (Index b = 0; b < cut.batches; ++b)
      for (Index k = 0; k < table; ++k) total[k] += totals_of[(b * rows + i) * table + k];
    Array<double> of_row(Shape{spline().knots()});
    spline().add_gradient(1, total, of_row.data());
    for (Index k = 0; k < of_row.size(); ++k)
      sums.profile[i * of_row.size() + k] += parameters.weight * of_row[k];
  }
  for (Index i = 0; i < tile_count * count; ++i)
    sums.scaling[static_cast<std::size_t>(i / count / cut.tiles_per_plane * count + i % count)] +=
        scaling_of[i];
}

template <class T>
struct RidgeKernelSum<T>::Data {
  using Model = typename RidgeRegulariser<T>::Data;
  std::shared_ptr<const Model> model;
  std::vector<Array<double>> layers;
  std::optional<typename Model::Tiles::Gradient> tiles;
};

template <class T>
RidgeKernelSum<T>::RidgeKernelSum(const RidgeRegulariser<T>& model)
    : data_(std::make_shared<Data>()) {
  data_->model = model.data_;
  data_->layers = model.data_->no_gradients(0).kernels;
}

template <class T>
std::vector<Array<double>> RidgeKernelSum<T>::gradients() const {
  std::vector<Array<double>> result = data_->layers;
  if (data_->tiles) data_->model->tiles.add_to_layers(*data_->tiles, result);
  return result;
}

template <class T>
RidgeGradients RidgeRegulariser<T>::vjp(ConstView<T> x, const NoiseLevels& sigma, ConstView<T> u,
                                        View<T> out) const {
  RidgeKernelSum<T> kernels(*this);
  RidgeGradients result = vjp(x, sigma, u, out, kernels, 1);
  result.kernels = kernels.gradients();
  return result;
}

template <class T>
RidgeGradients RidgeRegulariser<T>::vjp(ConstView<T> x, const NoiseLevels& sigma, ConstView<T> u,
                                        View<T> out, RidgeKernelSum<T>& sum, double factor) const {
  if (sum.data_->model != data_)
    throw ArgumentError("RidgeRegulariser::vjp: the sum for kernels belongs to another model");
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
  const auto groups = static_cast<std::size_t>((planes + group - 1) / group);
  const bool by_tiles = data_->choose(evaluation_, size) == RidgeEvaluation::tiles;
  std::vector<RidgeGradients> parts(groups);
  std::vector<typename Data::Tiles::Gradient> kernels(by_tiles ? groups : 0);
  parallel_for(planes, group, [&](Index begin, Index end) {
    const auto g = static_cast<std::size_t>(begin / group);
    const typename Data::Job some = job.from(begin, count, size.rows * size.columns);
    parts[g] = data_->no_gradients(end - begin);
    if (by_tiles) {
      kernels[g] = data_->tiles.no_gradient();
      data_->add_vjp_by_tiles(some, end - begin, size, kernels[g], parts[g]);
    } else {
      data_->add_vjp_by_layers(some, end - begin, size, parts[g]);
    }
  });
  RidgeGradients result = data_->no_gradients(levels);
  result.kernels.clear();
  if (by_tiles && !sum.data_->tiles) sum.data_->tiles = data_->tiles.no_gradient();
  for (const auto& share_of : kernels) sum.data_->tiles->add(factor, share_of);
  for (std::size_t g = 0; g < parts.size(); ++g) {
    if (!by_tiles)
      for (std::size_t l = 0; l < sum.data_->layers.size(); ++l)
        axpy<double>(factor, parts[g].kernels[l], sum.data_->layers[l]);
    axpy<double>(1, parts[g].profile, result.profile);
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
template RidgeGradients RidgeRegulariser<float>::vjp(ConstView<float>, const NoiseLevels&,
                                                     ConstView<float>, View<float>,
                                                     RidgeKernelSum<float>&, double) const;
template RidgeGradients RidgeRegulariser<double>::vjp(ConstView<double>, const NoiseLevels&,
                                                      ConstView<double>, View<double>,
                                                      RidgeKernelSum<double>&, double) const;
template class RidgeKernelSum<float>;
template class RidgeKernelSum<double>;

}  // namespace fejer
