#include <cmath>

#include <fejer/operators/tomography.hpp>

#include "text.hpp"

namespace fejer {
namespace {

void require_geometry(bool condition, const std::string& message) {
  if (!condition) throw ArgumentError("TomographyGeometry: " + message);
}

void require_positive(double value, const char* name) {
  require_geometry(value > 0 && std::isfinite(value),
                   text("got ", name, " = ", value, ", expected a positive length"));
}

}  // namespace

void require_valid(const TomographyGeometry& g, const Shape& image) {
  if (image.rank() != 3 || image.size() == 0)
    throw ShapeError(text("Tomography: got an image ", to_string(image),
                          ", expected (C,H,W) with at least one pixel"));
  require_geometry(!g.angles_rad.empty(), "got no angle, expected at least one (angles_rad)");
  for (const double angle : g.angles_rad)
    require_geometry(std::isfinite(angle),
                     text("got the angle ", angle, ", expected a finite one in radians"));
  require_geometry(g.detectors >= 1,
                   text("got ", g.detectors, " detectors, expected at least one"));
  require_positive(g.pitch, "pitch");
  require_positive(g.pixel_size, "pixel_size");
  require_geometry(std::isfinite(g.centre_index()), "got a centre that is not finite");
  if (g.kind == TomographyGeometry::Kind::parallel) return;
  require_positive(g.source_distance, "source_distance");
  require_geometry(g.detector_distance >= 0 && std::isfinite(g.detector_distance),
                   text("got detector_distance = ", g.detector_distance, ", expected 0 or more"));
  // With the half pixel over which the outermost samples are interpolated.
  const double radius =
      g.pixel_size / 2 *
      std::hypot(static_cast<double>(image[1] + 1), static_cast<double>(image[2] + 1));
  require_geometry(g.source_distance > radius, text("got a source at ", g.source_distance,
                                                    " from the axis, inside the image's circle; ",
                                                    "expected more than ", radius));
}

TomographyRay tomography_ray(const TomographyGeometry& g, Index view, Index detector) {
  const double angle = g.angles_rad[static_cast<std::size_t>(view)];
  const double c = std::cos(angle), s = std::sin(angle);
  const double u = (static_cast<double>(detector) - g.centre_index()) * g.pitch;
  if (g.kind == TomographyGeometry::Kind::parallel) return {c, s, u};
  const double far = g.source_distance + g.detector_distance, length = std::hypot(far, u);
  return {(far * c + u * s) / length, (far * s - u * c) / length, g.source_distance * u / length};
}

}  // namespace fejer
