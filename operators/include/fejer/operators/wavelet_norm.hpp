#pragma once
#include <vector>

#include <fejer/operators/wavelet.hpp>

namespace fejer {

/// Which coefficients at one place of one level share a group: those of all channels, those of the
/// three orientations (not of the coarse band, which has one), both, or none.
struct WaveletGroups {
  bool channels = false, orientations = false;
};

/// Weighted mixed norm of wavelet coefficients, the prior of Davy, Briceno-Arias, Pustelnik
/// (arXiv 2506.13239):
///   g(u) = sum over groups G of sqrt(sum_{i in G} (d_i u_i)^2),
/// d > 0 one weight for each band of each plane. Without groups: sum d_i |u_i|. Shapes: u (H,W),
/// (C,H,W), or (M,C,H,W) for M bases, which share no group; weights (planes, bands).
///
/// prox_{gamma g}(v), for each group: u_i = s v_i / (s + gamma d_i^2), 0 where
/// sum v_i^2 / (gamma d_i)^2 <= 1, else s > 0 with sum (d_i v_i / (s + gamma d_i^2))^2 = 1, by
/// Newton's method on the reciprocal of the root of that sum: concave, so that the iterates rise to
/// s, and linear where the weights of the group are equal (u = (1 - gamma d / |v|)_+ v). There is
/// no change of variables, hence no step size that depends on the weights.
/// Cost: one pass; where weights within groups differ, a few divisions a coefficient.
template <class T>
class WaveletNorm {
 public:
  /// Throws ShapeError for bands that do not fit, for weights of another shape, and for groups of
  /// orientations whose bands differ in size (H or W no multiple of 2^levels); ArgumentError unless
  /// all weights are above 0 and finite.
  WaveletNorm(const std::vector<WaveletBand>& bands, const Shape& coefficients,
              WaveletGroups groups, Array<double> weights);

  void prox(ConstView<T> v, double gamma, View<T> out) const;
  double value(ConstView<T> u) const;
  /// vbar = (d prox / d v)^T ubar; adds (d prox / d log d)^T ubar to log_weights (unless null), of
  /// the shape of the weights. Exact wherever no group lies on the edge of being 0.
  void prox_vjp(ConstView<T> v, double gamma, ConstView<T> ubar, View<T> vbar,
                Array<double>* log_weights) const;
  const Array<double>& weights() const { return weights_; }

 private:
  struct Member {
    Index first, weight;  ///< coefficient of the upper left place; index among the weights
  };
  struct Block {  ///< bands that share their groups
    Index rows, columns;
    std::vector<Member> members;
    bool equal;  ///< weights
  };
  struct Line {
    Index block, row;
  };
  void prox_line(const Block& block, Index row, ConstView<T> v, double gamma, View<T> out) const;
  void vjp_line(const Block& block, Index row, ConstView<T> v, double gamma, ConstView<T> ubar,
                View<T> vbar, double* sums) const;
  Index grain() const;

  Shape shape_;
  Array<double> weights_;
  std::vector<Block> blocks_;
  std::vector<Line> lines_;
};

/// Planes of an array (H,W), (C,H,W) or (M,C,H,W): the first length of its weights.
Index wavelet_planes(const Shape& coefficients);

}  // namespace fejer
