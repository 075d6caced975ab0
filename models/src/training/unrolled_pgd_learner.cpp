#include <fejer/models/training/unrolled_pgd_learner.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include <fejer/vector.hpp>

namespace fejer {
namespace {

constexpr double least_step = 0.02, step_range = 1.96;
/// Far beyond the numbers that the noise of a measurement takes from the same stream.
constexpr std::uint64_t choice_of_operator = std::uint64_t{1} << 62,
                        choice_of_phase = choice_of_operator + 1;

/// Numbers of an input before the data: the operator's, and the phase.
template <class X>
constexpr Index leading = is_complex<X> ? 2 : 1;

std::string prefix(std::size_t network) { return "net_" + std::to_string(network) + "_"; }

double logistic(double s) { return 1 / (1 + std::exp(-s)); }

/// The planes on which denoisers work: the image, or its real and imaginary part.
template <class T>
std::vector<Array<T>> planes_of(const Array<T>& x) {
  return {x};
}
template <class T>
std::vector<Array<T>> planes_of(const Array<std::complex<T>>& x) {
  return {real_part<T>(x), imaginary_part<T>(x)};
}
template <class T>
void from_planes(const std::vector<Array<T>>& planes, Array<T>& x) {
  x = planes[0];
}
template <class T>
void from_planes(const std::vector<Array<T>>& planes, Array<std::complex<T>>& x) {
  for (Index i = 0; i < x.size(); ++i) x[i] = {planes[0][i], planes[1][i]};
}

/// x_0 .. x_K, and the points z_k at which denoiser k is applied.
template <class X>
struct Path {
  Array<X> adjoint;                 // A* y
  std::vector<Array<X>> residuals;  // A*(A x_k - y)
  std::vector<Array<X>> points;     // z_k
  Array<X> end;                     // x_K
};

template <class X>
void gradient_step(const LinearOperator<X>& A, double gamma, const Array<X>& x, Path<X>& path) {
  Array<X> g(x.shape()), z(x.shape());
  A.normal(x, g);
  const auto step = static_cast<Real<X>>(gamma);
  for (Index i = 0; i < x.size(); ++i) {
    g[i] -= path.adjoint[i];
    z[i] = x[i] - step * g[i];
  }
  path.residuals.push_back(std::move(g));
  path.points.push_back(std::move(z));
}

/// D(z) = (z + N(z)) / 2 plane by plane.
template <class X, class Pass>
Array<X> denoised(const Array<X>& z, Pass& pass) {
  auto planes = planes_of(z);
  for (auto& plane : planes) {
    const auto& network = pass.forward(plane);
    for (Index i = 0; i < plane.size(); ++i) plane[i] = (plane[i] + network[i]) / 2;
  }
  Array<X> x(z.shape());
  from_planes(planes, x);
  return x;
}

/// g <- D'(z)^T g; parameter gradients go to the pass.
template <class X, class Pass>
void pull_through_denoiser(const Array<X>& z, Pass& pass, Array<X>& g) {
  const auto points = planes_of(z);
  auto pulls = planes_of(g);
  for (std::size_t c = 0; c < points.size(); ++c) {
    auto& pull = pulls[c];
    for (auto& v : pull) v /= 2;
    Array<Real<X>> through;
    pass.forward(points[c]);
    pass.backward(points[c], pull, &through);
    for (Index i = 0; i < pull.size(); ++i) pull[i] += through[i];
  }
  from_planes(pulls, g);
}

/// Loss of the end of a path, turned back by the phase, and its gradient.
template <class T>
double loss_of(const Array<T>& x, double, ConstView<T> target, LossGradient<T> loss, Array<T>& g) {
  return loss(x, target, g);
}
template <class T>
double loss_of(Array<std::complex<T>> x, double phase, ConstView<T> target, LossGradient<T> loss,
               Array<std::complex<T>>& g) {
  const auto turn = std::polar<T>(1, static_cast<T>(phase));
  for (auto& v : x) v *= std::conj(turn);
  const Array<T> zero(target.shape());
  const std::vector<Array<T>> parts = planes_of(x);
  std::vector<Array<T>> pulls(2, zero);
  double sum = loss(parts[0], target, pulls[0]);
  sum += loss(parts[1], zero, pulls[1]);
  from_planes(pulls, g);
  for (auto& v : g) v *= turn;
  return sum;
}

}  // namespace

template <class X>
UnrolledPgdLearner<X>::UnrolledPgdLearner(const UnrolledPgdOptions& options,
                                          std::vector<MeasuredProblem<X>> problems)
    : options_(options), problems_(std::move(problems)), cnn_(options.network) {
  if (options.iterations < 1)
    throw ArgumentError("UnrolledPgdLearner: at least 1 iteration is needed");
  if (problems_.empty()) throw ArgumentError("UnrolledPgdLearner: no operator is given");
  const Shape& first = problems_.front().A.domain();
  for (const auto& problem : problems_) {
    const Shape& image = problem.A.domain();
    if (image.rank() != 3 || image[0] != 1)
      throw ShapeError("UnrolledPgdLearner: the operator takes images " + to_string(image) +
                       ", expected (1, H, W)");
    if (!(image == first))
      throw ShapeError("UnrolledPgdLearner: one operator takes images " + to_string(first) +
                       ", another " + to_string(image));
    const double norm = problem.A.norm_interval().upper;
    if (!(norm > 0) || !std::isfinite(norm))
      throw ArgumentError(
          "UnrolledPgdLearner: the operator's norm must have a finite bound above 0");
    norm_ = std::max(norm_, norm);
  }
}

template <class X>
Parameters UnrolledPgdLearner<X>::joined(const Array<double>& steps,
                                         const std::vector<Parameters>& parts) const {
  Parameters all;
  all.add("steps", "steps", steps);
  for (std::size_t k = 0; k < parts.size(); ++k)
    for (const auto& entry : parts[k].entries())
      all.add(prefix(k) + entry.name, entry.group, entry.value);
  return all;
}

template <class X>
std::vector<Parameters> UnrolledPgdLearner<X>::parts_of(const Parameters& all) const {
  std::vector<Parameters> parts(static_cast<std::size_t>(networks()));
  const std::size_t each = (all.entries().size() - 1) / parts.size();
  for (std::size_t i = 1; i < all.entries().size(); ++i) {
    const auto& entry = all.entries()[i];
    const std::size_t k = (i - 1) / each;
    parts[k].add(entry.name.substr(prefix(k).size()), entry.group, entry.value);
  }
  return parts;
}

template <class X>
Parameters UnrolledPgdLearner<X>::initial(const Rng& rng) const {
  Parameters part = cnn_.initial(rng);
  // What the middle taps make of an image of one pixel, layer by layer; the last one undoes it.
  std::vector<double> features = {1};
  for (Index l = 0; l < options_.network.layers; ++l) {
    Array<double>& w = part["weight_" + std::to_string(l)];
    const Index out = w.shape()[0], in = w.shape()[1], taps = w.shape()[2] * w.shape()[3];
    for (Index i = 0; i < w.size(); ++i)
      if (i % taps != taps / 2) w[i] *= 0.1;
    const auto middle = [&](Index o, Index i) -> double& {
      return w[(o * in + i) * taps + taps / 2];
    };
    if (l + 1 == options_.network.layers) {
      for (Index i = 0; i < in; ++i) middle(0, i) = features[static_cast<std::size_t>(i)];
      break;
    }
    std::vector<double> next(static_cast<std::size_t>(out));
    for (Index o = 0; o < out; ++o)
      for (Index i = 0; i < in; ++i)
        next[static_cast<std::size_t>(o)] += middle(o, i) * features[static_cast<std::size_t>(i)];
    features = std::move(next);
  }
  return joined(Array<double>(Shape{options_.iterations}),
                std::vector<Parameters>(static_cast<std::size_t>(networks()), part));
}

template <class X>
typename UnrolledPgdLearner<X>::Prepared UnrolledPgdLearner<X>::prepare(const Parameters& p) const {
  Prepared prepared;
  prepared.parts = parts_of(p);
  for (const Parameters& part : prepared.parts) prepared.networks.push_back(cnn_.prepare(part));
  for (const double s : p["steps"])
    prepared.steps.push_back((least_step + step_range * logistic(s)) / (norm_ * norm_));
  return prepared;
}

template <class X>
Parameters UnrolledPgdLearner<X>::effective_zeros(const Prepared& prepared) const {
  return joined(Array<double>(Shape{options_.iterations}), prepared.parts).zeros();
}

template <class X>
typename UnrolledPgdLearner<X>::Measured UnrolledPgdLearner<X>::data_of(
    const Sample<T>& sample) const {
  const ConstView<T>& input = sample.input;
  const double number = input.size() > 0 ? static_cast<double>(input[0]) : -1;
  if (!(number >= 0 && number < static_cast<double>(problems_.size()) &&
        number == std::floor(number)))
    throw ShapeError("UnrolledPgdLearner: the input does not begin with the number of an operator");
  const MeasuredProblem<X>& problem = problems_[static_cast<std::size_t>(number)];
  Array<X> y(problem.A.range());
  constexpr Index skip = leading<X>;
  if (input.size() != skip + y.size() * static_cast<Index>(sizeof(X) / sizeof(T)))
    throw ShapeError("UnrolledPgdLearner: the input has shape " + to_string(input.shape()) +
                     ", expected the number of an operator and data of shape " +
                     to_string(y.shape()));
  for (Index i = 0; i < y.size(); ++i) {
    if constexpr (is_complex<X>)
      y[i] = {input[skip + 2 * i], input[skip + 1 + 2 * i]};
    else
      y[i] = input[skip + i];
  }
  return {problem, is_complex<X> ? static_cast<double>(input[1]) : 0, std::move(y)};
}

template <class X>
double UnrolledPgdLearner<X>::shard_gradient(const Prepared& prepared, const Shard<T>& shard,
                                             LossGradient<T> loss, Parameters& effective,
                                             Figures&) const {
  std::vector<Parameters> sums;
  for (const auto& network : prepared.networks) sums.push_back(cnn_.effective_zeros(network));
  std::vector<typename Cnn::Pass> passes;
  for (std::size_t k = 0; k < sums.size(); ++k)
    passes.emplace_back(cnn_, prepared.networks[k], sums[k]);
  Array<double> steps(Shape{options_.iterations});
  double total = 0;
  for (const Sample<T>& sample : shard) {
    const auto [problem, phase, y] = data_of(sample);
    Path<X> path;
    path.adjoint = problem.A.apply_adjoint(y);
    path.end = problem.start(y);
    for (Index k = 0; k < options_.iterations; ++k) {
      gradient_step(problem.A, prepared.steps[static_cast<std::size_t>(k)], path.end, path);
      path.end = denoised(path.points.back(), passes[network_of(k)]);
    }
    Array<X> g(path.end.shape()), back(path.end.shape());
    total += loss_of(path.end, phase, sample.target, loss, g);
    for (Index k = options_.iterations; k-- > 0;) {
      const auto at = static_cast<std::size_t>(k);
      pull_through_denoiser(path.points[at], passes[network_of(k)], g);
      steps[k] -= dot(path.residuals[at], g);
      if (k == 0) break;
      problem.A.normal(g, back);
      axpy<X>(static_cast<T>(-prepared.steps[at]), ConstView<X>(back), View<X>(g));
    }
  }
  for (auto& pass : passes) pass.finish();
  axpy(1.0, joined(steps, sums), effective);
  return total;
}

template <class X>
Parameters UnrolledPgdLearner<X>::pull_back(const Parameters& p, const Prepared& prepared,
                                            const Parameters& effective) const {
  std::vector<Parameters> parts = parts_of(effective);
  for (std::size_t k = 0; k < parts.size(); ++k)
    parts[k] = cnn_.pull_back(prepared.parts[k], prepared.networks[k], parts[k]);
  Array<double> steps = effective["steps"];
  for (Index k = 0; k < steps.size(); ++k) {
    const double l = logistic(p["steps"][k]);
    steps[k] *= step_range * l * (1 - l) / (norm_ * norm_);
  }
  return joined(steps, parts);
}

template <class X>
double UnrolledPgdLearner<X>::penalty(const Parameters&, const Prepared& prepared,
                                      Parameters& gradient) const {
  std::vector<Parameters> parts;
  double sum = 0;
  for (std::size_t k = 0; k < prepared.parts.size(); ++k) {
    parts.push_back(prepared.parts[k].zeros());
    sum += cnn_.penalty(prepared.parts[k], prepared.networks[k], parts[k]);
  }
  axpy(1.0, joined(Array<double>(Shape{options_.iterations}), parts), gradient);
  return sum;
}

template <class X>
void UnrolledPgdLearner<X>::estimate(const Prepared& prepared, const Sample<T>& sample,
                                     View<T> out) const {
  const Measured measured = data_of(sample);
  const MeasuredProblem<X>& problem = measured.problem;
  const Array<X>& y = measured.y;
  Parameters unused;
  std::vector<typename Cnn::Pass> passes;
  for (const auto& network : prepared.networks) passes.emplace_back(cnn_, network, unused);
  Path<X> path;
  path.adjoint = problem.A.apply_adjoint(y);
  path.end = problem.start(y);
  for (Index k = 0; k < options_.iterations; ++k) {
    gradient_step(problem.A, prepared.steps[static_cast<std::size_t>(k)], path.end, path);
    path.end = denoised(path.points.back(), passes[network_of(k)]);
    path.points.clear();
    path.residuals.clear();
  }
  require_shape("UnrolledPgdLearner estimate", out.shape(), path.end.shape());
  for (Index i = 0; i < out.size(); ++i) {
    if constexpr (is_complex<X>)
      out[i] = std::abs(path.end[i]);
    else
      out[i] = path.end[i];
  }
}

template <class X>
Array<typename UnrolledPgdLearner<X>::T> UnrolledPgdLearner<X>::measure(
    ConstView<T> image, double sigma, const RandomStream& noise) const {
  const std::uint64_t number = noise.bits(choice_of_operator) % problems_.size();
  const MeasuredProblem<X>& problem = problems_[number];
  require_shape("UnrolledPgdLearner: an image", image.shape(), problem.A.domain());
  Array<X> x(image.shape());
  double phase = 0;
  for (Index i = 0; i < x.size(); ++i) x[i] = image[i];
  if constexpr (is_complex<X>) {
    if (options_.random_phase) phase = 2 * std::numbers::pi * noise.uniform(choice_of_phase);
    for (X& v : x) v *= std::polar<T>(1, static_cast<T>(phase));
  }
  Array<X> y = problem.A.apply(x);
  problem.add_noise(y, sigma, noise);
  constexpr Index skip = leading<X>;
  Array<T> input(Shape{skip + y.size() * static_cast<Index>(sizeof(X) / sizeof(T))});
  input[0] = static_cast<T>(number);
  if constexpr (is_complex<X>) input[1] = static_cast<T>(phase);
  for (Index i = 0; i < y.size(); ++i) {
    if constexpr (is_complex<X>) {
      input[skip + 2 * i] = y[i].real();
      input[skip + 1 + 2 * i] = y[i].imag();
    } else {
      input[skip + i] = y[i];
    }
  }
  return input;
}

template <class X>
Model<float> UnrolledPgdLearner<X>::to_model(const Parameters& p) const {
  p.require_like("UnrolledPgdLearner parameters", initial(Rng(0)));
  UnrolledPgdParameters result;
  const Prepared prepared = prepare(p);
  for (const Parameters& part : prepared.parts)
    result.denoisers.push_back(
        std::get<LipschitzCnn<float>>(cnn_.to_model(part).value).parameters());
  result.steps = prepared.steps;
  result.operator_norm = norm_;
  result.noise_level = options_.noise_level;
  return {UnrolledPgd<float>(result), {}};
}

template class UnrolledPgdLearner<float>;
template class UnrolledPgdLearner<double>;
template class UnrolledPgdLearner<std::complex<float>>;
template class UnrolledPgdLearner<std::complex<double>>;

}  // namespace fejer
