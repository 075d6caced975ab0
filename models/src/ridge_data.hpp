#pragma once
#include <mutex>

#include <fejer/models/ridge.hpp>

#include "linear_spline_data.hpp"
#include "multi_convolution_data.hpp"
#include "ridge_tiles.hpp"

namespace fejer {

namespace detail {

/// Height and width of the last two axes, and the number of planes.
Index count_planes(const char* where, const Shape& shape, Extent& size);
/// Throws ShapeError unless there is one level, or one for each entry of the first axis.
void require_levels(const char* where, const Shape& shape, const NoiseLevels& sigma);

}  // namespace detail

template <class T>
struct RidgeRegulariser<T>::Data {
  RidgeParameters parameters;
  MultiConvolution<T> filters;                        // divided by the root of L
  LinearSpline<T> profile;                            // times the weight
  std::optional<LinearSpline<double>> log_scaling{};  // of g = 255 sigma
  mutable std::once_flag once{};
  mutable Bound proven{}, weak{};
  void compute_proven_bounds() const;

  using Tiles = detail::RidgeTiles<T>;
  Tiles tiles;

  Data(const RidgeParameters& p, MultiConvolution<T> w, LinearSpline<T> f);

  using Convolutions = typename MultiConvolution<T>::Data;
  using RowDone = typename Convolutions::RowDone;
  const Convolutions& convolutions() const { return *filters.data_; }
  const typename LinearSpline<T>::Data& spline() const { return *profile.data_; }
  Index channels() const { return filters.out_channels(); }
  void fill_scaling(double sigma, double* alpha) const;
  /// alpha (planes, C).
  void fill_scaling(const NoiseLevels& sigma, Index planes, double* alpha) const;

  /// What there is to compute of some planes x.
  struct Job {
    const double* alpha;  ///< (planes, C)
    const T* x;
    const T* v = nullptr;  ///< with it: out = Hess R(x) v
    T* out = nullptr;      ///< without: the value only
    bool want_value = false;
    Job from(Index plane, Index channels, Index pixels) const {
      const Index at = plane * pixels;
      return {alpha + plane * channels, x + at, v != nullptr ? v + at : nullptr,
              out != nullptr ? out + at : nullptr, want_value};
    }
  };
  /// `layers` or `tiles`.
  RidgeEvaluation choose(RidgeEvaluation wanted, detail::Extent size) const;
  /// The value (0 unless wanted); by tiles or layer by layer.
  double run(const Job& job, Index planes, detail::Extent size, RidgeEvaluation how) const;

  /// Gradients of the `planes` (at most `group`) images of a job, in the layout of
  /// RidgeGradients with (planes, C) scalings.
  static constexpr Index group = 8;
  void add_vjp_by_layers(const Job& job, Index planes, detail::Extent size,
                         RidgeGradients& sums) const;
  /// What is for the kernels goes to `kernels`.
  void add_vjp_by_tiles(const Job& job, Index planes, detail::Extent size,
                        typename Tiles::Gradient& kernels, RidgeGradients& sums) const;
  RidgeGradients no_gradients(Index planes) const;

  /// phi'(alpha z) in the place of a row z.
  void to_slopes(Index channel, double alpha, Index n, T* row) const;
  /// phi'(alpha z) of tiles, in z too if that is where they go.
  void scale_to_slopes(const detail::TileRow<T>& row, T* slopes) const;

 private:
  /// `cells`: sums of LinearSpline::Data::add_sums of each channel of one image.
  void add_cells(const double* alpha, const double* cells, RidgeGradients& sums) const;
  void add_levels(const Job& job, detail::Extent size, double* scaling, RidgeGradients& sums) const;
  double by_layers(const Job& job, detail::Extent size) const;
  void hessian_by_layers(const Job& job, detail::Extent size) const;
  double by_tiles(const Job& job, Index planes, detail::Extent size) const;
  /// Adds the potentials of each tile to `values`.
  void add_potentials(const Job& job, const detail::TileRow<T>& row, Index tiles_per_plane,
                      double* values) const;
  /// psi over a row, and phi in its place unless `out` is null.
  double finish(const Job& job, Index channel, Index n, T* row) const;
};

}  // namespace fejer
