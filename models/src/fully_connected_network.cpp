#include <fejer/models/fully_connected_network.hpp>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

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
}

}  // namespace

template <class T>
struct FullyConnectedNetwork<T>::Data {
  FullyConnectedParameters parameters;
  std::vector<Array<T>> weights, biases;
  std::vector<double> norms;
};

template <class T>
FullyConnectedNetwork<T>::FullyConnectedNetwork(FullyConnectedParameters parameters) {
  check(parameters);
  auto data = std::make_shared<Data>();
  for (std::size_t l = 0; l < parameters.weights.size(); ++l) {
    data->weights.push_back(detail::converted<T>(parameters.weights[l]));
    data->biases.push_back(detail::converted<T>(parameters.biases[l]));
    data->norms.push_back(spectral_norm(as_matrix(ConstView<double>(parameters.weights[l]))));
  }
  data->parameters = std::move(parameters);
  data_ = std::move(data);
}

template <class T>
void FullyConnectedNetwork<T>::values(ConstView<T> x, View<T> y) const {
  const Data& d = *data_;
  require_shape("FullyConnectedNetwork input", x.shape(), Shape{inputs(), x.shape().back(0)});
  require_shape("FullyConnectedNetwork output", y.shape(), Shape{outputs(), x.shape()[1]});
  const auto in = as_matrix(x);
  auto out = as_matrix(y);
  const T slope = static_cast<T>(d.parameters.slope);
  constexpr Index grain = 256;
  parallel_for(x.shape()[1], grain, [&](Index begin, Index end) {
    DenseMatrix<T> v = in.middleCols(begin, end - begin);
    for (std::size_t l = 0; l < d.weights.size(); ++l) {
      const auto& b = d.biases[l];
      DenseMatrix<T> u = product<T>(as_matrix(ConstView<T>(d.weights[l])), v);
      u.colwise() += flat(ConstView<T>(b)).matrix();
      if (l + 1 < d.weights.size() || d.parameters.activated_output) u = u.cwiseMax(slope * u);
      v.swap(u);
    }
    out.middleCols(begin, end - begin) = v;
  });
}

template <class T>
Index FullyConnectedNetwork<T>::inputs() const {
  return data_->weights.front().shape()[1];
}
template <class T>
Index FullyConnectedNetwork<T>::outputs() const {
  return data_->weights.back().shape()[0];
}
template <class T>
const std::vector<double>& FullyConnectedNetwork<T>::layer_norms() const {
  return data_->norms;
}
template <class T>
double FullyConnectedNetwork<T>::lipschitz_bound() const {
  return std::accumulate(data_->norms.begin(), data_->norms.end(), 1.0, std::multiplies<>());
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
};

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
}

}  // namespace

PrunedNetwork prune(const FullyConnectedParameters& parameters) {
  check(parameters);
  Layers n;
  for (std::size_t l = 0; l < parameters.weights.size(); ++l) {
    n.weights.emplace_back(as_matrix(ConstView<double>(parameters.weights[l])));
    n.biases.emplace_back(flat(ConstView<double>(parameters.biases[l])).matrix());
  }
  PrunedNetwork result;
  const std::size_t layers = n.weights.size();
  for (std::size_t l = 1; l < layers; ++l) {
    const std::vector<Index> kept = not_zero(n.weights[l - 1], WeightGroups::rows);
    for (Index i = 0, next = 0; i < n.weights[l].cols(); ++i) {
      if (next < static_cast<Index>(kept.size()) && kept[static_cast<std::size_t>(next)] == i) {
        ++next;
        continue;
      }
      const double u = n.biases[l - 1][i];
      n.biases[l] += n.weights[l].col(i) * std::max(u, parameters.slope * u);
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
    Array<double>& w = result.parameters.weights[l] =
        Array<double>(Shape{n.weights[l].rows(), n.weights[l].cols()});
    Array<double>& b = result.parameters.biases[l] = Array<double>(Shape{n.biases[l].size()});
    as_matrix(View<double>(w)) = n.weights[l];
    flat(View<double>(b)).matrix() = n.biases[l];
  }
  return result;
}

template class FullyConnectedNetwork<float>;
template class FullyConnectedNetwork<double>;

}  // namespace fejer
