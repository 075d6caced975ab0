#include "denoise_image.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include <fejer/operators/identity.hpp>
#include <fejer/vector.hpp>

#include "console.hpp"
#include "solver.hpp"

namespace fejer::command {
namespace {

Denoised by_minimising(const Array<float>& noisy, const Model<float>& model, double sigma,
                       const DenoiseOptions& o) {
  Method method;
  method.prior = "model";
  method.sigma = sigma;
  method.as_published = o.as_published;
  method.run.tolerance = o.tolerance;
  method.run.max_iterations = o.max_iterations;
  const Index channels = noisy.shape()[0];
  const Shape plane{1, noisy.shape()[1], noisy.shape()[2]};
  Denoised all;
  all.image = Array<float>(noisy.shape());
  for (Index c = 0; c < channels; ++c) {
    Problem<float> problem{
        Identity<float>(plane), Array<float>(noisy.slice(c)).reshaped(plane), {}, true, 0};
    problem.start = problem.y;
    Progress progress(channels == 1 ? "denoising" : "denoising channel " + std::to_string(c + 1),
                      o.max_iterations, o.tolerance);
    const Observer<float> observer = [&](const Iteration& now, ConstView<float>) {
      if (o.progress) progress.show(now);
      return interrupted() ? Control::stop : Control::proceed;
    };
    Solution<float> s = solve<float>(problem, &model, method, {observer});
    stop_if_interrupted();
    copy<float>(ConstView<float>(s.result.x).reshaped(Shape{plane[1], plane[2]}),
                all.image.slice(c));
    if (c == 0 || all.status == Status::converged) {
      all.status = s.result.status;
      all.cause = s.result.cause;
    }
    all.iterations = std::max(all.iterations, s.result.iterations);
    all.residual = std::max(all.residual, s.result.residual);
    all.seconds += s.result.seconds;
    all.objective += s.result.objective;
    all.step_size = s.step_size;
    all.certificate = s.certificate;
    all.algorithm = s.algorithm;
  }
  return all;
}

Denoised by_network(const Array<float>& noisy, const Model<float>& model, double sigma) {
  const Denoiser<float> denoiser = make_denoiser(model);
  const auto start = std::chrono::steady_clock::now();
  Denoised d;
  d.image = Array<float>(noisy.shape());
  denoiser.denoise(noisy, sigma, d.image);
  d.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  d.iterations = 1;
  d.cause = "the network was applied once";
  d.algorithm = model.kind();
  d.objective = std::nan("");
  d.certificate = denoiser.certificate();
  return d;
}

}  // namespace

Denoised denoise_image(const Array<float>& noisy, const Model<float>& model, double sigma,
                       const DenoiseOptions& options) {
  const bool ridge = model.kind() == "ridge";
  if (ridge && !(sigma > 0)) throw ArgumentError("--sigma: must be positive");
  return ridge ? by_minimising(noisy, model, sigma, options) : by_network(noisy, model, sigma);
}

}  // namespace fejer::command
