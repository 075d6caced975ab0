#include <memory>
#include <numbers>

#include <fejer/operators/shepp_logan.hpp>
#include <fejer/operators/tomography.hpp>
#include <fejer/rng.hpp>

#include "row.hpp"

namespace fejer::benchmarks {
namespace {

constexpr Index side = 512, views = 360;

/// skimage turns an image of even size about pixel (side/2, side/2), Fejér about its centre: one
/// more row and column of zeros puts both axes on the same pixel.
struct Scan {
  Tomography<float> A{geometry(), Shape{1, side + 1, side + 1}};
  Array<float> phantom{A.domain()}, x, result;
  bool adjoint;

  Scan(bool backwards, const Setting& setting) : adjoint(backwards) {
    const Array<float> small = shepp_logan<float>(side);
    for (Index i = 0; i < side; ++i)
      for (Index j = 0; j < side; ++j) phantom[i * (side + 1) + j] = small[i * side + j];
    setting.files.save("phantom", small);
    x = phantom;
    if (adjoint) {
      x = Array<float>(A.range());
      A.apply(phantom, x);
      setting.files.save("x", x);
    }
    result = Array<float>(adjoint ? A.domain() : A.range());
  }
  static TomographyGeometry geometry() {
    TomographyGeometry g;
    for (Index i = 0; i < views; ++i)
      g.angles_rad.push_back(std::numbers::pi * static_cast<double>(i) / views);
    g.detectors = side;
    g.centre = side / 2;
    return g;
  }
  void run() {
    if (adjoint) return A.apply_adjoint(x, result);
    A.apply(x, result);
  }
};

/// Each ray meets as many lines of pixels as the image has, and takes or gives on each of them a
/// linear interpolation of two pixels: two multiply-adds.
constexpr double rays = static_cast<double>(views * side);
constexpr double operations = rays * static_cast<double>(side) * 4;
/// Image and sinogram once; all else happens in the caches.
constexpr double bytes = (static_cast<double>(side * side) + rays) * sizeof(float);

Row row(bool adjoint, double goal) {
  return {.name = std::string(adjoint ? "ct-adjoint/" : "ct-forward/") + "512x512x360",
          .what = adjoint ? "parallel-beam CT, backprojection (skimage: iradon without filter)"
                          : "parallel-beam CT, line integrals (skimage: radon)",
          .opponents = {{"skimage", goal}, {"peak"}},
          .ours =
              [adjoint](const Setting& setting) {
                Call call = make_call(std::make_shared<Scan>(adjoint, setting), setting);
                call.notes = [] { return Notes{{"rays", rays}}; };
                return call;
              },
          // Other interpolations: rotated images, and backprojection by pixels.
          .tolerance = 0.02,
          .operations = operations,
          .bytes = bytes};
}

}  // namespace

void add_tomography_rows(std::vector<Row>& rows) {
  rows.push_back(row(false, 20));
  rows.push_back(row(true, 5));
}

}  // namespace fejer::benchmarks
