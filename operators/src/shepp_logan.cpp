#include <fejer/operators/shepp_logan.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fejer/parallel.hpp>

#include "text.hpp"

namespace fejer {
namespace {

constexpr Index points = 8;  ///< per pixel and axis

/// u, v in units of the half axes: u = ux x + uy y + u0, and so v.
struct Turned {
  double value, ux, uy, u0, vx, vy, v0;
  explicit Turned(const Ellipse& e) : value(e.value) {
    const double c = std::cos(e.angle), s = std::sin(e.angle);
    ux = c / e.a, uy = s / e.a, u0 = -(e.x * c + e.y * s) / e.a;
    vx = -s / e.b, vy = c / e.b, v0 = (e.x * s - e.y * c) / e.b;
  }
};

/// Sum of the values of the ellipses that hold the point.
double value_at(const std::vector<Turned>& ellipses, double x, double y) {
  double sum = 0;
  for (const Turned& e : ellipses) {
    const double u = e.ux * x + e.uy * y + e.u0, v = e.vx * x + e.vy * y + e.v0;
    if (u * u + v * v <= 1) sum += e.value;
  }
  return sum;
}

}  // namespace

std::vector<Ellipse> shepp_logan_ellipses() {
  const double tilt = std::numbers::pi / 10;
  return {{1.0, 0.69, 0.92, 0, 0, 0},         {-0.8, 0.6624, 0.874, 0, -0.0184, 0},
          {-0.2, 0.11, 0.31, 0.22, 0, -tilt}, {-0.2, 0.16, 0.41, -0.22, 0, tilt},
          {0.1, 0.21, 0.25, 0, 0.35, 0},      {0.1, 0.046, 0.046, 0, 0.1, 0},
          {0.1, 0.046, 0.046, 0, -0.1, 0},    {0.1, 0.046, 0.023, -0.08, -0.605, 0},
          {0.1, 0.023, 0.023, 0, -0.606, 0},  {0.1, 0.023, 0.046, 0.06, -0.605, 0}};
}

template <class T>
Array<T> draw_ellipses(const std::vector<Ellipse>& ellipses, Index H, Index W, double pixel_size) {
  if (H < 1 || W < 1 || !(pixel_size > 0))
    throw ArgumentError(text("draw_ellipses: got ", H, "x", W, " pixels of ", pixel_size,
                             ", expected at least one of positive size"));
  const std::vector<Turned> turned(ellipses.begin(), ellipses.end());
  Array<T> image(Shape{1, H, W});
  const auto position = [=](Index pixel, Index point, Index n) {
    const double inside = (static_cast<double>(point) + 0.5) / static_cast<double>(points);
    return (static_cast<double>(pixel) + inside - static_cast<double>(n) / 2) * pixel_size;
  };
  parallel_for(H, 4, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      for (Index j = 0; j < W; ++j) {
        double sum = 0;
        for (Index p = 0; p < points; ++p)
          for (Index q = 0; q < points; ++q)
            sum += value_at(turned, position(j, q, W), -position(i, p, H));
        image[i * W + j] = static_cast<T>(sum / static_cast<double>(points * points));
      }
    }
  });
  return image;
}

template <class T>
Array<T> shepp_logan(Index N) {
  if (N < 1) throw ArgumentError(text("shepp_logan: got N = ", N, ", expected at least 1"));
  Array<T> image = draw_ellipses<T>(shepp_logan_ellipses(), N, N, 2 / static_cast<double>(N));
  for (T& value : image) value = std::clamp(value, T(0), T(1));  // 1 - 0.8 - 0.2 rounds below 0
  return image;
}

template <class T>
Array<T> ellipse_sinogram(const std::vector<Ellipse>& ellipses,
                          const TomographyGeometry& geometry) {
  const auto views = static_cast<Index>(geometry.angles_rad.size());
  Array<T> sinogram(Shape{1, views, geometry.detectors});
  for (Index v = 0; v < views; ++v) {
    for (Index d = 0; d < geometry.detectors; ++d) {
      const TomographyRay ray = tomography_ray(geometry, v, d);
      double sum = 0;
      for (const Ellipse& e : ellipses) {
        const double c = std::cos(e.angle), s = std::sin(e.angle);
        const double r =
            std::hypot(e.a * (ray.nx * c + ray.ny * s), e.b * (ray.ny * c - ray.nx * s));
        const double t = ray.s - ray.nx * e.x - ray.ny * e.y;
        if (std::abs(t) < r) sum += e.value * 2 * e.a * e.b * std::sqrt(r * r - t * t) / (r * r);
      }
      sinogram[v * geometry.detectors + d] = static_cast<T>(sum);
    }
  }
  return sinogram;
}

template Array<float> draw_ellipses(const std::vector<Ellipse>&, Index, Index, double);
template Array<double> draw_ellipses(const std::vector<Ellipse>&, Index, Index, double);
template Array<float> shepp_logan(Index);
template Array<double> shepp_logan(Index);
template Array<float> ellipse_sinogram(const std::vector<Ellipse>&, const TomographyGeometry&);
template Array<double> ellipse_sinogram(const std::vector<Ellipse>&, const TomographyGeometry&);

}  // namespace fejer
