#include <fejer/algorithms/pnp_forward_backward.hpp>

namespace fejer {

template <class X>
PnpForwardBackward<X>::PnpForwardBackward(SmoothFunction<X> f, Denoiser<X> denoiser,
                                          const Options& options)
    : f_(std::move(f)),
      denoiser_(std::move(denoiser)),
      options_(options),
      // Any step below 2/L converges; the open end is left out.
      step_(choose_step("pnp-fbs", options.step, f_.lipschitz_interval().upper, 1.0, 2.0 - 1e-9)) {
  if (!(options.relaxation > 0 && options.relaxation <= 1))
    throw ArgumentError("pnp-fbs: relaxation " + std::to_string(options.relaxation) +
                        " must lie in (0, 1]");
  const Certificate certificate = denoiser_.certificate();
  const bool averaged_map =
      certificate.kind != Certificate::Kind::none &&
      (certificate.averagedness < 1 || (certificate.averagedness <= 1 && options.relaxation < 1));
  if (!averaged_map && !options.accept_uncertified)
    throw ArgumentError("pnp-fbs: the denoiser is not certified as averaged (" + certificate.how +
                        "); use a certified one, divide it by its bound, or accept_uncertified");
  if (f_.convexity() < 0 && !options.accept_uncertified)
    throw ArgumentError("pnp-fbs: the data term must be convex");
}

template <class X>
typename PnpForwardBackward<X>::State PnpForwardBackward<X>::init(Array<X> x0) const {
  State s;
  s.x_next = Array<X>(x0.shape());
  s.work = Array<X>(x0.shape());
  s.x = std::move(x0);
  return s;
}

template <class X>
void PnpForwardBackward<X>::pass(const Array<X>& x, double sigma, Array<X>& work,
                                 Array<X>& out) const {
  f_.gradient(x, out);
  combine<X>(1, x, static_cast<Real<X>>(-step_), out, work);
  denoiser_.denoise(work, sigma, out);
  if (options_.relaxation < 1) {
    const auto lambda = static_cast<Real<X>>(options_.relaxation);
    combine<X>(lambda, out, 1 - lambda, work, out);
  }
}

template <class X>
void PnpForwardBackward<X>::step(State& s) const {
  if (options_.levels.empty()) {
    pass(s.x, options_.sigma, s.work, s.x_next);
  } else {
    Array<X> at = s.x;
    for (const double sigma : options_.levels) {
      pass(at, sigma, s.work, s.x_next);
      at = s.x_next;
    }
  }
  s.change = distance(s.x_next, s.x);
  const double size = norm(s.x_next);
  s.residual = size > 0 ? s.change / size : s.change;
  std::swap(s.x, s.x_next);
}

template class PnpForwardBackward<float>;
template class PnpForwardBackward<double>;
template class PnpForwardBackward<std::complex<float>>;
template class PnpForwardBackward<std::complex<double>>;

}  // namespace fejer
