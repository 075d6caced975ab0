#include "problem.hpp"

#include <cstdio>

#include <fejer/models/model_file.hpp>
#include <fejer/vector.hpp>

namespace fejer::sparse_training {

using Json = nlohmann::ordered_json;

FullyConnectedParameters network_of(const SparseFit& fit, const Array<double>& p) {
  FullyConnectedParameters network;
  for (Index l = 1; l <= fit.layers(); ++l) {
    network.weights.emplace_back(fit.weights(ConstView<double>(p), l));
    network.biases.emplace_back(fit.bias(ConstView<double>(p), l));
  }
  network.slope = fit.options().slope;
  network.activated_output = fit.options().activated_output;
  return network;
}

Array<double> test_values(const Problem& problem, const Array<double>& p) {
  Array<double> values(problem.test_y.shape());
  FullyConnectedNetwork<double>(network_of(problem.fit, p)).values(problem.test_x, values);
  return values;
}

double test_error(const Problem& problem, const Array<double>& p) {
  const Array<double> values = test_values(problem, p);
  const double d = distance(values, problem.test_y);
  return d * d / static_cast<double>(values.size());
}

Json prune_and_save(const Problem& problem, const Array<double>& p, const std::string& experiment,
                    const std::string& file) {
  const PrunedNetwork pruned = prune(network_of(problem.fit, p));
  const Index count = problem.test_x.shape()[1];
  Array<double> x(Shape{static_cast<Index>(pruned.inputs.size()), count});
  for (std::size_t i = 0; i < pruned.inputs.size(); ++i)
    copy<double>(problem.test_x.slice(pruned.inputs[i]), x.slice(static_cast<Index>(i)));
  const Array<double> before = test_values(problem, p);
  Array<double> after(before.shape());
  const FullyConnectedNetwork<double> small(pruned.parameters);
  small.values(x, after);
  combine<double>(1, after, -1, before, after);
  save_model(file, Model<double>{small, {"fejer experiment run " + experiment, "pruned"}});
  Json widths = {pruned.inputs.size()};
  for (const auto& w : pruned.parameters.weights) widths.push_back(w.shape()[0]);
  return {{"widths", widths}, {"largest_difference", max_abs<double>(after)}};
}

std::string number(const Json& value, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, value.get<double>());
  return text;
}

std::string cell(const Json& record, const char* key, const char* format) {
  return record.contains(key) && record[key].is_number() ? number(record[key], format) : "";
}

std::string shares(const Json& values) {
  std::string text;
  for (const Json& v : values) text += (text.empty() ? "" : " / ") + number(v, "%.2f");
  return text;
}

}  // namespace fejer::sparse_training
