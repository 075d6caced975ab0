#include <algorithm>
#include <cmath>
#include <memory>

#include <fejer/models/convolution.hpp>

#include "row.hpp"

namespace fejer::benchmarks {
namespace {

struct Layer {
  Index in, out, kernel, side;
  bool transposed;  ///< from `out` channels to `in`
};

struct Product {
  Convolution<float> convolution;
  Array<float> x, result;
  bool transposed;

  Product(const Layer& layer, const Setting& setting)
      : convolution(weights(layer)),
        x(noise<float>("input", {layer.transposed ? layer.out : layer.in, layer.side, layer.side})),
        result({layer.transposed ? layer.in : layer.out, layer.side, layer.side}),
        transposed(layer.transposed) {
    setting.files.save("x", x);
    setting.files.save("weights", convolution.weights());
  }
  static Array<float> weights(const Layer& l) {
    return noise<float>("weights", {l.out, l.in, l.kernel, l.kernel},
                        1 / std::sqrt(static_cast<double>(l.in * l.kernel * l.kernel)));
  }
  void run() {
    if (transposed) return convolution.apply_adjoint(x, result);
    convolution.apply(x, result);
  }
};

/// What training needs beside: the gradient in the weights, of a batch.
struct WeightGradient {
  Convolution<float> convolution;
  Array<float> x, cotangent, result, no_bias;

  WeightGradient(const Layer& l, Index samples, const Setting& setting)
      : convolution(Product::weights(l)),
        x(noise<float>("input", {samples, l.in, l.side, l.side})),
        cotangent(noise<float>("cotangent", {samples, l.out, l.side, l.side})),
        result(convolution.weights().shape()) {
    setting.files.save("x", x);
    setting.files.save("cotangent", cotangent);
    setting.files.save("weights", convolution.weights());
  }
  void run() {
    std::fill(result.begin(), result.end(), 0.0F);
    convolution.weight_gradient(x, cotangent, result, no_bias);
  }
};

std::string shape_text(Index from, Index to, const Layer& layer) {
  const auto text = [](Index n) { return std::to_string(n); };
  return text(from) + "-" + text(to) + "-" + text(layer.kernel) + "x" + text(layer.kernel) + "-" +
         text(layer.side) + "x" + text(layer.side);
}

double operations(const Layer& l) {
  return 2.0 * static_cast<double>(l.in * l.out * l.kernel * l.kernel * l.side * l.side);
}

Row gradient_row(const Layer& layer, Index samples) {
  const std::string batch = samples > 1 ? "-batch-" + std::to_string(samples) : "";
  return {.name = "weight-gradient/" + shape_text(layer.in, layer.out, layer) + batch,
          .what = "gradient in the weights of a convolution, " + std::to_string(layer.in) + " to " +
                  std::to_string(layer.out) + " channels",
          .opponents = {{"torch-tuned", 1}, {"peak"}},
          .ours =
              [=](const Setting& setting) {
                return make_call(std::make_shared<WeightGradient>(layer, samples, setting),
                                 setting);
              },
          .operations = operations(layer) * static_cast<double>(samples)};
}

Row row(const Layer& layer, std::vector<Opponent> opponents) {
  const Index from = layer.transposed ? layer.out : layer.in;
  const Index to = layer.transposed ? layer.in : layer.out;
  const auto text = [](Index n) { return std::to_string(n); };
  const std::string kernel = text(layer.kernel) + "x" + text(layer.kernel);
  return {.name = (layer.transposed ? "transposed-convolution/" : "convolution/") +
                  shape_text(from, to, layer),
          .what = std::string(layer.transposed ? "transposed convolution, " : "convolution, ") +
                  text(from) + " to " + text(to) + " channels, " + kernel,
          .opponents = std::move(opponents),
          .ours =
              [layer](const Setting& setting) {
                return make_call(std::make_shared<Product>(layer, setting), setting);
              },
          .operations = operations(layer),
          .bytes = static_cast<double>((from + to) * layer.side * layer.side) * sizeof(float)};
}

}  // namespace

void add_convolution_rows(std::vector<Row>& rows) {
  const std::vector<Opponent> three_times{{"torch-tuned", 3}};
  const std::vector<Opponent> near_peak{{"torch-tuned"}, {"peak", 0.7}};
  const std::vector<Opponent> equal{{"torch-tuned", 1}, {"peak"}};
  rows.push_back(row({8, 32, 7, 320, true}, three_times));
  rows.push_back(row({8, 32, 7, 512, true}, three_times));
  rows.push_back(row({1, 8, 7, 320, true}, three_times));
  rows.push_back(row({1, 64, 3, 256, true}, three_times));
  rows.push_back(row({64, 1, 3, 256, true}, three_times));
  rows.push_back(row({8, 60, 5, 512, true}, near_peak));
  rows.push_back(row({64, 64, 3, 256, true}, near_peak));
  rows.push_back(row({8, 32, 7, 320, false}, equal));
  rows.push_back(row({8, 60, 5, 512, false}, equal));
  rows.push_back(row({64, 64, 3, 256, false}, equal));
  rows.push_back(row({128, 128, 3, 128, false}, equal));
  rows.push_back(row({256, 256, 3, 64, false}, equal));
  rows.push_back(row({512, 512, 3, 32, false}, equal));
  rows.push_back(row({1, 8, 7, 320, false}, {{"torch-tuned", 3}}));
  rows.push_back(gradient_row({32, 32, 3, 320, false}, 1));
  rows.push_back(gradient_row({64, 64, 3, 256, false}, 1));
  rows.push_back(gradient_row({8, 60, 5, 512, false}, 1));
  rows.push_back(gradient_row({32, 32, 3, 40, false}, 128));
}

}  // namespace fejer::benchmarks
