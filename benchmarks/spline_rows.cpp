#include <cmath>
#include <memory>

#include <fejer/models/linear_spline.hpp>

#include "row.hpp"

namespace fejer::benchmarks {
namespace {

constexpr double x_max = 0.1;

/// Activations of which about one in ten lies beyond the knots.
struct Activation {
  LinearSpline<float> spline;
  Array<float> x, result;

  Activation(Index channels, Index rows, Index knots, const Setting& setting)
      : spline(coefficients(rows, knots), -x_max, x_max, Extrapolation::constant),
        x(noise<float>("activation", {channels, 320, 320}, 0.06)),
        result(x.shape()) {
    setting.files.save("x", x);
    setting.files.save("profile", spline.coefficients());
    setting.files.save("range", {-x_max, x_max});
  }
  static Array<double> coefficients(Index rows, Index knots) {
    return noise<double>("coefficients", {rows, knots}, 0.05);
  }
  void run() { spline.values(x, result); }
};

Row row(Index channels, Index spline_rows, Index knots, double goal) {
  const std::string shape = std::to_string(channels) + "x320x320";
  return {.name = "spline-values/" + std::to_string(knots) + "-knots-" + shape,
          .what = "linear splines of " + std::to_string(knots) +
                  (spline_rows == 1 ? " knots, one for all channels" : " knots, one a channel"),
          .opponents = {{"torch-tuned", goal}, {"torch-published-tuned", goal}},
          .ours =
              [=](const Setting& setting) {
                return make_call(
                    std::make_shared<Activation>(channels, spline_rows, knots, setting), setting);
              },
          .tolerance = 1e-4};
}

}  // namespace

void add_spline_rows(std::vector<Row>& rows) {
  rows.push_back(row(32, 32, 21, 18));
  rows.push_back(row(60, 1, 101, 7));
  rows.push_back({.name = "spline-gradients/21-knots-32x320x320",
                  .what = "linear splines: values, and the gradients in input and coefficients",
                  .opponents = {{"torch-tuned", 7}},
                  .ours = {},
                  .missing = "Fejér has no gradient in the coefficients yet"});
}

}  // namespace fejer::benchmarks
