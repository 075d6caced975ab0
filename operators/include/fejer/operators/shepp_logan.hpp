#pragma once
#include <vector>

#include <fejer/array.hpp>
#include <fejer/operators/tomography.hpp>

namespace fejer {

/// `value` on the points inside: the ellipse with half axes a, b about (x, y), turned
/// counter-clockwise by `angle` radians. Any unit of length; x to the right, y up.
struct Ellipse {
  double value, a, b, x, y, angle;
};

/// The ten ellipses of the modified Shepp-Logan head (contrast as in P. Toft, The Radon Transform,
/// thesis, DTU 1996, table B.3), in [-1,1]^2.
std::vector<Ellipse> shepp_logan_ellipses();

/// Sum of ellipses on an (1,H,W) image whose pixels are squares of `pixel_size` about the origin
/// (as in TomographyGeometry): mean over 8 x 8 points of every pixel.
template <class T>
Array<T> draw_ellipses(const std::vector<Ellipse>& ellipses, Index H, Index W, double pixel_size);

/// The modified Shepp-Logan phantom (1,N,N), values in [0,1], covering [-1,1]^2 (pixel 2/N).
template <class T>
Array<T> shepp_logan(Index N);

/// Exact line integrals (1, views, detectors): for an ellipse, 2 a b sqrt(r^2 - t^2) / r^2 at
/// distance t from its centre, r the half width of its shadow. Lengths in the geometry's unit.
template <class T>
Array<T> ellipse_sinogram(const std::vector<Ellipse>& ellipses, const TomographyGeometry& geometry);

}  // namespace fejer
