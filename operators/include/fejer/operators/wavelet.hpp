#pragma once
#include <vector>

#include <fejer/linear_operator.hpp>
#include <fejer/operators/wavelet_filters.hpp>

namespace fejer {

/// Where the coefficients of one kind lie: rows [row, row + rows), columns [column, column +
/// columns) of every plane. May be empty.
struct WaveletBand {
  enum class Kind {
    coarse,
    columns,   ///< differences along the columns' index, means down the rows: upright edges
    rows,      ///< differences down the rows, means along the columns
    diagonal,  ///< differences in both
  };
  Index level;  ///< 1 is the finest; of coarse: the last
  Kind kind;
  Index row, column, rows, columns;
};

/// Coefficients in an orthonormal wavelet basis, W^T W = W W^T = 1 at every size. A level takes n =
/// 2N samples of an axis to
///   coarse_k = sum_j h_j x_(2k+j mod n),  detail_k = sum_j (-1)^j h_(L-1-j) x_(2k+j mod n),
/// k < N, h a filter of L values, along the columns' index, then down the rows, and the next level
/// takes the coarse samples. Where n is odd, the last sample joins the coarse ones as it is; one
/// sample alone stays. `moments` = 1 is the Haar basis. Shapes: x, y (H,W) or (C,H,W), the bands of
/// a plane side by side, the coarse one in the upper left corner. Cost: about 5.5 L multiply-adds a
/// pixel. The adjoint is the inverse. Norm 1.
template <class X>
class Wavelet {
 public:
  using Domain = X;
  using Range = X;
  /// Any filter of wavelet_filters.hpp. Throws ArgumentError for filters that are not orthonormal,
  /// and unless levels >= 1, ShapeError for other ranks.
  Wavelet(const std::vector<double>& filter, Index levels, const Shape& image);
  /// Daubechies' filters. Throws ArgumentError unless 1 <= moments <= 10 and levels >= 1,
  /// ShapeError for other ranks.
  Wavelet(Index moments, Index levels, const Shape& image);
  const Shape& domain() const { return image_; }
  const Shape& range() const { return image_; }
  void apply(ConstView<X> x, View<X> y) const;
  void apply_adjoint(ConstView<X> y, View<X> x) const;
  NormInterval norm_interval() const;

  /// The coarse band, then columns, rows and diagonal from the coarsest level to the finest:
  /// always 1 + 3 levels of them.
  const std::vector<WaveletBand>& bands() const { return bands_; }
  /// One value for each band, at every one of its coefficients.
  Array<Real<X>> spread(ConstView<double> values) const;
  /// Its adjoint: the sums over the bands, each in a fixed order.
  Array<double> gather(ConstView<Real<X>> coefficients) const;

 private:
  struct Level {
    Index rows, columns;  // of what it takes apart
  };
  Shape image_;
  std::vector<Level> levels_;
  std::vector<WaveletBand> bands_;
  std::vector<Real<X>> low_, high_;
};

}  // namespace fejer
