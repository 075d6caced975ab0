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

Row row(const Layer& layer, std::vector<Opponent> opponents) {
  const Index from = layer.transposed ? layer.out : layer.in;
  const Index to = layer.transposed ? layer.in : layer.out;
  const auto text = [](Index n) { return std::to_string(n); };
  const std::string kernel = text(layer.kernel) + "x" + text(layer.kernel);
  const std::string side = text(layer.side) + "x" + text(layer.side);
  const Index products = layer.in * layer.out * layer.kernel * layer.kernel;
  return {.name = (layer.transposed ? "transposed-convolution/" : "convolution/") + text(from) +
                  "-" + text(to) + "-" + kernel + "-" + side,
          .what = std::string(layer.transposed ? "transposed convolution, " : "convolution, ") +
                  text(from) + " to " + text(to) + " channels, " + kernel,
          .opponents = std::move(opponents),
          .ours =
              [layer](const Setting& setting) {
                return make_call(std::make_shared<Product>(layer, setting), setting);
              },
          .operations = 2.0 * static_cast<double>(products * layer.side * layer.side)};
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
  rows.push_back(row({1, 8, 7, 320, false}, {{"torch-tuned", 3}}));
}

}  // namespace fejer::benchmarks
