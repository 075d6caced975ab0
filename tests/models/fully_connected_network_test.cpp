#include <fejer/models/fully_connected_network.hpp>

#include <doctest/doctest.h>

#include <fejer/models/model_file.hpp>
#include <fejer/vector.hpp>

#include "../data.hpp"
#include "small_models.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

FullyConnectedParameters network_of(const std::vector<Index>& widths, double slope = 0.1) {
  FullyConnectedParameters p;
  for (std::size_t l = 1; l < widths.size(); ++l) {
    const std::string name = std::to_string(l);
    p.weights.push_back(random_array({widths[l], widths[l - 1]}, "weight " + name, 0.7));
    p.biases.push_back(random_array({widths[l]}, "bias " + name, 0.3));
  }
  p.slope = slope;
  return p;
}

/// The same with random splines: one a unit in the first hidden layer, shared ones in the others.
FullyConnectedParameters with_splines(FullyConnectedParameters p, Index knots = 9) {
  for (std::size_t l = 0; l < p.activated(); ++l) {
    const Index rows = l == 0 ? p.weights[0].shape()[0] : 1;
    p.splines.push_back(random_array({rows, knots}, "spline " + std::to_string(l), 0.4));
  }
  p.x_min = -1.5;
  p.x_max = 1.2;
  return p;
}

void clear_column(Array<double>& w, Index j) {
  for (Index i = 0; i < w.shape()[0]; ++i) w[i * w.shape()[1] + j] = 0;
}
void clear_row(Array<double>& w, Index i) {
  for (Index j = 0; j < w.shape()[1]; ++j) w[i * w.shape()[1] + j] = 0;
}

Array<double> values_of(const FullyConnectedParameters& p, const Array<double>& x) {
  Array<double> y(Shape{p.weights.back().shape()[0], x.shape()[1]});
  FullyConnectedNetwork<double>(p).values(x, y);
  return y;
}

/// The rows of x that a pruned network takes.
Array<double> rows_of(const Array<double>& x, const std::vector<Index>& rows) {
  Array<double> result(Shape{static_cast<Index>(rows.size()), x.shape()[1]});
  for (std::size_t i = 0; i < rows.size(); ++i)
    copy<double>(x.slice(rows[i]), result.slice(static_cast<Index>(i)));
  return result;
}

double change_by_pruning(const FullyConnectedParameters& p, const PrunedNetwork& pruned) {
  const Array<double> x = random_array({p.weights[0].shape()[1], 300}, "x");
  return largest_difference(values_of(p, x),
                            values_of(pruned.parameters, rows_of(x, pruned.inputs)));
}

}  // namespace

TEST_CASE("fully connected networks: a hand-computed case") {
  FullyConnectedParameters p = network_of({2, 2, 1});
  p.weights[0] = Array<double>(Shape{2, 2});
  p.weights[0][0] = 1, p.weights[0][1] = 2, p.weights[0][2] = -1, p.weights[0][3] = 0.5;
  p.biases[0][0] = 0.5, p.biases[0][1] = -1;
  p.weights[1][0] = 2, p.weights[1][1] = -3;
  p.biases[1][0] = 0.25;
  Array<double> x(Shape{2, 1});
  x[0] = 1, x[1] = 1;
  // u = (3.5, -1.5), v = (3.5, -0.15), 7 + 0.45 + 0.25.
  CHECK(values_of(p, x)[0] == doctest::Approx(7.7));
  p.weights[1][0] = -2;
  CHECK(values_of(p, x)[0] == doctest::Approx(-6.3));
  p.activated_output = true;
  CHECK(values_of(p, x)[0] == doctest::Approx(-0.63));
}

TEST_CASE(
    "fully connected networks: the same bits for any number of threads, float beside double") {
  const FullyConnectedParameters p = network_of({7, 9, 5, 3});
  const Array<double> x = random_array({7, 1000}, "x");
  Array<double> first(Shape{3, 1000}), second(first.shape());
  const FullyConnectedNetwork<double> network(p);
  {
    const ScopedThreads one(1);
    network.values(x, first);
  }
  const ScopedThreads three(3);
  network.values(x, second);
  CHECK(same_bits(first, second));
  Array<float> single(first.shape());
  const Array<float> single_x = converted<float>(x);
  FullyConnectedNetwork<float>(p).values(single_x, single);
  for (Index i = 0; i < single.size(); i += 37)
    CHECK(single[i] == doctest::Approx(first[i]).epsilon(1e-4));
}

