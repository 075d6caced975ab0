#include <fejer/models/fully_connected_network.hpp>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <utility>

#include <fejer/algorithms/eigenvalues.hpp>
#include <fejer/algorithms/matrix_product.hpp>
#include <fejer/eigen.hpp>
#include <fejer/parallel.hpp>

#include "converted.hpp"

namespace fejer {
namespace {

using RowMatrix = DenseMatrix<double>;

void check(const FullyConnectedParameters& p) {
  if (p.weights.empty() || p.biases.size() != p.weights.size())
    throw ArgumentError("FullyConnectedNetwork: got " + std::to_string(p.weights.size()) +
                        " weights and " + std::to_string(p.biases.size()) +
                        " biases, expected one of each a layer");
  if (!(p.slope >= 0 && p.slope < 1))
    throw ArgumentError("FullyConnectedNetwork: got slope " + std::to_string(p.slope) +
                        ", expected [0, 1)");
  for (std::size_t l = 0; l < p.weights.size(); ++l) {
    const Shape& s = p.weights[l].shape();
    const bool fits = l == 0 || (s.rank() == 2 && s[1] == p.weights[l - 1].shape()[0]);
    if (s.rank() != 2 || s.size() == 0 || !fits)
      throw ShapeError("FullyConnectedNetwork weights of layer " + std::to_string(l) + ": got " +
                       to_string(s) + ", expected (out, " +
                       (l == 0 ? "in" : std::to_string(p.weights[l - 1].shape()[0])) + ")");
    require_shape("FullyConnectedNetwork bias", p.biases[l].shape(), Shape{s[0]});
  }
  if (!p.splines.empty() && p.splines.size() != p.activated())
    throw ArgumentError("FullyConnectedNetwork: got " + std::to_string(p.splines.size()) +
                        " layers of splines, expected " + std::to_string(p.activated()) +
                        ", one for each activated layer");
  for (std::size_t l = 0; l < p.splines.size(); ++l) {
    const Shape& s = p.splines[l].shape();
    const Index units = p.weights[l].shape()[0];
    if (s.rank() != 2 || (s[0] != 1 && s[0] != units))
      throw ShapeError("FullyConnectedNetwork splines of layer " + std::to_string(l) + ": got " +
                       to_string(s) + ", expected (" + std::to_string(units) +
                       ", knots) or (1, knots)");
  }
}

template <class T>
std::vector<LinearSpline<T>> splines_of(const FullyConnectedParameters& p) {
  std::vector<LinearSpline<T>> splines;
  for (const auto& values : p.splines) splines.emplace_back(values, p.x_min, p.x_max);
  return splines;
}

}  // namespace

template <class T>
FullyConnectedLayers<T>::FullyConnectedLayers(const FullyConnectedParameters& parameters)
    : slope(static_cast<T>(parameters.slope)) {
  check(parameters);
  splines = splines_of<T>(parameters);
  activated = parameters.activated();
  for (const auto& w : parameters.weights) weights.push_back(detail::converted<T>(w));
  for (const auto& b : parameters.biases) biases.push_back(detail::converted<T>(b));
}

template <class T>
Array<T> FullyConnectedLayers<T>::linear(std::size_t l, ConstView<T> x) const {
  Array<T> result(Shape{weights[l].shape()[0], x.shape()[1]});
  auto u = as_matrix(View<T>(result));
  u = product<T>(as_matrix(ConstView<T>(weights[l])), as_matrix(x));
  u.colwise() += flat(ConstView<T>(biases[l])).matrix();
  return result;
}

template <class T>
void FullyConnectedLayers<T>::activate(std::size_t l, ConstView<T> u, View<T> v) const {
  if (splines.empty())
    flat(v) = flat(u).max(slope * flat(u));
  else
    splines[l].values(u, v);
}

template <class T>
struct FullyConnectedNetwork<T>::Data {
  FullyConnectedParameters parameters;
  FullyConnectedLayers<T> layers;
  std::vector<double> norms, slopes;
};

template <class T>
FullyConnectedNetwork<T>::FullyConnectedNetwork(FullyConnectedParameters parameters) {
  FullyConnectedLayers<T> layers(parameters);
  std::vector<double> norms, slopes(parameters.activated(), 1.0);
  for (const auto& w : parameters.weights)
    norms.push_back(spectral_norm(as_matrix(ConstView<double>(w))));
  for (std::size_t l = 0; l < layers.splines.size(); ++l)
    slopes[l] = std::max(layers.splines[l].max_slope(), -layers.splines[l].min_slope());
  data_ = std::make_shared<const Data>(
      Data{std::move(parameters), std::move(layers), std::move(norms), std::move(slopes)});
}

template <class T>
void FullyConnectedNetwork<T>::values(ConstView<T> x, View<T> y) const {
  const FullyConnectedLayers<T>& layers = data_->layers;
  require_shape("FullyConnectedNetwork input", x.shape(), Shape{inputs(), x.shape().back(0)});
  require_shape("FullyConnectedNetwork output", y.shape(), Shape{outputs(), x.shape()[1]});
  const auto in = as_matrix(x);
  auto out = as_matrix(y);
  constexpr Index grain = 256;
  parallel_for(x.shape()[1], grain, [&](Index begin, Index end) {
    Array<T> v(Shape{in.rows(), end - begin});
    as_matrix(View<T>(v)) = in.middleCols(begin, end - begin);
    for (std::size_t l = 0; l < layers.size(); ++l) {
      v = layers.linear(l, v);
      if (l < layers.activated) layers.activate(l, v, v);
    }
    out.middleCols(begin, end - begin) = as_matrix(ConstView<T>(v));
  });
}

template <class T>
Index FullyConnectedNetwork<T>::inputs() const {
  return data_->layers.weights.front().shape()[1];
}
template <class T>
Index FullyConnectedNetwork<T>::outputs() const {
  return data_->layers.weights.back().shape()[0];
}
template <class T>
const std::vector<double>& FullyConnectedNetwork<T>::layer_norms() const {
  return data_->norms;
}
template <class T>
const std::vector<double>& FullyConnectedNetwork<T>::activation_slopes() const {
  return data_->slopes;
}
template <class T>
double FullyConnectedNetwork<T>::lipschitz_bound() const {
  double bound = 1;
  for (const double norm : data_->norms) bound *= norm;
  for (const double slope : data_->slopes) bound *= slope;
  return bound;
}
template <class T>
const FullyConnectedParameters& FullyConnectedNetwork<T>::parameters() const {
  return data_->parameters;
}

Array<double> group_norms(ConstView<double> w, WeightGroups groups) {
  const auto m = as_matrix(w);
  const bool columns = groups == WeightGroups::columns;
  Array<double> norms(Shape{columns ? m.cols() : m.rows()});
  for (Index i = 0; i < norms.size(); ++i) norms[i] = columns ? m.col(i).norm() : m.row(i).norm();
  return norms;
}

namespace {

template <class M>
bool is_zero(const M& w, WeightGroups groups, Index i) {
  return groups == WeightGroups::columns ? (w.col(i).array() == 0).all()
                                         : (w.row(i).array() == 0).all();
}

}  // namespace

double zero_groups(ConstView<double> w, WeightGroups groups) {
  const auto m = as_matrix(w);
  const Index count = groups == WeightGroups::columns ? m.cols() : m.rows();
  Index zeros = 0;
  for (Index i = 0; i < count; ++i) zeros += is_zero(m, groups, i);
  return static_cast<double>(zeros) / static_cast<double>(count);
}

namespace {

/// A network whose units come and go.
struct Layers {
  std::vector<RowMatrix> weights;
  std::vector<Eigen::VectorXd> biases;
  std::vector<RowMatrix> splines;
};

Array<double> as_array(const RowMatrix& m) {
  Array<double> array(Shape{m.rows(), m.cols()});
  as_matrix(View<double>(array)) = m;
  return array;
}

std::vector<Index> not_zero(const RowMatrix& w, WeightGroups groups) {
  const Index count = groups == WeightGroups::columns ? w.cols() : w.rows();
  std::vector<Index> kept;
  for (Index i = 0; i < count; ++i)
    if (!is_zero(w, groups, i)) kept.push_back(i);
  if (kept.empty()) kept.push_back(0);
  return kept;
}

/// Keeps these units between layers l - 1 and l.
void keep_units(Layers& n, std::size_t l, const std::vector<Index>& kept) {
  n.weights[l] = RowMatrix(n.weights[l](Eigen::all, kept));
  if (l == 0) return;
  n.weights[l - 1] = RowMatrix(n.weights[l - 1](kept, Eigen::all));
  n.biases[l - 1] = Eigen::VectorXd(n.biases[l - 1](kept));
  if (l <= n.splines.size() && n.splines[l - 1].rows() > 1)
    n.splines[l - 1] = RowMatrix(n.splines[l - 1](kept, Eigen::all));
}

}  // namespace

PrunedNetwork prune(const FullyConnectedParameters& parameters) {
  check(parameters);
  Layers n;
  for (std::size_t l = 0; l < parameters.weights.size(); ++l) {
    n.weights.emplace_back(as_matrix(ConstView<double>(parameters.weights[l])));
    n.biases.emplace_back(flat(ConstView<double>(parameters.biases[l])).matrix());
  }
  for (const auto& f : parameters.splines) n.splines.emplace_back(as_matrix(ConstView<double>(f)));
  const std::vector<LinearSpline<double>> splines = splines_of<double>(parameters);
  const auto activation = [&](std::size_t l, Index unit, double u) {
    return splines.empty() ? std::max(u, parameters.slope * u) : splines[l].value(unit, u);
  };
  PrunedNetwork result;
  const std::size_t layers = n.weights.size();
  for (std::size_t l = 1; l < layers; ++l) {
    const std::vector<Index> kept = not_zero(n.weights[l - 1], WeightGroups::rows);
    for (Index i = 0, next = 0; i < n.weights[l].cols(); ++i) {
      if (next < static_cast<Index>(kept.size()) && kept[static_cast<std::size_t>(next)] == i) {
        ++next;
        continue;
      }
      n.biases[l] += n.weights[l].col(i) * activation(l - 1, i, n.biases[l - 1][i]);
    }
    keep_units(n, l, kept);
  }
  for (std::size_t l = layers; l-- > 0;) {
    const std::vector<Index> kept = not_zero(n.weights[l], WeightGroups::columns);
    keep_units(n, l, kept);
    if (l == 0) result.inputs = kept;
  }
  result.parameters = parameters;
  for (std::size_t l = 0; l < layers; ++l) {
    Array<double>& b = result.parameters.biases[l] = Array<double>(Shape{n.biases[l].size()});
    result.parameters.weights[l] = as_array(n.weights[l]);
    flat(View<double>(b)).matrix() = n.biases[l];
  }
  for (std::size_t l = 0; l < n.splines.size(); ++l)
    result.parameters.splines[l] = as_array(n.splines[l]);
  return result;
}

template struct FullyConnectedLayers<float>;
template struct FullyConnectedLayers<double>;
template class FullyConnectedNetwork<float>;
template class FullyConnectedNetwork<double>;

}  // namespace fejer
