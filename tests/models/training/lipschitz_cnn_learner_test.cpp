#include <fejer/models/training/lipschitz_cnn_learner.hpp>

#include <doctest/doctest.h>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "../small_models.hpp"
#include "differences.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

constexpr Activation every[] = {Activation::relu,  Activation::spline,    Activation::absolute,
                                Activation::prelu, Activation::groupsort, Activation::householder};

LipschitzCnnOptions small(Activation activation) {
  LipschitzCnnOptions o;
  o.layers = 3;
  o.channels = 4;
  o.knots = 9;
  o.activation = activation;
  o.tv2 = 1e-2;
  return o;
}

/// Not at the kinks of the start, with slopes beyond the bounds.
Parameters shaken(const Parameters& p) {
  Parameters result = p;
  for (auto& entry : result.entries()) {
    const Array<double> noise = random_array(entry.value.shape(), "shake " + entry.name, 0.05);
    for (Index i = 0; i < noise.size(); ++i) entry.value[i] += noise[i];
  }
  return result;
}

}  // namespace

TEST_CASE("Lipschitz CNN learner: the gradient of loss and penalty, for every activation") {
  const Array<double> input = random_array({2, 1, 7, 6}, "input", 0.5);
  const Array<double> target = random_array({2, 1, 7, 6}, "target", 0.5);
  const Shard<double> shard{{input.slice(0), target.slice(0), 0.1, 0},
                            {input.slice(1), target.slice(1), 0.1, 1}};
  for (const Activation activation : every) {
    INFO(to_string(activation));
    const LipschitzCnnLearner<double> author(small(activation));
    const Learner<double> learner = author;
    const Parameters p = shaken(learner.initial(Rng(4)));
    const auto objective = [&](const Parameters& at, Parameters* gradient) {
      const auto prepared = learner.prepare(at);
      Parameters effective = learner.effective_zeros(prepared);
      Figures figures;
      double value = learner.shard_gradient(prepared, shard, half_square, effective, figures);
      Parameters sum = learner.pull_back(at, prepared, effective);
      value += learner.penalty(at, prepared, sum);
      if (gradient != nullptr) *gradient = sum;
      return value;
    };
    Parameters gradient;
    objective(p, &gradient);
    gradient.require_like("gradient", p);
    for (const auto& entry : p.entries()) {
      const auto value = [&](const Array<double>& v) {
        Parameters moved = p;
        moved[entry.name] = v;
        return objective(moved, nullptr);
      };
      INFO(entry.name);
      CHECK(gradient_error(value, entry.value, gradient[entry.name], 1e-6, 7) < 1e-6);
    }
  }
}

TEST_CASE("Lipschitz CNN learner: the model is what was trained, proven and bounded by 1") {
  for (const Activation activation : every) {
    INFO(to_string(activation));
    const LipschitzCnnLearner<float> learner(small(activation));
    const Parameters p = shaken(learner.initial(Rng(4)));
    const Model<float> model = learner.to_model(p);
    const auto& cnn = std::get<LipschitzCnn<float>>(model.value);
    const Certificate c = cnn.certificate();
    CHECK(c.kind == Certificate::Kind::proven);
    CHECK(c.averagedness == 0.5);
    CHECK(c.lipschitz <= 1);
    CHECK(cnn.network_bound() <= 1 + 1e-15);
    CHECK(cnn.network_bound() > (activation == Activation::spline ? 0.5 : 1 - 1e-9));
    const Array<float> x = random_array<float>({1, 12, 11}, "x", 0.5);
    Array<float> trained(x.shape()), exported(x.shape());
    learner.estimate(learner.prepare(p), {x, x, 0.1, 0}, trained);
    cnn.denoise(x, 10.0 / 255, exported);
    CHECK(largest_difference(trained, exported) < 1e-5);
    // Non-expansive on pairs, far and near.
    for (const double size : {1.0, 1e-2}) {
      Array<float> y = random_array<float>(x.shape(), "y", size), dy(x.shape());
      for (Index i = 0; i < x.size(); ++i) y[i] += x[i];
      cnn.denoise(y, 10.0 / 255, dy);
      CHECK(distance(exported, dy) <= distance(x, y) * (1 + 1e-5));
    }
  }
}

TEST_CASE("Lipschitz CNN learner: same bits for any number of threads") {
  const LipschitzCnnLearner<float> learner(small(Activation::spline));
  const Array<float> input = random_array<float>({1, 40, 40}, "input", 0.5);
  const Shard<float> shard{{input, input, 0.1, 0}};
  const auto loss = [](ConstView<float> x, ConstView<float> t, View<float> g) {
    for (Index i = 0; i < x.size(); ++i) g[i] = x[i] - 0.5f * t[i];
    return 1.0;
  };
  const auto gradient = [&] {
    const Parameters p = learner.initial(Rng(4));
    const auto prepared = learner.prepare(p);
    Parameters effective = learner.effective_zeros(prepared);
    Figures figures;
    learner.shard_gradient(prepared, shard, loss, effective, figures);
    return learner.pull_back(p, prepared, effective);
  };
  const Parameters first = gradient();
  const ScopedThreads threads(3);
  const Parameters again = gradient();
  for (const auto& entry : first.entries()) CHECK(same_bits(entry.value, again[entry.name]));
}

TEST_CASE("Lipschitz CNN learner refuses what cannot be bounded") {
  LipschitzCnnOptions o = small(Activation::spline);
  o.bounds = SlopeBounds::lipschitz(1.5);
  CHECK(throws_with<ArgumentError>([&] { LipschitzCnnLearner<float> bad(o); }, "[-1, 1]"));
  o = small(Activation::groupsort);
  o.channels = 5;
  const LipschitzCnnLearner<float> odd(o);
  CHECK(throws_with<ShapeError>([&] { odd.prepare(odd.initial(Rng(1))); }, "multiple of 2"));
}