TEST_CASE("fully connected networks: no difference quotient exceeds the bound, which is attained") {
  const FullyConnectedParameters p = network_of({4, 6, 2});
  const FullyConnectedNetwork<double> network(p);
  const Array<double> a = random_array({4, 200}, "a"), b = random_array({4, 200}, "b");
  const Array<double> va = values_of(p, a), vb = values_of(p, b);
  for (Index n = 0; n < 200; ++n) {
    double in = 0, out = 0;
    for (Index i = 0; i < 4; ++i) in += std::pow(a[i * 200 + n] - b[i * 200 + n], 2);
    for (Index i = 0; i < 2; ++i) out += std::pow(va[i * 200 + n] - vb[i * 200 + n], 2);
    CHECK(std::sqrt(out) <= network.lipschitz_bound() * std::sqrt(in));
  }
  FullyConnectedParameters one = network_of({3, 1});
  one.weights[0][0] = 2, one.weights[0][1] = -1, one.weights[0][2] = 2;
  CHECK(FullyConnectedNetwork<double>(one).lipschitz_bound() == doctest::Approx(3));
}

TEST_CASE("fully connected networks with splines: a hand-computed case") {
  FullyConnectedParameters p = network_of({2, 2, 1});
  p.weights[0] = Array<double>(Shape{2, 2});
  p.weights[0][0] = 1, p.weights[0][1] = 2, p.weights[0][2] = -1, p.weights[0][3] = 0.5;
  p.biases[0][0] = 0.5, p.biases[0][1] = -1;
  p.weights[1][0] = 2, p.weights[1][1] = -3;
  p.biases[1][0] = 0.25;
  p.x_min = -1, p.x_max = 1;
  p.splines = {Array<double>(Shape{2, 3})};
  // |t| for the first unit, t/2 left of 0 and -t right of it for the second.
  p.splines[0][0] = 1, p.splines[0][2] = 1, p.splines[0][3] = -0.5, p.splines[0][5] = -1;
  Array<double> x(Shape{2, 1});
  x[0] = 1, x[1] = 1;
  // u = (3.5, -1.5), v = (3.5, -0.75), 7 + 2.25 + 0.25.
  CHECK(values_of(p, x)[0] == doctest::Approx(9.5));
  p.splines[0] = Array<double>(Shape{1, 3});
  p.splines[0][0] = 1, p.splines[0][2] = 1;  // |t| for both: 7 - 4.5 + 0.25
  CHECK(values_of(p, x)[0] == doctest::Approx(2.75));
  // The same as a leaky ReLU.
  FullyConnectedParameters leaky = network_of({4, 6, 5, 2}), spline = leaky;
  for (int l = 0; l < 2; ++l) spline.splines.push_back(row({-0.3, -0.2, -0.1, 0, 1, 2, 3}));
  spline.x_min = -3, spline.x_max = 3;
  const Array<double> many = random_array({4, 50}, "many");
  CHECK(largest_difference(values_of(leaky, many), values_of(spline, many)) < 1e-13);
  CHECK(FullyConnectedNetwork<double>(spline).lipschitz_bound() ==
        doctest::Approx(FullyConnectedNetwork<double>(leaky).lipschitz_bound()).epsilon(1e-14));
}

TEST_CASE("fully connected networks with splines: bound, bits, float beside double") {
  for (const bool activated : {false, true}) {
    FullyConnectedParameters p = network_of({7, 9, 5, 3});
    p.activated_output = activated;
    p = with_splines(p);
    const FullyConnectedNetwork<double> network(p);
    double bound = 1;
    for (const double norm : network.layer_norms()) bound *= norm;
    for (std::size_t l = 0; l < p.splines.size(); ++l) {
      double steepest = 0;  // of the pieces; the tails go on as they end
      const Array<double>& f = p.splines[l];
      for (Index i = 0; i + 1 < f.size(); ++i)
        if (i % 9 < 8) steepest = std::max(steepest, std::abs(f[i + 1] - f[i]) / (2.7 / 8));
      CHECK(network.activation_slopes()[l] == doctest::Approx(steepest).epsilon(1e-12));
      bound *= steepest;
    }
    CHECK(network.lipschitz_bound() == doctest::Approx(bound).epsilon(1e-12));
    const Array<double> a = random_array({7, 1000}, "a"), b = random_array({7, 1000}, "b");
    const Array<double> va = values_of(p, a), vb = values_of(p, b);
    for (Index n = 0; n < 1000; ++n) {
      double in = 0, out = 0;
      for (Index i = 0; i < 7; ++i) in += std::pow(a[i * 1000 + n] - b[i * 1000 + n], 2);
      for (Index i = 0; i < 3; ++i) out += std::pow(va[i * 1000 + n] - vb[i * 1000 + n], 2);
      CHECK(std::sqrt(out) <= network.lipschitz_bound() * std::sqrt(in));
    }
    for (const int threads : {1, 2, 4}) {
      const ScopedThreads scope(threads);
      CHECK(same_bits(va, values_of(p, a)));
    }
    Array<float> single(va.shape());
    const Array<float> single_a = converted<float>(a);
    FullyConnectedNetwork<float>(p).values(single_a, single);
    CHECK(largest_difference(converted<float>(va), single) < 1e-4);
  }
  FullyConnectedParameters steep = network_of({1, 1, 1});
  steep.weights[0][0] = steep.weights[1][0] = 1;
  steep.splines = {row({0, -1, 0, 3})};  // the right tail has slope 3/2
  steep.x_min = -3, steep.x_max = 3;
  CHECK(FullyConnectedNetwork<double>(steep).lipschitz_bound() == doctest::Approx(1.5));
}

