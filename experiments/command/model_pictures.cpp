#include "model_pictures.hpp"

#include <algorithm>
#include <cmath>

#include <fejer/models/multi_convolution.hpp>
#include <fejer/vector.hpp>

#include "drawing.hpp"
#include "text.hpp"

namespace fejer::command {
namespace {

constexpr Index columns = 8;
constexpr double cell = 96, gap = 8, top = 40;

/// Where the k-th of several small pictures stands.
struct Place {
  double x, y;
};
Place place(Index k, double height) {
  return {gap + static_cast<double>(k % columns) * (cell + gap),
          top + static_cast<double>(k / columns) * (height + gap)};
}

int canvas_width() { return static_cast<int>(gap + columns * (cell + gap)); }
int canvas_height(Index count, double height) {
  return static_cast<int>(top +
                          static_cast<double>((count + columns - 1) / columns) * (height + gap));
}

/// (C, 1, K, K): red positive, blue negative, the largest modulus of each filter saturated.
void draw_filters(const std::string& path, const std::string& title, const Array<double>& kernels) {
  const Index count = kernels.shape()[0], rows = kernels.shape()[2], across = kernels.shape()[3];
  Canvas canvas(canvas_width(), canvas_height(count, cell));
  canvas.text(gap, 24, title, 14);
  for (Index k = 0; k < count; ++k) {
    Array<float> filter(Shape{1, rows, across});
    for (Index i = 0; i < filter.size(); ++i)
      filter[i] = static_cast<float>(kernels[k * kernels.size() / count + i]);
    const double range = std::max(max_abs<float>(ConstView<float>(filter)), 1e-30);
    const Array<float> rgb = diverging_colours(filter, range);
    const Place at = place(k, cell);
    canvas.image(at.x, at.y, cell, cell, rgb);
  }
  canvas.save_png(path);
}

/// (C, N) values on [low, high]: one small plot each, all on the same scale.
void draw_profiles(const std::string& path, const std::string& title, const Array<double>& values,
                   double low, double high) {
  constexpr Colour frame{0.75, 0.75, 0.75}, ink{0.12, 0.35, 0.66};
  const Index count = values.shape()[0], knots = values.shape()[1];
  const double range = std::max(max_abs<double>(ConstView<double>(values)), 1e-30);
  Canvas canvas(canvas_width(), canvas_height(count, cell));
  canvas.text(gap, 24,
              title + ", " + short_number(low) + " to " + short_number(high) + " across, " +
                  short_number(-range) + " to " + short_number(range) + " up",
              14);
  for (Index k = 0; k < count; ++k) {
    const Place at = place(k, cell);
    canvas.rectangle(at.x + 0.5, at.y + 0.5, cell, cell, frame, false);
    canvas.line(at.x, at.y + cell / 2, at.x + cell, at.y + cell / 2, frame);
    if (low < 0 && high > 0) {
      const double zero = at.x - low / (high - low) * cell;
      canvas.line(zero, at.y, zero, at.y + cell, frame);
    }
    std::vector<std::pair<double, double>> points;
    for (Index i = 0; i < knots; ++i)
      points.emplace_back(at.x + cell * static_cast<double>(i) / static_cast<double>(knots - 1),
                          at.y + cell / 2 * (1 - values[k * knots + i] / range));
    canvas.curve(points, ink, 1.6);
  }
  canvas.save_png(path);
}

}  // namespace

std::vector<std::string> write_model_pictures(const std::string& folder,
                                              const Model<float>& model) {
  if (model.is_ridge()) {
    const RidgeParameters& p = model.ridge().parameters();
    draw_filters(folder + "/filters.png", "filters of W, each on its own scale",
                 collapse(p.kernels));
    draw_profiles(folder + "/profiles.png", "profiles", p.profile, p.x_min, p.x_max);
    return {"filters", "profiles"};
  }
  const auto* unrolled = std::get_if<UnrolledPgd<float>>(&model.value);
  const auto* cnn = std::get_if<LipschitzCnn<float>>(&model.value);
  if (unrolled == nullptr && cnn == nullptr) return {};
  const LipschitzCnnParameters& network =
      unrolled != nullptr ? unrolled->denoiser(0).parameters() : cnn->parameters();
  draw_filters(folder + "/filters.png", "filters of the first layer, each on its own scale",
               network.weights.front());
  if (network.activation != Activation::spline) return {"filters"};
  draw_profiles(folder + "/profiles.png", "splines of the first layer",
                network.activation_parameters.front(), network.x_min, network.x_max);
  return {"filters", "profiles"};
}

}  // namespace fejer::command
