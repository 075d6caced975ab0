#include <algorithm>
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

/// The step of training: values, and what comes back for the cotangent of the values.
struct Gradients {
  Activation activation;
  Array<float> cotangent, of_x;
  Array<double> of_coefficients;

  explicit Gradients(const Setting& setting)
      : activation(32, 32, 21, setting),
        cotangent(noise<float>("cotangent", activation.x.shape())),
        of_x(activation.x.shape()),
        of_coefficients(activation.spline.coefficients().shape()) {
    setting.files.save("cotangent", cotangent);
  }
  void run() {
    activation.run();
    std::fill(of_coefficients.begin(), of_coefficients.end(), 0.0);
    activation.spline.vjp(activation.x, cotangent, of_x, of_coefficients);
  }
};

Call gradients(const Setting& setting) {
  const auto state = std::make_shared<Gradients>(setting);
  return {.run = [state] { state->run(); },
          .save =
              [state, files = setting.files](const std::string& name) {
                files.save(name, state->activation.result);
                files.save(name + "-1", state->of_x);
                files.save(name + "-2", state->of_coefficients);
              },
          .results = 3};
}

/// Of one stack of features.
double stack_bytes(Index channels) {
  return static_cast<double>(channels * 320 * 320) * sizeof(float);
}

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
          .tolerance = 1e-4,
          .bytes = 2 * stack_bytes(channels)};
}

}  // namespace

void add_spline_rows(std::vector<Row>& rows) {
  rows.push_back(row(32, 32, 21, 18));
  rows.push_back(row(60, 1, 101, 7));
  // The other sides add 100000 numbers up in single precision, one after the other.
  rows.push_back(
      {.name = "spline-gradients/21-knots-32x320x320",
       .what = "linear splines: values, and the gradients in input and coefficients",
       .opponents = {{"torch-tuned", 7}, {"torch-published-tuned", 7}, {"torch-default"}},
       .ours = gradients,
       .tolerance = 5e-3,
       .bytes = 4 * stack_bytes(32)});
}

}  // namespace fejer::benchmarks
