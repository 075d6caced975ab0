#include <fejer/algorithms/sparse_fit.hpp>

#include <cmath>
#include <utility>

#include <fejer/vector.hpp>

#include "column_blocks.hpp"

namespace fejer {

using detail::for_column_blocks;
using detail::RowMatrix;
using detail::sum_column_blocks;

SparseFit::SparseFit(Array<double> x, Array<double> y, SparseFitOptions options)
    : x_(std::move(x)), y_(std::move(y)), options_(std::move(options)) {
  const SparseFitOptions& o = options_;
  if (x_.shape().rank() != 2 || x_.size() == 0)
    throw ShapeError("SparseFit x: got " + to_string(x_.shape()) + ", expected (inputs, samples)");
  if (y_.shape().rank() != 2 || y_.size() == 0 || y_.shape()[1] != x_.shape()[1])
    throw ShapeError("SparseFit y: got " + to_string(y_.shape()) + ", expected (outputs, " +
                     std::to_string(x_.shape()[1]) + ")");
  if (!all_finite(x_) || !all_finite(y_))
    throw ArgumentError("SparseFit: the data have values that are not finite");
  if (!(o.slope >= 0 && o.slope < 1))
    throw ArgumentError("SparseFit: got slope " + std::to_string(o.slope) + ", expected [0, 1)");
  for (const double lambda : {o.lambda_w, o.lambda_b, o.lambda_v})
    if (!(lambda >= 0 && std::isfinite(lambda)))
      throw ArgumentError("SparseFit: got lambda " + std::to_string(lambda) +
                          ", expected 0 or more");
  widths_.push_back(x_.shape()[0]);
  for (const Index units : o.hidden) {
    if (units < 1)
      throw ArgumentError("SparseFit: got a hidden layer of " + std::to_string(units) +
                          " units, expected 1 or more");
    widths_.push_back(units);
  }
  widths_.push_back(y_.shape()[0]);
  check_groups();
  starts_.push_back(0);
  rows_.push_back(0);
  for (Index l = 1; l <= layers(); ++l) {
    starts_.push_back(starts_.back() + width(l) * (width(l - 1) + 1));
    rows_.push_back(rows_.back() + width(l));
  }
}

void SparseFit::check_groups() const {
  const std::vector<Index>& columns = options_.group_columns;
  if (columns.empty()) return;
  if (static_cast<Index>(columns.size()) != layers())
    throw ArgumentError("SparseFit group_columns: got " + std::to_string(columns.size()) +
                        " numbers, expected one for each of " + std::to_string(layers()) +
                        " layers");
  for (Index l = 1; l <= layers(); ++l) {
    const Index n = group_columns(l);
    const bool rows = options_.groups == WeightGroups::rows;
    if (n < 1 || width(l - 1) % n != 0 || (rows && n > 1))
      throw ArgumentError(
          "SparseFit group_columns of layer " + std::to_string(l) + ": got " + std::to_string(n) +
          ", expected " +
          (rows ? "1, as rows are the groups" : "a divisor of " + std::to_string(width(l - 1))));
  }
}

Index SparseFit::group_count(Index l) const {
  return options_.groups == WeightGroups::rows ? width(l) : width(l - 1) / group_columns(l);
}

WeightBlock SparseFit::group(Index l, Index g) const {
  if (options_.groups == WeightGroups::rows) return {g, 0, 1, width(l - 1)};
  return {0, g * group_columns(l), width(l), group_columns(l)};
}

Array<double> SparseFit::initial(const Rng& rng, double scale) const {
  Array<double> p(Shape{parameters()});
  for (Index l = 1; l <= layers(); ++l) {
    const View<double> w = weights(View<double>(p), l);
    fill_normal<double>(w, rng.stream("weight " + std::to_string(l)));
    fejer::scale<double>(w, scale * std::sqrt(2 / static_cast<double>(width(l - 1))));
  }
  return p;
}

void SparseFit::forward(ConstView<double> p, View<double> u, View<double> v) const {
  require_shape("SparseFit parameters", p.shape(), Shape{parameters()});
  for (const Shape& shape : {u.shape(), v.shape()})
    require_shape("SparseFit units", shape, Shape{units(), samples()});
  for_column_blocks(samples(), [&](Index begin, Index end) {
    const Index n = end - begin;
    for (Index l = 1; l <= layers(); ++l) {
      const auto w = as_matrix(weights(p, l));
      const auto b = flat(bias(p, l)).matrix();
      auto ul = as_matrix(layer(u, l)).middleCols(begin, n);
      auto vl = as_matrix(layer(v, l)).middleCols(begin, n);
      const ConstView<double> before =
          l == 1 ? ConstView<double>(x_) : ConstView<double>(layer(v, l - 1));
      ul = product<double>(w, as_matrix(before).middleCols(begin, n));
      ul.colwise() += b;
      if (l < layers() || options_.activated_output)
        vl = ul.cwiseMax(options_.slope * ul);
      else
        vl = ul;
    }
  });
}

void SparseFit::backward(ConstView<double> p, ConstView<double> u, ConstView<double> v,
                         View<double> gu) const {
  const double count = static_cast<double>(samples());
  for_column_blocks(samples(), [&](Index begin, Index end) {
    const Index n = end - begin;
    const auto columns = [&](ConstView<double> stacked, Index l) {
      return as_matrix(layer(stacked, l)).middleCols(begin, n);
    };
    for (Index l = layers(); l >= 1; --l) {
      auto g = as_matrix(layer(gu, l)).middleCols(begin, n);
      if (l == layers()) {
        g = (2 / count) * (columns(v, l) - as_matrix(ConstView<double>(y_)).middleCols(begin, n));
        if (!options_.activated_output) continue;
      } else {
        g = transposed_product<double>(as_matrix(weights(p, l + 1)),
                                       as_matrix(layer(gu, l + 1)).middleCols(begin, n));
        if (options_.lambda_v > 0) g += (2 * options_.lambda_v / count) * columns(v, l);
      }
      g = (columns(u, l).array() > 0).select(g, options_.slope * g);
    }
  });
}

double SparseFit::smooth_part(ConstView<double> v) const {
  const double count = static_cast<double>(samples());
  return sum_column_blocks(samples(), [&](Index begin, Index end) {
    const Index n = end - begin;
    double sum = (as_matrix(layer(v, layers())).middleCols(begin, n) -
                  as_matrix(ConstView<double>(y_)).middleCols(begin, n))
                     .squaredNorm();
    if (options_.lambda_v > 0)
      for (Index l = 1; l < layers(); ++l)
        sum += options_.lambda_v * as_matrix(layer(v, l)).middleCols(begin, n).squaredNorm();
    return sum / count;
  });
}

double SparseFit::regulariser(ConstView<double> p) const {
  double sum = 0;
  for (Index l = 1; l <= layers(); ++l) {
    const auto w = as_matrix(weights(p, l));
    double norms = 0;
    for (Index g = 0; g < group_count(l); ++g) norms += detail::part(w, group(l, g)).norm();
    sum += options_.lambda_w * norms + options_.lambda_b * flat(bias(p, l)).matrix().squaredNorm();
  }
  return sum;
}

double SparseFit::value(ConstView<double> p) const {
  Array<double> u(Shape{units(), samples()}), v(u.shape());
  forward(p, u, v);
  return smooth_part(v) + regulariser(p);
}

double SparseFit::value_and_gradient(ConstView<double> p, View<double> gradient) const {
  require_shape("SparseFit gradient", gradient.shape(), p.shape());
  Array<double> u(Shape{units(), samples()}), v(u.shape()), gu(u.shape());
  forward(p, u, v);
  backward(p, u, v, gu);
  for (Index l = 1; l <= layers(); ++l) {
    const auto delta = as_matrix(layer(ConstView<double>(gu), l));
    const auto before =
        as_matrix(l == 1 ? ConstView<double>(x_) : layer(ConstView<double>(v), l - 1));
    const auto w = as_matrix(weights(p, l));
    auto gw = as_matrix(weights(gradient, l));
    gw = sum_column_blocks(samples(), [&](Index begin, Index end) {
      return product_transposed<double>(delta.middleCols(begin, end - begin),
                                        before.middleCols(begin, end - begin));
    });
    for (Index g = 0; g < group_count(l); ++g) {
      const auto group_weights = detail::part(w, group(l, g));
      const double norm = group_weights.norm();
      if (norm > 0) detail::part(gw, group(l, g)) += (options_.lambda_w / norm) * group_weights;
    }
    flat(bias(gradient, l)).matrix() =
        sum_column_blocks(
            samples(),
            [&](Index begin, Index end) {
              return Eigen::VectorXd(delta.middleCols(begin, end - begin).rowwise().sum());
            }) +
        2 * options_.lambda_b * flat(bias(p, l)).matrix();
  }
  return smooth_part(v) + regulariser(p);
}

}  // namespace fejer