TEST_CASE("groups: norms and exact zeros of columns and rows") {
  Array<double> w(Shape{2, 4});
  w[0] = 3, w[4] = 4, w[1] = 1e-300, w[3] = -2;
  const Array<double> columns = group_norms(w, WeightGroups::columns);
  REQUIRE(columns.size() == 4);
  CHECK(columns[0] == 5);
  CHECK(columns[2] == 0);
  CHECK(columns[3] == 2);
  CHECK(group_norms(w, WeightGroups::rows)[1] == 4);
  CHECK(zero_groups(w, WeightGroups::columns) == 0.25);  // 1e-300 is no zero
  CHECK(zero_groups(w, WeightGroups::rows) == 0);
}

TEST_CASE("pruning: what has no effect goes, the values stay") {
  FullyConnectedParameters p = network_of({6, 8, 5, 2});
  clear_column(p.weights[0], 4);  // input 4
  clear_column(p.weights[1], 3);  // unit 3 of the first layer
  clear_row(p.weights[0], 6);     // unit 6 of the first layer is constant
  clear_column(p.weights[2], 0);  // unit 0 of the second layer ...
  // ... and unit 1 of the first, which fed that alone.
  for (Index i = 1; i < 5; ++i) p.weights[1][i * 8 + 1] = 0;
  const PrunedNetwork pruned = prune(p);
  CHECK(pruned.inputs == std::vector<Index>{0, 1, 2, 3, 5});
  CHECK(pruned.parameters.weights[0].shape() == Shape{5, 5});
  CHECK(pruned.parameters.weights[1].shape() == Shape{4, 5});
  CHECK(pruned.parameters.weights[2].shape() == Shape{2, 4});
  CHECK(change_by_pruning(p, pruned) < 1e-14);
  const PrunedNetwork again = prune(pruned.parameters);
  CHECK(again.parameters.weights[1].shape() == Shape{4, 5});
  CHECK(prune(network_of({3, 4, 2})).parameters.weights[0].shape() == Shape{4, 3});
}

TEST_CASE("pruning: splines go with their units, and give the constants of those without input") {
  for (const bool activated : {false, true}) {
    FullyConnectedParameters p = network_of({6, 8, 5, 2});
    p.activated_output = activated;
    p = with_splines(p);
    clear_column(p.weights[0], 4);
    clear_column(p.weights[1], 3);
    clear_row(p.weights[0], 6);  // constant f(b), with a spline of its own
    clear_row(p.weights[0], 7);
    p.biases[0][7] = 4;          // constant, in the tail
    clear_row(p.weights[1], 2);  // constant, with a shared spline
    clear_column(p.weights[2], 0);
    const PrunedNetwork pruned = prune(p);
    CHECK(pruned.parameters.weights[1].shape() == Shape{3, 5});
    CHECK(pruned.parameters.splines[0].shape() == Shape{5, 9});
    CHECK(pruned.parameters.splines[1].shape() == Shape{1, 9});
    CHECK(change_by_pruning(p, pruned) < 1e-13);
  }
  FullyConnectedParameters constant = with_splines(network_of({3, 4, 4, 2}));
  for (double& w : constant.weights[1]) w = 0;
  const PrunedNetwork pruned = prune(constant);
  CHECK(pruned.parameters.splines[0].shape() == Shape{1, 9});
  CHECK(change_by_pruning(constant, pruned) < 1e-14);
}

TEST_CASE("pruning: a layer that is all zero leaves a constant network of one unit a layer") {
  for (const bool activated : {false, true}) {
    FullyConnectedParameters p = network_of({3, 4, 4, 2}, 0);
    p.activated_output = activated;
    for (double& w : p.weights[1]) w = 0;
    const PrunedNetwork pruned = prune(p);
    CHECK(pruned.parameters.weights[0].shape() == Shape{1, 3});
    CHECK(pruned.parameters.weights[1].shape() == Shape{1, 1});
    CHECK(pruned.parameters.weights[2].shape() == Shape{2, 1});
    CHECK(change_by_pruning(p, pruned) < 1e-14);
  }
}

