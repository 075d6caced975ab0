#include <fejer/models/training/unrolled_pgd_learner.hpp>

#include <numeric>

#include <doctest/doctest.h>
#include <fejer/algorithms/run.hpp>
#include <fejer/operators/measurement.hpp>
#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

#include "../small_models.hpp"
#include "differences.hpp"

using namespace fejer;
using namespace fejer_test;

namespace {

Measurement blurred(double width = 0.8) {
  Measurement m;
  m.setup = BlurSetup{gaussian_kernel<double>(width), Boundary::reflect};
  m.data = Array<float>(Shape{1, 7, 6});
  return m;
}

/// Two coils, every other column.
Measurement mri() {
  MriSetup s{Array<float>(Shape{7, 6}), Array<std::complex<float>>(Shape{2, 7, 6})};
  fill_uniform(View<std::complex<float>>(s.maps), Rng(7).stream("maps"));
  for (Index i = 0; i < s.mask.size(); ++i) s.mask[i] = i % 2 == 0 ? 1.0f : 0.0f;
  Measurement m;
  m.setup = s;
  m.data = Array<std::complex<float>>(Shape{2, 7, 6});
  return m;
}

template <class X>
MeasuredProblem<X> problem_of(const Measurement& m) {
  const LinearOperator<X> A = make_operator<X>(m);
  return {A, [A](const Array<X>& y) { return A.apply_adjoint(y); },
          [m](View<X> y, double sigma, const RandomStream& noise) {
            add_noise<X>(m, sigma, noise, y);
          }};
}

template <class X>
std::vector<MeasuredProblem<X>> problems_of(const std::vector<Measurement>& ms) {
  std::vector<MeasuredProblem<X>> problems;
  for (const Measurement& m : ms) problems.push_back(problem_of<X>(m));
  return problems;
}

UnrolledPgdOptions small(bool shared) {
  UnrolledPgdOptions o;
  o.network.layers = 3;
  o.network.channels = 3;
  o.network.knots = 9;
  o.network.tv2 = 1e-2;
  o.iterations = 3;
  o.shared = shared;
  o.noise_level = 0.02;
  return o;
}

/// Not at the kinks of the start, with slopes beyond the bounds.
Parameters shaken_network(const Parameters& p) {
  Parameters result = p;
  for (auto& entry : result.entries()) {
    const double size = entry.name == "steps" ? 0.5 : 0.05;
    const Array<double> noise = random_array(entry.value.shape(), "shake " + entry.name, size);
    for (Index i = 0; i < noise.size(); ++i) entry.value[i] += noise[i];
  }
  return result;
}

template <class X>
void check_gradients(const std::vector<Measurement>& ms, bool shared, bool phase = false) {
  const ScopedThreads one(1);  // small images
  UnrolledPgdOptions options = small(shared);
  options.random_phase = phase;
  const UnrolledPgdLearner<X> author(options, problems_of<X>(ms));
  const Learner<double> learner = author;
  const Parameters p = shaken_network(learner.initial(Rng(4)));
  const Array<double> images = random_array({2, 1, 7, 6}, "images", 0.5);
  std::vector<Array<double>> inputs;
  Shard<double> shard;
  for (Index i = 0; i < 2; ++i)
    inputs.push_back(learner.measure(images.slice(i), 0.02, Rng(1).stream(std::to_string(i))));
  for (Index i = 0; i < 2; ++i)
    shard.push_back({inputs[static_cast<std::size_t>(i)], images.slice(i), 0.02, 0});
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
    const Index stride = entry.value.size() > 10 ? 11 : 1;
    CHECK(gradient_error(value, entry.value, gradient[entry.name], 1e-6, stride) < 1e-6);
  }
}

/// The input of a sample, and what of it is measured.
Array<float> measured(const UnrolledPgdLearner<float>& learner, const std::string& image) {
  Array<float> x = random_array<float>({1, 7, 6}, image, 0.5);
  return learner.measure(x, 0.02, Rng(1).stream("noise"));
}
Array<float> data_of(const Array<float>& input) {
  Array<float> y(Shape{1, 7, 6});
  std::copy(input.begin() + 1, input.end(), y.begin());
  return y;
}

}  // namespace

TEST_CASE("unrolled PGD learner: the gradient of loss and penalty for every parameter") {
  for (const bool shared : {true, false}) {
    INFO("shared ", shared);
    check_gradients<double>({blurred()}, shared);
    check_gradients<std::complex<double>>({mri()}, shared);
    check_gradients<double>({blurred(), blurred(0.4)}, shared);
    check_gradients<std::complex<double>>({mri()}, shared, true);
  }
}

