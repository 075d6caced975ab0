#include "passage.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include <fejer/metrics.hpp>
#include <fejer/models/learnable_denoisers.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

#include "console.hpp"

namespace fejer::learned_pnp {
namespace {

using Json = nlohmann::ordered_json;

constexpr double tolerance = 1e-5;  // of the search for a fixed point

FrozenDenoiser of_network(const Drunet<float>& network, double sigma) {
  FrozenDenoiser d;
  d.apply = [=](const Array<float>& z, const Array<float>&) {
    Array<float> out(z.shape());
    network.denoise(z, sigma, out);
    return out;
  };
  d.derivative = [=](const Array<float>& z) {
    const auto tape = std::make_shared<DrunetTape<float>>();
    Array<float> out(z.shape());
    network.forward(z, sigma, out, *tape);
    const auto forward = [=](const Array<float>& v) {
      DrunetTape<float> unused;
      Array<float> value(z.shape()), tangent(z.shape());
      network.forward(z, v, sigma, value, tangent, unused);
      return tangent;
    };
    const auto back = [=](const Array<float>& u) {
      Array<float> g(z.shape());
      network.vjp(*tape, u, g);
      return g;
    };
    return Linear{forward, back};
  };
  return d;
}

/// Of denoisers that know J^T alone: J itself by `forward`.
template <class D, class Forward>
FrozenDenoiser of_learnable(const D& denoiser, const Forward& forward) {
  FrozenDenoiser d;
  d.apply = [=](const Array<float>& z, const Array<float>& start) {
    Array<float> out(z.shape());
    denoiser.forward(z, start, out, nullptr);
    return out;
  };
  d.derivative = [=](const Array<float>& z) {
    const auto tape = std::make_shared<typename D::Tape>();
    Array<float> out(z.shape());
    denoiser.forward(z, z, out, tape.get());
    const auto back = [=](const Array<float>& u) {
      Array<float> g(z.shape());
      denoiser.vjp(*tape, u, g, nullptr);
      return g;
    };
    return Linear{forward(z, back), back};
  };
  return d;
}

/// The Hessian of a prox's potential is symmetric.
FrozenDenoiser of_ridge(const RidgeProx<float>& prox) {
  return of_learnable(prox, [](const Array<float>&, const auto& back) { return back; });
}

/// Slopes of chords of length 2e-3 (root of the mean square): piecewise linear splines have no
/// better derivative.
FrozenDenoiser of_cnn(const RelaxedCnn<float>& cnn) {
  return of_learnable(cnn, [cnn](const Array<float>& z, const auto&) {
    return [cnn, z](const Array<float>& v) {
      const double h = 1e-3 * std::sqrt(static_cast<double>(v.size())) / norm(v);
      Array<float> above = z, below = z, up(z.shape()), down(z.shape());
      axpy<float>(static_cast<float>(h), v, above);
      axpy<float>(static_cast<float>(-h), v, below);
      cnn.forward(above, above, up, nullptr);
      cnn.forward(below, below, down, nullptr);
      axpy<float>(-1, down, up);
      scale<float>(up, static_cast<float>(1 / (2 * h)));
      return up;
    };
  });
}

/// ||J v|| of the last unit vector of v <- J^T J v, from a random one.
double largest_singular_value(const Linear& J, const Shape& shape, int iterations) {
  Array<float> v(shape);
  fill_normal<float>(v, Rng(0).stream("lipschitz"));
  double value = 0;
  for (int i = 0; i < iterations; ++i) {
    const double length = norm(v);
    if (!(length > 0) || !std::isfinite(length)) return length;
    scale<float>(v, static_cast<float>(1 / length));
    const Array<float> w = J.apply(v);
    value = norm(w);
    v = J.adjoint(w);
    command::stop_if_interrupted();
  }
  return value;
}

}  // namespace

std::vector<FrozenDenoiser> denoisers_of(const Model<float>& model, const Json& found,
                                         double gamma) {
  if (const auto* cnn = std::get_if<LipschitzCnn<float>>(&model.value))
    return {of_cnn(RelaxedCnn<float>(*cnn, found["lambda"]))};
  std::vector<double> sigmas;
  if (found["sigma"].is_array())
    sigmas = found["sigma"].get<std::vector<double>>();
  else
    sigmas.push_back(found["sigma"]);
  std::vector<FrozenDenoiser> all;
  for (const double sigma : sigmas)
    all.push_back(model.is_ridge()
                      ? of_ridge(RidgeProx<float>(model.ridge(),
                                                  gamma * found["lambda"].get<double>(), sigma))
                      : of_network(std::get<Drunet<float>>(model.value), sigma));
  return all;
}

Array<float> PnpIteration::gradient_step(const Array<float>& x) const {
  Array<float> g(x.shape()), z(x.shape());
  A.normal(x, g);
  axpy<float>(-1, back, g);
  for (Index i = 0; i < x.size(); ++i) z[i] = x[i] - static_cast<float>(gamma) * g[i];
  return z;
}

Array<float> PnpIteration::pass(const Array<float>& x, std::size_t k) const {
  return denoisers[k].apply(gradient_step(x), x);
}

Passage pass_on(const PnpIteration& iteration, Array<float> x, const Array<float>& truth,
                const std::vector<Index>& depths, Index most) {
  const auto quality = [&] { return psnr(x, truth, 1.0); };
  Passage p;
  p.start = quality();
  bool finite = true;
  while (p.passes < most && !p.settled && finite) {
    const Array<float> before = x;
    for (std::size_t k = 0; k < iteration.denoisers.size(); ++k) {
      x = iteration.pass(x, k);
      ++p.passes;
      if (std::find(depths.begin(), depths.end(), p.passes) != depths.end())
        p.psnr[p.passes] = quality();
    }
    p.residual = distance(x, before) / norm(x);
    p.residuals.push_back(p.residual);
    finite = std::isfinite(p.residual);
    p.settled = p.residual <= tolerance;
    command::stop_if_interrupted();
  }
  p.last = quality();
  for (const Index depth : depths)
    if (p.settled && p.passes < depth) p.psnr[depth] = p.last;
  p.end = std::move(x);
  return p;
}

LocalConstants local_constants(const PnpIteration& iteration, Array<float> x, int iterations) {
  const auto finite = [](double value) {
    return std::isfinite(value) ? std::optional<double>(value) : std::nullopt;
  };
  LocalConstants constants;
  if (!finite(norm(x))) return constants;
  const Shape shape = x.shape();
  double largest = 0;
  std::vector<Linear> all;
  for (std::size_t k = 0; k < iteration.denoisers.size(); ++k) {
    const Array<float> z = iteration.gradient_step(x);
    all.push_back(iteration.denoisers[k].derivative(z));
    const double constant = largest_singular_value(all.back(), shape, iterations);
    if (!finite(constant)) return constants;
    largest = std::max(largest, constant);
    x = iteration.denoisers[k].apply(z, x);
  }
  // v <- v - gamma A*A v.
  const auto step = [&](const Array<float>& v) {
    Array<float> g(shape), z = v;
    iteration.A.normal(v, g);
    axpy<float>(static_cast<float>(-iteration.gamma), g, z);
    return z;
  };
  const Linear turn{[&](const Array<float>& v) {
                      Array<float> w = v;
                      for (const Linear& D : all) w = D.apply(step(w));
                      return w;
                    },
                    [&](const Array<float>& u) {
                      Array<float> w = u;
                      for (std::size_t k = all.size(); k-- > 0;) w = step(all[k].adjoint(w));
                      return w;
                    }};
  constants.denoiser = finite(largest);
  constants.turn = finite(largest_singular_value(turn, shape, iterations));
  return constants;
}

}  // namespace fejer::learned_pnp