TEST_CASE("fully connected networks: parameters that make no network are refused") {
  FullyConnectedParameters p = network_of({3, 4, 2});
  p.slope = 1;
  CHECK(throws_with<ArgumentError>([&] { FullyConnectedNetwork<double>{p}; }, "[0, 1)"));
  p = network_of({3, 4, 2});
  p.weights[1] = Array<double>(Shape{2, 5});
  CHECK(throws_with<ShapeError>([&] { FullyConnectedNetwork<double>{p}; }, "expected (out, 4)"));
  p.biases.pop_back();
  CHECK(throws_with<ArgumentError>([&] { FullyConnectedNetwork<double>{p}; }, "one of each"));
  const auto splines_refused = [](const auto& change, const std::string& part) {
    FullyConnectedParameters q = with_splines(network_of({3, 4, 4, 2}));
    change(q);
    return throws_with<Error>([&] { FullyConnectedNetwork<double>{q}; }, part);
  };
  using P = FullyConnectedParameters;
  CHECK(splines_refused([](P& q) { q.splines.pop_back(); }, "expected 2"));
  CHECK(splines_refused([](P& q) { q.activated_output = true; }, "expected 3"));
  CHECK(splines_refused(
      [](P& q) {
        q.splines[1] = Array<double>(Shape{3, 9});
      },
      "expected (4, knots)"));
  CHECK(splines_refused([](P& q) { q.splines[0] = Array<double>(Shape{4}); }, "(1, knots)"));
  CHECK(splines_refused([](P& q) { q.splines[0] = Array<double>(Shape{4, 1}); }, "2 knots"));
  CHECK(splines_refused([](P& q) { q.x_max = q.x_min; }, "finite interval"));
  CHECK(splines_refused([](P& q) { q.splines[0][1] = std::nan(""); }, "not finite"));
  const FullyConnectedNetwork<double> network(network_of({3, 4, 2}));
  Array<double> x(Shape{4, 5}), y(Shape{2, 5});
  CHECK_THROWS_AS(network.values(x, y), ShapeError);
}

TEST_CASE("fully connected networks as models: kind, uses, file") {
  const ScratchFolder folder;
  const std::string path = folder / "model.h5";
  FullyConnectedParameters p = network_of({3, 4, 2}, 0.01);
  clear_column(p.weights[0], 1);
  const Model<double> model{FullyConnectedNetwork<double>(p), {"made up", "small"}};
  CHECK(model.kind() == "fully-connected");
  CHECK_FALSE(model.is_ridge());
  CHECK_FALSE(model.noise_level().has_value());
  CHECK(throws_with<ArgumentError>([&] { model.ridge(); }, "no regulariser"));
  CHECK(throws_with<ArgumentError>([&] { make_denoiser(model); }, "no denoiser"));
  save_model(path, model);
  const Model<double> again = load_model<double>(path);
  const auto& q = std::get<FullyConnectedNetwork<double>>(again.value).parameters();
  REQUIRE(q.weights.size() == 2);
  for (std::size_t l = 0; l < 2; ++l) {
    CHECK(same_bits(q.weights[l], p.weights[l]));
    CHECK(same_bits(q.biases[l], p.biases[l]));
  }
  CHECK(q.slope == 0.01);
  CHECK_FALSE(q.activated_output);
  CHECK(load_model<float>(path).origin.name == "small");
  bool described = false;
  for (const auto& [key, value] : describe(again))
    described = described || (key == "zero_columns" && value == "0.3333333 0");
  CHECK(described);
  p.activated_output = true;
  save_model(path, Model<double>{FullyConnectedNetwork<double>(p), {}});
  CHECK(std::get<FullyConnectedNetwork<double>>(load_model<double>(path).value)
            .parameters()
            .activated_output);
}

TEST_CASE("fully connected networks with splines as models: file, facts") {
  const ScratchFolder folder;
  const std::string path = folder / "model.h5";
  for (const bool activated : {false, true}) {
    FullyConnectedParameters p = network_of({3, 4, 2});
    p.activated_output = activated;
    p = with_splines(p);
    save_model(path, Model<double>{FullyConnectedNetwork<double>(p), {}});
    const Model<double> again = load_model<double>(path);
    const auto& q = std::get<FullyConnectedNetwork<double>>(again.value).parameters();
    REQUIRE(q.splines.size() == p.splines.size());
    for (std::size_t l = 0; l < q.splines.size(); ++l) CHECK(same_bits(q.splines[l], p.splines[l]));
    CHECK(q.x_min == -1.5);
    CHECK(q.x_max == 1.2);
    std::string facts;
    for (const auto& [key, value] : describe(again)) facts += key + "=" + value + "\n";
    CHECK(facts.find("activation=splines (4,9)") != std::string::npos);
    CHECK(facts.find("activation_slopes=") != std::string::npos);
  }
}
