#include <fejer/models/ridge_hessian.hpp>

#include "ridge_data.hpp"

namespace fejer {

using detail::Extent;
using detail::PaddedPlanes;

template <class T>
struct RidgeHessian<T>::Data {
  using Model = typename RidgeRegulariser<T>::Data;
  std::shared_ptr<const Model> model;
  Array<T> x;
  Array<double> alpha;  // (planes, C)
  Index planes = 0;
  Extent size;
  RidgeEvaluation how = RidgeEvaluation::layers;
  Array<T> slopes;  // by layers (planes, C, H, W), by tiles (batch, C, row, column, lane)

  void keep_by_layers();
  void keep_by_tiles();
  void apply_by_layers(const T* v, T* out) const;
  void apply_by_tiles(const T* v, T* out) const;
  /// Of the row's first slope.
  Index place(const detail::TileRow<T>& r) const {
    return ((r.batch * model->channels() + r.channel) * r.rows + r.y) * r.columns * r.lanes;
  }
};

template <class T>
void RidgeHessian<T>::Data::keep_by_layers() {
  const Index count = model->channels(), pixels = size.rows * size.columns;
  slopes = Array<T>(Shape{planes, count, size.rows, size.columns});
  for (Index i = 0; i < planes; ++i) {
    const auto take_slopes = [&](Index c, Index, T* row) {
      model->to_slopes(c, alpha[i * count + c], size.columns, row);
    };
    const typename Model::RowDone keep(take_slopes);
    model->convolutions().apply(detail::planes<const T>(x.data() + i * pixels, 1, size),
                                detail::planes(slopes.data() + i * count * pixels, count, size),
                                &keep);
  }
}

template <class T>
void RidgeHessian<T>::Data::apply_by_layers(const T* v, T* out) const {
  const auto& w = model->convolutions();
  const Index count = model->channels(), pixels = size.rows * size.columns;
  for (Index i = 0; i < planes; ++i) {
    PaddedPlanes<T> z(count, size, w.adjoint_border(w.layers()));
    const auto times_slopes = [&](Index c, Index y, T* row) {
      const T* const s = slopes.data() + (i * count + c) * pixels + y * size.columns;
      for (Index k = 0; k < size.columns; ++k) row[k] *= s[k];
    };
    const typename Model::RowDone multiply(times_slopes);
    w.apply(detail::planes<const T>(v + i * pixels, 1, size), z.window(), &multiply);
    w.apply_adjoint(z.window(), detail::planes(out + i * pixels, 1, size));
  }
}

template <class T>
void RidgeHessian<T>::Data::keep_by_tiles() {
  const auto cut = model->tiles.cut(planes, size);
  slopes =
      Array<T>(Shape{cut.batches, model->channels(), cut.inner.rows, cut.inner.columns, cut.lanes});
  T* const to = slopes.data();
  const auto keep = [&](const detail::TileRow<T>& r) { model->scale_to_slopes(r, to + place(r)); };
  model->tiles.run({.x = x.data(), .alpha = alpha.data(), .row = keep}, planes, size);
}

template <class T>
void RidgeHessian<T>::Data::apply_by_tiles(const T* v, T* out) const {
  const auto& run = detail::kernels<T>();
  const auto multiply = [&](const detail::TileRow<T>& r) {
    run.multiply(slopes.data() + place(r), r.columns * r.lanes, r.z);
  };
  model->tiles.run({.x = v, .alpha = alpha.data(), .row = multiply, .out = out}, planes, size);
}

template <class T>
RidgeHessian<T>::RidgeHessian(const RidgeRegulariser<T>& model, ConstView<T> x,
                              const NoiseLevels& sigma) {
  auto data = std::make_shared<Data>();
  data->model = model.data_;
  data->planes = detail::count_planes("RidgeHessian", x.shape(), data->size);
  detail::require_levels("RidgeHessian", x.shape(), sigma);
  data->x = Array<T>(x);
  data->alpha = Array<double>(Shape{data->planes, model.channels()});
  data->model->fill_scaling(sigma, data->planes, data->alpha.data());
  data->how = data->model->choose(model.evaluation_, data->size);
  if (data->how == RidgeEvaluation::tiles)
    data->keep_by_tiles();
  else
    data->keep_by_layers();
  data_ = std::move(data);
}

template <class T>
void RidgeHessian<T>::apply(ConstView<T> v, View<T> out) const {
  require_shape("RidgeHessian direction", v.shape(), data_->x.shape());
  require_shape("RidgeHessian output", out.shape(), data_->x.shape());
  if (data_->how == RidgeEvaluation::tiles)
    data_->apply_by_tiles(v.data(), out.data());
  else
    data_->apply_by_layers(v.data(), out.data());
}

template class RidgeHessian<float>;
template class RidgeHessian<double>;

}  // namespace fejer
