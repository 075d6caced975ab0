#pragma once
/// The activations of 1-Lipschitz networks: pointwise ones, and two that act on groups of channels.
#include <string>
#include <vector>

#include <fejer/models/linear_spline.hpp>

namespace fejer {

/// Parameters of a layer with C channels:
///   relu, absolute  none
///   spline       (C, knots) values on equidistant knots, linear beyond
///   prelu        (C): x for x > 0, a x else
///   groupsort    none: every `group` neighbouring channels in ascending order, pixel by pixel
///                (Anil, Lucas, Grosse, ICML 2019)
///   householder  (C/2) angles theta: channels (i, i + C/2) = (x, y), where x sin(theta/2) >
///                y cos(theta/2), become (x cos theta + y sin theta, x sin theta - y cos theta)
///                (Singla, Singla, Feizi, ICLR 2022)
enum class Activation { relu, spline, absolute, prelu, groupsort, householder };

/// "relu", "spline", …, as above.
const std::string& to_string(Activation activation);
/// Throws ArgumentError for a name that is none of them.
Activation activation_named(const std::string& name);

struct ActivationOptions {
  double x_min = -1, x_max = 1;  ///< knots of splines
  Index group = 2;               ///< channels that groupsort sorts
};

/// Immutable. x, y of shape (C, ...).
template <class T>
class ActivationLayer {
 public:
  ActivationLayer(Activation kind, Index channels, const Array<double>& parameters,
                  const ActivationOptions& options = {});

  Activation kind() const { return kind_; }
  /// Shape of the parameters of a layer with this many channels; `knots` for splines.
  static Shape parameter_shape(Activation kind, Index channels, Index knots);

  void values(ConstView<T> x, View<T> y) const;
  /// gx: the gradient of <g, y> for x (gx may be g); that for the parameters is added to
  /// `parameters`, in an order that depends on shapes alone. At a kink it is the derivative of one
  /// side.
  void vjp(ConstView<T> x, ConstView<T> g, View<T> gx, View<double> parameters) const;
  /// 1, or the largest |slope| where there are slopes: |y(a) - y(b)| <= lipschitz() |a - b|.
  double lipschitz() const;

  /// Channels that are seen together (1 for pointwise activations), and the j-th of a group.
  Index group_size() const;
  Index groups() const { return channels_ / group_size(); }
  Index member(Index group, Index j) const;
  /// The same on n pixels of each channel of one group; y[j] may be x[j].
  void rows(Index group, const T* const* x, T* const* y, Index n) const;

 private:
  Activation kind_;
  Index channels_, group_;
  std::vector<double> parameters_;  // of prelu and householder
  std::vector<LinearSpline<T>> spline_;
};

extern template class ActivationLayer<float>;
extern template class ActivationLayer<double>;

}  // namespace fejer
