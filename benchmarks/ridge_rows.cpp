#include <memory>

#include <fejer/parallel.hpp>
#include <fejer/rng.hpp>

#include "ridge_model.hpp"

namespace fejer::benchmarks {
namespace {

constexpr double sigma = 25.0 / 255;

/// A noisy photograph, and room for the result.
struct Problem {
  RidgeRegulariser<float> model;
  Array<float> x, direction, result;
  bool hessian;

  Problem(const RidgeParameters& parameters, const Setting& setting, Index H, Index W, bool second)
      : model(parameters),
        x(photograph(setting, H, W)),
        direction(noise<float>("direction", x.shape())),
        result(x.shape()),
        hessian(second) {
    add_normal<float>(x, sigma, Rng(2026).stream("measurement"));
    save_ridge(setting.files, model, sigma);
    setting.files.save("x", x);
    setting.files.save("direction", direction);
    warm_up();
  }
  /// Code and tables are in memory before memory is measured.
  void warm_up() const {
    const Array<float> small(Shape{1, 16, 16}, 0.5F);
    Array<float> out(small.shape());
    if (hessian) return model.hessian_vector_product(small, sigma, small, out);
    model.gradient(small, sigma, out);
  }
  void run() {
    if (hessian) return model.hessian_vector_product(x, sigma, direction, result);
    model.gradient(x, sigma, result);
  }
};

Row row(RidgeKind kind, bool hessian, Index H, Index W) {
  const std::string name = kind == RidgeKind::crr ? "crr" : "wcrr";
  const std::string shape = std::to_string(H) + "x" + std::to_string(W);
  Row r{.name = name + (hessian ? "-hessian-product/" : "-gradient/") + shape,
        .what = (kind == RidgeKind::crr ? "CRR-NN, 1-8-32 channels, 7x7, 21 knots a channel: "
                                        : "WCRR-NN, 1-4-8-60 channels, 5x5, one spline of 101 "
                                          "knots: ") +
                std::string(hessian ? "Hessian times vector" : "gradient"),
        .opponents = {},
        .ours = [=](const Setting& setting) {
          const RidgeModel model = ridge_model(setting, kind);
          Call call = make_call(std::make_shared<Problem>(model.parameters, setting, H, W, hessian),
                                setting);
          call.remark = model.remark;
          return call;
        }};
  if (hessian) {
    // Where rounding puts an element on the other side of a knot, its slope is another one.
    r.tolerance = 1e-2;
    r.opponents = {{"torch-tuned", 5}};
  } else {
    r.tolerance = 1e-4;
    r.memory = W == 321;
    const bool crr = kind == RidgeKind::crr;
    const double tuned = crr ? 5 : 4, untuned = crr ? 11 : 13;
    r.opponents = {{"torch-tuned", tuned}, {"torch-default", untuned}};
    if (r.memory) {
      r.opponents.push_back({"torch-published-tuned", tuned});
      r.opponents.push_back({"torch-published-default", untuned});
    }
  }
  return r;
}

}  // namespace

void add_ridge_rows(std::vector<Row>& rows) {
  for (const RidgeKind kind : {RidgeKind::crr, RidgeKind::wcrr})
    for (const Index W : {321, 512}) rows.push_back(row(kind, false, W == 321 ? 481 : 512, W));
  for (const Index W : {321, 512})
    rows.push_back(row(RidgeKind::wcrr, true, W == 321 ? 481 : 512, W));
  rows.push_back({.name = "wcrr-step-parameter-gradient/481x321",
                  .what = "WCRR-NN: gradient of one step in all parameters",
                  .opponents = {{"torch-tuned", 5}},
                  .ours = {},
                  .missing = "Fejér has no gradient in the parameters yet"});
}

}  // namespace fejer::benchmarks
