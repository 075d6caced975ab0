// The drawings made with the canvas: panels and curves.
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <limits>

#include "drawing.hpp"
#include "text.hpp"

namespace fejer::command {
namespace {

constexpr Colour black{0.1, 0.1, 0.1}, pale{0.85, 0.85, 0.85}, ink{0.12, 0.35, 0.66},
    warning{0.73, 0.12, 0.16};

void draw_colour_scale(Canvas& canvas, double x, double y, double height, double range) {
  constexpr Index steps = 101;
  Array<float> ramp(Shape{1, steps, 1});
  for (Index i = 0; i < steps; ++i)
    ramp[i] = static_cast<float>(range * (1 - 2 * static_cast<double>(i) / (steps - 1)));
  const Array<float> rgb = diverging_colours(ramp, range);
  canvas.image(x, y, 14, height, rgb);
  canvas.rectangle(x + 0.5, y + 0.5, 14, height, black, false);
  for (int k = -2; k <= 2; ++k) {
    const double at = y + height * (0.5 - k / 4.0);
    canvas.line(x + 14, at, x + 18, at, black);
    canvas.text(x + 21, at + 4, std::string(k > 0 ? "+" : "").append(short_number(range * k / 2)),
                11);
  }
}

struct Axis {
  double low, high;
  bool logarithmic;
  double place(double value) const {
    return logarithmic ? std::log(value / low) / std::log(high / low)
                       : (value - low) / (high - low);
  }
};

Axis vertical_axis(const Curve& curve) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const auto& [iteration, value] : curve.points)
    if (std::isfinite(value)) low = std::min(low, value), high = std::max(high, value);
  if (!(low <= high)) return {0, 1, false};
  const bool logarithmic = low > 0 && high / low > 3;
  if (curve.threshold > 0 && logarithmic) low = std::min(low, curve.threshold);
  if (logarithmic) return {low / 1.2, high * 1.2, true};
  const double margin = high > low ? 0.05 * (high - low) : std::max(std::abs(low), 1e-30) * 0.05;
  return {low - margin, high + margin, false};
}

/// Powers of ten, or 1, 2, 5 times them where there are but few.
std::vector<double> logarithmic_ticks(double low, double high) {
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  std::vector<double> ticks;
  const auto collect = [&](std::initializer_list<double> multiples, int every) {
    ticks.clear();
    for (int k = first; k <= last; k += every)
      for (const double m : multiples)
        if (const double t = m * std::pow(10.0, k); t >= low && t <= high) ticks.push_back(t);
  };
  collect({1}, std::max(1, (last - first) / 7));
  if (ticks.size() < 3) collect({1, 2, 5}, 1);
  return ticks.size() < 3 ? axis_ticks(low, high, 5) : ticks;
}

struct Frame {
  double left, top, width, height;
};

void draw_curve(Canvas& canvas, const Frame& at, const Curve& curve, const Axis& across) {
  const Axis up = vertical_axis(curve);
  const auto x_of = [&](double value) { return at.left + at.width * across.place(value); };
  const auto y_of = [&](double value) { return at.top + at.height * (1 - up.place(value)); };
  for (const double tick : axis_ticks(across.low, across.high, 8))
    canvas.line(x_of(tick), at.top, x_of(tick), at.top + at.height, pale);
  for (const double tick :
       up.logarithmic ? logarithmic_ticks(up.low, up.high) : axis_ticks(up.low, up.high, 5)) {
    canvas.line(at.left, y_of(tick), at.left + at.width, y_of(tick), pale);
    canvas.text(at.left - 6, y_of(tick) + 4, short_number(tick), 12, Align::right);
  }
  if (curve.threshold > 0 && curve.threshold >= up.low && curve.threshold <= up.high) {
    const double y = y_of(curve.threshold);
    canvas.line(at.left, y, at.left + at.width, y, warning, 1.2, true);
    canvas.text(at.left + 5, y - 5, "tolerance", 12);
  }
  std::vector<std::pair<double, double>> points;
  for (const auto& [iteration, value] : curve.points)
    if (std::isfinite(value) && !(up.logarithmic && value <= 0))
      points.emplace_back(x_of(iteration), y_of(value));
  canvas.curve(points, ink, 1.8);
  canvas.rectangle(at.left + 0.5, at.top + 0.5, at.width, at.height, black, false);
  canvas.text(at.left - 62, at.top + at.height / 2, curve.label, 13, Align::centre, true);
}

}  // namespace

std::vector<double> axis_ticks(double low, double high, int count) {
  std::vector<double> ticks;
  if (!(high > low) || count < 1) return ticks;
  const double raw = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double m : {5.0, 2.0, 1.0})
    if (m * power >= raw) step = m * power;
  for (double k = std::ceil(low / step); k * step <= high * (1 + 1e-12); ++k) {
    const double tick = k * step;
    ticks.push_back(std::abs(tick) < 1e-12 * step ? 0 : tick);
  }
  return ticks;
}

void draw_curves(const std::string& path, const std::string& title,
                 const std::vector<Curve>& curves, const std::string& across_label) {
  constexpr double left = 92, width = 620, height = 210, top = 44, gap = 22;
  const double plots = static_cast<double>(curves.size());
  const double bottom = top + plots * height + (plots - 1) * gap;
  Canvas canvas(static_cast<int>(left + width + 24), static_cast<int>(bottom + 52));
  canvas.text((left + width + 24) / 2, 26, title, 14, Align::centre);
  double last = 1;
  for (const Curve& curve : curves)
    for (const auto& point : curve.points) last = std::max(last, point.first);
  const Axis across{0, last, false};
  for (std::size_t k = 0; k < curves.size(); ++k)
    draw_curve(canvas, {left, top + static_cast<double>(k) * (height + gap), width, height},
               curves[k], across);
  for (const double tick : axis_ticks(0, last, 8))
    canvas.text(left + width * across.place(tick), bottom + 17, short_number(tick), 12,
                Align::centre);
  canvas.text(left + width / 2, bottom + 40, across_label, 13, Align::centre);
  canvas.save_png(path);
}

void draw_panels(const std::string& path, const std::vector<Panel>& panels) {
  constexpr double margin = 10, title = 44, scale_width = 78;
  double height = 0, width = margin;
  std::vector<double> zooms;
  for (const Panel& panel : panels) {
    const double rows = static_cast<double>(panel.rgb.shape()[1]);
    const double columns = static_cast<double>(panel.rgb.shape()[2]);
    const double longest = std::max(rows, columns);
    const double zoom = longest < 256 ? std::ceil(256 / longest) : std::min(1.0, 512 / longest);
    zooms.push_back(zoom);
    height = std::max(height, zoom * rows);
    width += std::max(zoom * columns, 240.0) + margin + (panel.error_range > 0 ? scale_width : 0);
  }
  Canvas canvas(static_cast<int>(width), static_cast<int>(height + title + margin));
  double x = margin;
  for (std::size_t k = 0; k < panels.size(); ++k) {
    const Panel& panel = panels[k];
    const double h = zooms[k] * static_cast<double>(panel.rgb.shape()[1]);
    const double w = zooms[k] * static_cast<double>(panel.rgb.shape()[2]);
    canvas.text(x, title - 26, panel.title, 14);
    canvas.text(x, title - 9, panel.subtitle, 12);
    canvas.image(x, title, w, h, panel.rgb);
    x += std::max(w, 240.0) + margin;
    if (panel.error_range > 0) {
      draw_colour_scale(canvas, x - std::max(w, 240.0) + w, title, h, panel.error_range);
      x += scale_width;
    }
  }
  canvas.save_png(path);
}

}  // namespace fejer::command