TEST_CASE("unrolled PGD learner: the model is what was trained, every layer certified") {
  const Measurement m = blurred();
  for (const bool shared : {true, false}) {
    const UnrolledPgdLearner<float> learner(small(shared), {problem_of<float>(m)});
    const Parameters p = shaken_network(learner.initial(Rng(4)));
    const Model<float> model = learner.to_model(p);
    const UnrolledPgd<float>& network = model.unrolled();
    const LinearOperator<float> A = make_operator<float>(m);
    const Certificate c = network.certificate(A.norm_interval().upper);
    CHECK(c.kind == Certificate::Kind::proven);
    CHECK(c.averagedness < 1);
    CHECK(network.network_bound() <= 1 + 1e-12);

    const auto result = [&](const Array<float>& y) {
      return run(UnrolledIteration<float>(network, A, y), A.apply_adjoint(y),
                 {.max_iterations = network.layers(), .tolerance = 0})
          .x;
    };
    const Array<float> input = measured(learner, "x"), y = data_of(input);
    Array<float> trained(y.shape());
    learner.estimate(learner.prepare(p), {input, y, 0.02, 0}, trained);
    CHECK(largest_difference(trained, result(y)) < 1e-5);
    // The bound of the class comment, ||x_0 - x_0'|| being at most ||A|| ||y - y'||.
    const Array<float> z = data_of(measured(learner, "another"));
    const auto& steps = network.parameters().steps;
    const double sum = std::accumulate(steps.begin(), steps.end(), 1.0);
    CHECK(distance(result(y), result(z)) <=
          sum * A.norm_interval().upper * distance(y, z) * (1 + 1e-5));
  }
}

TEST_CASE("unrolled PGD learner: starts about where gradient descent is") {
  const Measurement m = blurred();
  UnrolledPgdOptions o = small(true);
  o.network.channels = 16;
  const UnrolledPgdLearner<float> learner(o, {problem_of<float>(m)});
  const UnrolledPgd<float> network = learner.to_model(learner.initial(Rng(4))).unrolled();
  Array<float> x(Shape{1, 24, 24}), y(x.shape());
  for (Index i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 24) / 24;
  network.denoiser(0).network(x, y);
  CHECK(distance(x, y) < 0.25 * norm(x));
}

TEST_CASE(
    "unrolled PGD learner: every sample is measured by one of the operators and knows which") {
  const std::vector<Measurement> ms = {blurred(), blurred(0.4), blurred(1.5)};
  const UnrolledPgdLearner<float> learner(small(true), problems_of<float>(ms));
  const Array<float> x = random_array<float>({1, 7, 6}, "x", 0.5);
  std::vector<int> drawn(3);
  for (int i = 0; i < 30; ++i) {
    const Array<float> input = learner.measure(x, 0, Rng(1).stream(std::to_string(i)));
    const auto number = static_cast<std::size_t>(input[0]);
    ++drawn[number];
    CHECK(same_bits(data_of(input), make_operator<float>(ms[number]).apply(x)));
  }
  for (const int times : drawn) CHECK(times > 3);
  Array<float> wrong = learner.measure(x, 0, Rng(1).stream("wrong"));
  wrong[0] = 3;
  CHECK(throws_with<ShapeError>(
      [&] {
        learner.estimate(learner.prepare(learner.initial(Rng(1))), {wrong, x, 0, 0}, wrong);
      },
      "number of an operator"));
}

TEST_CASE("unrolled PGD learner: training images are turned by a random phase where asked for") {
  UnrolledPgdOptions o = small(true);
  o.random_phase = true;
  const Measurement m = mri();
  using Complex = std::complex<double>;
  const UnrolledPgdLearner<Complex> learner(o, {problem_of<Complex>(m)});
  const Array<double> x = random_array({1, 7, 6}, "x", 0.5);
  const Array<double> input = learner.measure(x, 0, Rng(1).stream("noise"));
  const double phase = input[1];
  CHECK(phase > 0);
  const LinearOperator<Complex> A = make_operator<Complex>(m);
  Array<Complex> turned(x.shape());
  for (Index i = 0; i < x.size(); ++i) turned[i] = std::polar(1.0, phase) * x[i];
  const Array<Complex> y = A.apply(turned);
  for (Index i = 0; i < y.size(); ++i)
    CHECK(std::abs(y[i] - Complex(input[2 + 2 * i], input[3 + 2 * i])) < 1e-12);
  CHECK(learner.measure(x, 0, Rng(1).stream("another"))[1] != phase);
}

