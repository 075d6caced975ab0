#include "filter_finisher.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fejer/models/ridge_denoiser.hpp>
#include <fejer/models/training/filter_selection.hpp>
#include <fejer/vector.hpp>

#include "../tuning/compass_search.hpp"
#include "console.hpp"
#include "text.hpp"

namespace fejer::command {
namespace {

using Json = nlohmann::ordered_json;

constexpr double least_level = 1.0 / 255;  // errors are counted by the noise
constexpr double bias_penalty = 10;
constexpr Index images_at_once = 32;

std::pair<Array<double>, Array<double>> linearised(const RidgeParameters& ridge,
                                                   const FilterSamples& samples) {
  const RidgeRegulariser<float> model(ridge);
  const Index channels = model.channels(), images = samples.clean.shape()[0];
  const Index pixels = samples.clean.size() / images;
  std::pair<Array<double>, Array<double>> result{Array<double>(Shape{channels, images * pixels}),
                                                 Array<double>(Shape{1, images * pixels})};
  auto& [x, y] = result;
  for (Index first = 0; first < images; first += images_at_once) {
    stop_if_interrupted();
    const Index count = std::min(images_at_once, images - first);
    const Shape shape{count, 1, samples.clean.shape()[2], samples.clean.shape()[3]};
    const ConstView<float> noisy(samples.noisy.data() + first * pixels, shape);
    const std::vector<double> sigmas(samples.sigmas.begin() + first,
                                     samples.sigmas.begin() + first + count);
    const FilterEffects<float> e = filter_effects<float>(model, noisy, sigmas);
    for (Index i = 0; i < count * pixels; ++i) {
      const Index n = first * pixels + i;
      const double unit = std::sqrt(sigmas[static_cast<std::size_t>(i / pixels)]);
      double sum = static_cast<double>(e.denoised[i]) - static_cast<double>(samples.clean[n]);
      for (Index c = 0; c < channels; ++c) {
        const auto effect = static_cast<double>(e.effects[c * count * pixels + i]);
        x[c * images * pixels + n] = effect / unit;
        sum += effect;
      }
      y[n] = sum / unit;
    }
  }
  return result;
}

RidgeParameters with_scaling(RidgeParameters ridge, double factor) {
  for (double& s : ridge.scaling->coefficients) s += std::log(factor);
  return ridge;
}

Index filters(const RidgeParameters& ridge) { return ridge.kernels.back().shape()[0]; }

}  // namespace

FinishOptions read_filter_finish(Section& section) {
  FinishOptions o;
  o.lambda_w = section.number("lambda_w", 3e-5);
  o.samples = section.count("samples", 64, 1);
  o.sweeps = section.count("sweeps", 100, 1);
  read_ialm(section, o);
  section.finish();
  return o;
}

FilterSamples filter_samples(PatchSource& source, Index first, Index most, double low, double high,
                             const Rng& rng) {
  require_grey(source);
  const Index count = std::min(most, source.size() - first);
  if (count < 1)
    throw ArgumentError("--finish: the data set has " + std::to_string(source.size()) +
                        " patches, none after the first " + std::to_string(first));
  FilterSamples samples;
  for (Index n = 0; n < count; ++n) {
    const Array<float> patch = source.draw(0, first + n);
    if (n == 0) {
      const Shape shape{count, 1, patch.shape()[1], patch.shape()[2]};
      samples.clean = samples.noisy = Array<float>(shape);
    }
    const std::string name = "finish/" + std::to_string(first + n);
    const double level = rng.stream(name + "/level").uniform(0);
    const double sigma = std::max(least_level, low + (high - low) * level);
    copy<float>(patch, samples.clean.slice(n));
    copy<float>(patch, samples.noisy.slice(n));
    add_normal<float>(samples.noisy.slice(n), sigma, rng.stream(name));
    samples.sigmas.push_back(sigma);
  }
  return samples;
}

LinearisedFilters linearise_filters(const RidgeParameters& ridge, const FilterSamples& train,
                                    const FilterSamples& test) {
  auto [x, y] = linearised(ridge, train);
  auto [test_x, test_y] = linearised(ridge, test);
  return {std::move(x), std::move(y), std::move(test_x), std::move(test_y)};
}

FinishedRidge choose_filters(const RidgeParameters& ridge, const LinearisedFilters& at,
                             const std::string& method, const FinishOptions& options,
                             const std::string& state_file, bool resume) {
  require_known("--finish", method, finisher_names());
  SparseFitOptions o;
  o.lambda_w = options.lambda_w;
  o.lambda_b = bias_penalty;
  const sparse_training::Problem problem{SparseFit(at.x, at.y, o), at.test_x, at.test_y};
  Array<double> start(Shape{problem.fit.parameters()}, 1.0);
  start[filters(ridge)] = 0;
  const sparse_training::Trained end =
      fit_sparse(method, problem, start, options, state_file, resume);
  std::vector<Index> kept;
  for (Index c = 0; c < filters(ridge); ++c)
    if (end.p[c] > 0) kept.push_back(c);
  if (kept.empty())
    throw ArgumentError("--finish: lambda_w = " + std::to_string(options.lambda_w) +
                        " leaves no filter; lower finish.lambda_w");
  FinishedRidge finished = keep_filters(ridge, kept);
  finished.record = {{"method", method},
                     {"lambda_w", options.lambda_w},
                     {"samples", problem.fit.samples()},
                     {"start_objective", problem.fit.value(start)},
                     {"start_test_error", test_error(problem, start)}};
  finished.record.update(end.record);
  finished.record["widths_before"] = {filters(ridge)};
  finished.record["widths"] = {filters(finished.ridge)};
  return finished;
}

FinishedRidge keep_filters(const RidgeParameters& ridge, const std::vector<Index>& kept) {
  std::vector<double> factors(static_cast<std::size_t>(filters(ridge)));
  for (const Index c : kept) factors[static_cast<std::size_t>(c)] = 1;
  return {select_filters(ridge, factors), Json::object()};
}

double denoising_error(const RidgeParameters& ridge, const FilterSamples& samples) {
  const RidgeDenoiser<float> denoiser{RidgeRegulariser<float>(ridge)};
  double sum = 0;
  for (Index n = 0; n < samples.clean.shape()[0]; ++n) {
    stop_if_interrupted();
    const double sigma = samples.sigmas[static_cast<std::size_t>(n)];
    Array<float> x(samples.noisy.slice(n).shape());
    denoiser.denoise(samples.noisy.slice(n), sigma, x);
    const double distance = fejer::distance(x, Array<float>(samples.clean.slice(n)));
    sum += distance * distance / sigma;
  }
  return sum / static_cast<double>(samples.clean.size());
}

void refit_filters(FinishedRidge& finished, double modulus, const FilterSamples& train,
                   const FilterSamples& test) {
  const double before = denoising_error(finished.ridge, test);
  const double weak = RidgeRegulariser<float>(finished.ridge).weak_convexity().value;
  const double factor = weak > 0 ? modulus / weak : 1;
  finished.ridge.weight *= factor;
  const auto score = [&](const tuning::Point& p) {
    return -denoising_error(with_scaling(finished.ridge, p[0]), train);
  };
  const tuning::Parameter scaling{1, 0.05, 20, 1.5}, none{1, 1, 1, 1};
  const tuning::SearchResult found = tuning::compass_search({scaling, none}, score, {1.02, 40});
  finished.ridge = with_scaling(finished.ridge, found.best.point[0]);
  finished.record["factor"] = factor;
  finished.record["scaling_factor"] = found.best.point[0];
  finished.record["denoising_error"] = {before, denoising_error(finished.ridge, test)};
}

}  // namespace fejer::command
