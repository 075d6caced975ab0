#include "drawing.hpp"

#include <cairo.h>
#include <fontconfig/fontconfig.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include <fejer/error.hpp>
#include <fejer/files.hpp>

#include "text.hpp"

namespace fejer::command {

void release_fonts() {
  cairo_debug_reset_static_data();
  FcFini();
}

struct Canvas::Impl {
  cairo_surface_t* surface;
  cairo_t* context;
};

Canvas::Canvas(int width, int height) : impl_(std::make_unique<Impl>()) {
  impl_->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
  impl_->context = cairo_create(impl_->surface);
  cairo_select_font_face(impl_->context, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                         CAIRO_FONT_WEIGHT_NORMAL);
  rectangle(0, 0, width, height, {1, 1, 1}, true);
}

Canvas::~Canvas() {
  cairo_destroy(impl_->context);
  cairo_surface_destroy(impl_->surface);
}

void Canvas::rectangle(double x, double y, double width, double height, Colour c, bool filled) {
  cairo_t* to = impl_->context;
  cairo_set_source_rgb(to, c.red, c.green, c.blue);
  cairo_set_line_width(to, 1);
  cairo_rectangle(to, x, y, width, height);
  filled ? cairo_fill(to) : cairo_stroke(to);
}

void Canvas::line(double x0, double y0, double x1, double y1, Colour c, double width, bool dashed) {
  cairo_t* to = impl_->context;
  const double dash[] = {6, 4};
  cairo_set_source_rgb(to, c.red, c.green, c.blue);
  cairo_set_line_width(to, width);
  cairo_set_dash(to, dash, dashed ? 2 : 0, 0);
  cairo_move_to(to, x0, y0);
  cairo_line_to(to, x1, y1);
  cairo_stroke(to);
  cairo_set_dash(to, dash, 0, 0);
}

void Canvas::curve(const std::vector<std::pair<double, double>>& points, Colour c, double width) {
  cairo_t* to = impl_->context;
  cairo_set_source_rgb(to, c.red, c.green, c.blue);
  cairo_set_line_width(to, width);
  cairo_set_line_join(to, CAIRO_LINE_JOIN_ROUND);
  bool pen_down = false;
  for (const auto& [x, y] : points) {
    if (!std::isfinite(x) || !std::isfinite(y)) {
      pen_down = false;
      continue;
    }
    pen_down ? cairo_line_to(to, x, y) : cairo_move_to(to, x, y);
    pen_down = true;
  }
  cairo_stroke(to);
}

void Canvas::text(double x, double y, const std::string& text, double size, Align align,
                  bool upright) {
  cairo_t* to = impl_->context;
  cairo_text_extents_t extents;
  cairo_set_source_rgb(to, 0.1, 0.1, 0.1);
  cairo_set_font_size(to, size);
  cairo_text_extents(to, text.c_str(), &extents);
  const double shift =
      align == Align::left ? 0 : (align == Align::centre ? 0.5 : 1.0) * extents.x_advance;
  cairo_save(to);
  cairo_translate(to, x, y);
  if (upright) cairo_rotate(to, -std::acos(0.0));
  cairo_move_to(to, -shift, 0);
  cairo_show_text(to, text.c_str());
  cairo_restore(to);
}

void Canvas::image(double x, double y, double width, double height, ConstView<float> rgb) {
  const Index rows = rgb.shape()[1], columns = rgb.shape()[2];
  cairo_surface_t* picture = cairo_image_surface_create(
      CAIRO_FORMAT_RGB24, static_cast<int>(columns), static_cast<int>(rows));
  cairo_surface_flush(picture);
  unsigned char* bytes = cairo_image_surface_get_data(picture);
  const Index stride = cairo_image_surface_get_stride(picture);
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) {
      std::uint32_t pixel = 0;
      for (Index c = 0; c < 3; ++c) {
        const float value = std::clamp(rgb[(c * rows + i) * columns + j], 0.0f, 1.0f);
        pixel = pixel << 8 | static_cast<std::uint32_t>(std::lround(255 * value));
      }
      std::memcpy(bytes + i * stride + 4 * j, &pixel, 4);
    }
  cairo_surface_mark_dirty(picture);
  cairo_t* to = impl_->context;
  cairo_save(to);
  cairo_translate(to, x, y);
  cairo_scale(to, width / static_cast<double>(columns), height / static_cast<double>(rows));
  cairo_set_source_surface(to, picture, 0, 0);
  cairo_pattern_set_filter(cairo_get_source(to), width < static_cast<double>(columns)
                                                     ? CAIRO_FILTER_GOOD
                                                     : CAIRO_FILTER_NEAREST);
  cairo_rectangle(to, 0, 0, static_cast<double>(columns), static_cast<double>(rows));
  cairo_fill(to);
  cairo_restore(to);
  cairo_surface_destroy(picture);
}

void Canvas::save_png(const std::string& path) const {
  write_atomically(path, [this](const std::string& temporary) {
    const cairo_status_t status = cairo_surface_write_to_png(impl_->surface, temporary.c_str());
    if (status != CAIRO_STATUS_SUCCESS)
      throw Error(temporary + ": cannot write the picture: " + cairo_status_to_string(status));
  });
}

Array<float> as_rgb(const Array<float>& image, double white) {
  const Index channels = image.shape()[0];
  if (channels != 1 && channels != 3)
    throw ShapeError("as_rgb: got " + std::to_string(channels) + " channels, expected 1 or 3");
  Array<float> rgb(Shape{3, image.shape()[1], image.shape()[2]});
  const Index pixels = rgb.size() / 3;
  for (Index c = 0; c < 3; ++c)
    for (Index i = 0; i < pixels; ++i)
      rgb[c * pixels + i] = std::clamp(
          static_cast<float>(image[(channels == 1 ? 0 : c) * pixels + i] / white), 0.0f, 1.0f);
  return rgb;
}

Array<float> diverging_colours(const Array<float>& values, double range) {
  const Index channels = values.shape()[0];
  Array<float> rgb(Shape{3, values.shape()[1], values.shape()[2]});
  const Index pixels = rgb.size() / 3;
  constexpr float blue[] = {0.13f, 0.33f, 0.68f}, red[] = {0.73f, 0.12f, 0.16f};
  for (Index i = 0; i < pixels; ++i) {
    double mean = 0;
    for (Index c = 0; c < channels; ++c)
      mean += values[c * pixels + i] / static_cast<double>(channels);
    const float t = static_cast<float>(std::clamp(range > 0 ? mean / range : 0.0, -1.0, 1.0));
    for (Index c = 0; c < 3; ++c)
      rgb[c * pixels + i] = 1 + std::abs(t) * ((t < 0 ? blue : red)[c] - 1);
  }
  return rgb;
}

}  // namespace fejer::command
