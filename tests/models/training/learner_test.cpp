#include <doctest/doctest.h>

#include <cmath>

#include <fejer/error.hpp>
#include <fejer/models/training/learner.hpp>

#include "differences.hpp"

using namespace fejer;
using fejer_test::half_square;

namespace {

/// estimate = exp(g) input: the smallest thing that learns.
struct Gain {
  struct Prepared {
    double gain;
  };
  Parameters initial(const Rng&) const {
    Parameters p;
    p.add("log_gain", "gain", Array<double>(Shape{1}));
    return p;
  }
  Prepared prepare(const Parameters& p) const { return {std::exp(p["log_gain"][0])}; }
  Parameters effective_zeros(const Prepared&) const {
    Parameters p;
    p.add("gain", "gain", Array<double>(Shape{1}));
    return p;
  }
  void estimate(const Prepared& prepared, const Sample<double>& s, View<double> out) const {
    for (Index i = 0; i < out.size(); ++i) out[i] = prepared.gain * s.input[i];
  }
  double shard_gradient(const Prepared& prepared, const Shard<double>& shard,
                        LossGradient<double> loss, Parameters& effective, Figures& figures) const {
    double sum = 0;
    for (const Sample<double>& s : shard) {
      Array<double> x(s.input.shape()), g(s.input.shape());
      estimate(prepared, s, x);
      sum += loss(x, s.target, g);
      for (Index i = 0; i < g.size(); ++i) effective["gain"][0] += g[i] * s.input[i];
      figures["samples"] += 1;
    }
    return sum;
  }
  Parameters pull_back(const Parameters& p, const Prepared& prepared,
                       const Parameters& effective) const {
    Parameters result = p.zeros();
    result["log_gain"][0] = effective["gain"][0] * prepared.gain;
    return result;
  }
};

}  // namespace

TEST_CASE("parameters keep names, groups and shapes") {
  Parameters p;
  p.add("a", "one", Array<double>(Shape{2}, 3.0));
  p.add("b", "two", Array<double>(Shape{1, 3}, -1.0));
  CHECK(p.size() == 5);
  CHECK_THROWS_AS(p.add("a", "one", Array<double>(Shape{1})), ArgumentError);
  CHECK_THROWS_WITH(p["c"], "Parameters: no entry 'c'; there are: a, b");
  Parameters q = p.zeros();
  CHECK(dot(q, p) == 0);
  axpy(2.0, p, q);
  CHECK(q["a"][1] == 6);
  CHECK(dot(p, q) == 2 * (2 * 9 + 3));
  scale(q, 0.5);
  CHECK(q["b"][2] == -1);
  Parameters other;
  other.add("a", "one", Array<double>(Shape{2}));
  CHECK_THROWS_AS(axpy(1.0, other, p), ArgumentError);
  CHECK(all_finite(p));
  p["b"][1] = std::nan("");
  CHECK_FALSE(all_finite(p));
}

TEST_CASE("a learner's gradient is that of its loss") {
  const Learner<double> learner = Gain{};
  Array<double> x(Shape{1, 1, 3}), y(Shape{1, 1, 3});
  for (Index i = 0; i < 3; ++i) x[i] = 0.2 * double(i + 1), y[i] = 1 - x[i];
  const Shard<double> shard{{x, y, 0.1, 0}};
  const auto loss = [](ConstView<double> a, ConstView<double> b, View<double> g) {
    return half_square(a, b, g);
  };
  const auto value = [&](double g, Parameters* gradient) {
    Parameters p = learner.initial(Rng(1));
    p["log_gain"][0] = g;
    const auto prepared = learner.prepare(p);
    Parameters effective = learner.effective_zeros(prepared);
    Figures figures;
    const double v = learner.shard_gradient(prepared, shard, loss, effective, figures);
    CHECK(figures["samples"] == 1);
    if (gradient != nullptr) {
      *gradient = learner.pull_back(p, prepared, effective);
      CHECK(learner.penalty(p, prepared, *gradient) == 0);
    }
    return v;
  };
  Parameters gradient;
  value(0.3, &gradient);
  const double h = 1e-5, numeric = (value(0.3 + h, nullptr) - value(0.3 - h, nullptr)) / (2 * h);
  CHECK(gradient["log_gain"][0] == doctest::Approx(numeric).epsilon(1e-8));
}
