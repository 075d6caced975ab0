#pragma once
/// A small canvas over cairo, and the two drawings made with it: image panels with a colour scale,
/// and curves over iterations. Pixels count from the upper left corner.
#include <memory>
#include <string>
#include <vector>

#include <fejer/array.hpp>

namespace fejer::command {

struct Colour {
  double red = 0, green = 0, blue = 0;
};

/// Frees what the font libraries keep until the process ends, for leak checkers; no Canvas may
/// live.
void release_fonts();

enum class Align { left, centre, right };

class Canvas {
 public:
  Canvas(int width, int height);
  ~Canvas();
  Canvas(const Canvas&) = delete;
  Canvas& operator=(const Canvas&) = delete;
  void rectangle(double x, double y, double width, double height, Colour colour, bool filled);
  void line(double x0, double y0, double x1, double y1, Colour colour, double width = 1,
            bool dashed = false);
  /// Points as x, y pairs; a point that is not finite breaks the line.
  void curve(const std::vector<std::pair<double, double>>& points, Colour colour, double width);
  /// (x, y): the baseline's start, middle or end; `upright` turns by 90 degrees, to be read
  /// upwards.
  void text(double x, double y, const std::string& text, double size, Align align = Align::left,
            bool upright = false);
  /// An RGB image (3,H,W) in [0,1], enlarged without smoothing.
  void image(double x, double y, double width, double height, ConstView<float> rgb);
  /// Written atomically.
  void save_png(const std::string& path) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// (1,H,W) or (3,H,W) divided by `white` and clipped, as (3,H,W).
Array<float> as_rgb(const Array<float>& image, double white);
/// Signed values (C,H,W), the mean over channels, on [-range, range]: blue, white, red.
Array<float> diverging_colours(const Array<float>& values, double range);

struct Panel {
  std::string title;
  Array<float> rgb;
  double error_range = 0;  ///< > 0: a colour scale from -range to range stands beside the panel
  std::string subtitle{};
};
void draw_panels(const std::string& path, const std::vector<Panel>& panels);

struct Curve {
  std::string label;                              ///< of the vertical axis
  std::vector<std::pair<double, double>> points;  ///< iteration or step, value
  double threshold = 0;                           ///< > 0: drawn as a dashed line
};
/// One plot below the other over a shared axis from 0 on. Axes are logarithmic where all values
/// are positive and span more than a factor 3.
void draw_curves(const std::string& path, const std::string& title,
                 const std::vector<Curve>& curves, const std::string& across = "iteration");

/// Round numbers that cover [low, high], about `count` of them.
std::vector<double> axis_ticks(double low, double high, int count);

}  // namespace fejer::command
