#pragma once
#include <mutex>

#include <fejer/models/ridge.hpp>

#include "linear_spline_data.hpp"
#include "multi_convolution_data.hpp"

namespace fejer {

template <class T>
struct RidgeRegulariser<T>::Data {
  RidgeParameters parameters;
  MultiConvolution<T> filters;                        // divided by the root of L
  LinearSpline<T> profile;                            // times the weight
  std::optional<LinearSpline<double>> log_scaling{};  // of g = 255 sigma
  mutable std::once_flag once{};
  mutable Bound proven{}, weak{};
  void compute_proven_bounds() const;

  Data(const RidgeParameters& p, MultiConvolution<T> w, LinearSpline<T> f)
      : parameters(p), filters(std::move(w)), profile(std::move(f)) {}

  using Convolutions = typename MultiConvolution<T>::Data;
  using RowDone = typename Convolutions::RowDone;
  const Convolutions& convolutions() const { return *filters.data_; }
  const typename LinearSpline<T>::Data& spline() const { return *profile.data_; }
  Index channels() const { return filters.out_channels(); }
  void fill_scaling(double sigma, double* alpha) const;

  /// Value and, unless `out` is null, gradient of one plane.
  double evaluate(const T* x, const double* alpha, T* out, bool want_value,
                  detail::Extent size) const;
  void hessian(const T* x, const double* alpha, const T* v, T* out, detail::Extent size) const;
};

}  // namespace fejer