TEST_CASE("unrolled PGD learner: complex images, as its model has them") {
  const Measurement m = mri();
  using Complex = std::complex<float>;
  const UnrolledPgdLearner<Complex> learner(small(true), {problem_of<Complex>(m)});
  const Parameters p = shaken_network(learner.initial(Rng(4)));
  const Model<float> model = learner.to_model(p);
  const LinearOperator<Complex> A = make_operator<Complex>(m);
  const Array<float> image = random_array<float>({1, 7, 6}, "image", 0.5);
  const Array<float> input = learner.measure(image, 0.02, Rng(1).stream("noise"));
  Array<Complex> y(A.range());
  for (Index i = 0; i < y.size(); ++i) {
    y[i] = {input[2 + 2 * i], input[3 + 2 * i]};
    // Nothing is measured, and there is no noise, where the mask is 0.
    if (i % 2 == 1) CHECK(y[i] == Complex(0));
  }
  const Array<Complex> x = run(UnrolledIteration<Complex>(model.unrolled(), A, y),
                               A.apply_adjoint(y), {.max_iterations = 3, .tolerance = 0})
                               .x;
  Array<float> trained(image.shape()), modulus(image.shape());
  learner.estimate(learner.prepare(p), {input, image, 0.02, 0}, trained);
  for (Index i = 0; i < x.size(); ++i) modulus[i] = std::abs(x[i]);
  CHECK(largest_difference(trained, modulus) < 1e-5);
}

TEST_CASE(
    "unrolled PGD: steps stay below 2/L whatever is learned, and other operators are refused") {
  const Measurement m = blurred();
  const LinearOperator<float> A = make_operator<float>(m);
  const UnrolledPgdLearner<float> learner(small(true), {problem_of<float>(m)});
  Parameters p = learner.initial(Rng(4));
  p["steps"][0] = 1e3, p["steps"][1] = -1e3;
  const UnrolledPgd<float> network = learner.to_model(p).unrolled();
  const double norm = A.norm_interval().upper;
  CHECK(network.step_size(0) * norm * norm == doctest::Approx(1.98));
  CHECK(network.step_size(1) * norm * norm == doctest::Approx(0.02));
  CHECK(network.step_size(2) * norm * norm == doctest::Approx(1));
  CHECK(network.certificate(norm).kind == Certificate::Kind::proven);

  Measurement louder = m;
  for (double& v : std::get<BlurSetup>(louder.setup).kernel) v *= 1.1;
  const LinearOperator<float> B = make_operator<float>(louder);
  const Array<float> y(Shape{1, 7, 6}, 0.5f);
  CHECK(B.norm_interval().upper > network.norm_limit());
  CHECK(throws_with<ArgumentError>([&] { UnrolledIteration<float>(network, B, y); }, "layer 1"));
  const UnrolledIteration<float> forced(network, B, y, true);
  auto state = forced.init(y);
  for (; state.iteration < 3; ++state.iteration) forced.step(state);
  CHECK(throws_with<ArgumentError>([&] { forced.step(state); }, "3 layers"));
}

TEST_CASE("unrolled PGD learner: same bits for any number of threads") {
  const Measurement m = blurred();
  const UnrolledPgdLearner<float> learner(small(false), {problem_of<float>(m)});
  const auto loss = [](ConstView<float> x, ConstView<float> t, View<float> g) {
    for (Index i = 0; i < x.size(); ++i) g[i] = x[i] - t[i];
    return 1.0;
  };
  const auto gradient = [&](int count) {
    const ScopedThreads threads(count);
    const Array<float> image = random_array<float>({1, 7, 6}, "image", 0.5);
    const Array<float> input = learner.measure(image, 0.02, Rng(1).stream("noise"));
    const Shard<float> shard{{input, image, 0.02, 0}, {input, image, 0.02, 1}};
    const Parameters p = learner.initial(Rng(4));
    const auto prepared = learner.prepare(p);
    Parameters effective = learner.effective_zeros(prepared);
    Figures figures;
    learner.shard_gradient(prepared, shard, loss, effective, figures);
    return learner.pull_back(p, prepared, effective);
  };
  const Parameters first = gradient(1);
  for (const int count : {2, 4}) {
    const Parameters again = gradient(count);
    for (const auto& entry : first.entries()) CHECK(same_bits(entry.value, again[entry.name]));
  }
}

TEST_CASE("unrolled PGD learner refuses operators without a bound and colour images") {
  struct Unbounded {
    Shape domain() const { return {1, 7, 6}; }
    Shape range() const { return {1, 7, 6}; }
    void apply(ConstView<float> x, View<float> y) const { copy<float>(x, y); }
    void apply_adjoint(ConstView<float> y, View<float> x) const { copy<float>(y, x); }
  };
  MeasuredProblem<float> problem = problem_of<float>(blurred());
  problem.A = LinearOperator<float>(Unbounded{});
  CHECK(throws_with<ArgumentError>([&] { UnrolledPgdLearner<float>(small(true), {problem}); },
                                   "finite bound"));
  Measurement colour = blurred();
  colour.data = Array<float>(Shape{3, 7, 6});
  CHECK(throws_with<ShapeError>(
      [&] { UnrolledPgdLearner<float>(small(true), {problem_of<float>(colour)}); }, "(1, H, W)"));
}
