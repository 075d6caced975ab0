#include <fejer/algorithms/pnp_douglas_rachford.hpp>

#include <cmath>
#include <string>

namespace fejer {

template <class X>
PnpDouglasRachford<X>::PnpDouglasRachford(ProxFunction<X> f, Denoiser<X> denoiser,
                                          const Options& options)
    : f_(std::move(f)), denoiser_(std::move(denoiser)), options_(options) {
  const auto require = [](bool fits, const char* what, double got, const char* expected) {
    if (!fits)
      throw ArgumentError(std::string("pnp-drs: ") + what + " must lie in " + expected + ", got " +
                          std::to_string(got));
  };
  const Options& o = options_;
  require(o.relaxation > 0 && o.relaxation <= 1, "the relaxation", o.relaxation, "(0, 1]");
  require(o.alpha > 0 && o.alpha < 1, "alpha", o.alpha, "(0, 1)");
  require(o.step > 0 && std::isfinite(o.step), "the step", o.step, "(0, infinity)");
  if (o.accept_uncertified) return;
  if (f_.convexity() < 0) throw ArgumentError("pnp-drs: the data term must be convex");
  const Certificate c = denoiser_.certificate();
  if (c.kind == Certificate::Kind::none || !(c.averagedness * o.relaxation <= 0.5))
    throw ArgumentError("pnp-drs: the denoiser is not certified as firmly non-expansive (" + c.how +
                        "); use a certified one, divide it by its bound, or accept_uncertified");
}

template <class X>
typename PnpDouglasRachford<X>::State PnpDouglasRachford<X>::init(Array<X> x0) const {
  State s;
  s.u = x0;
  s.work = Array<X>(x0.shape());
  s.x = std::move(x0);
  return s;
}

template <class X>
void PnpDouglasRachford<X>::step(State& s) const {
  denoiser_.denoise(s.x, options_.sigma, s.u);
  if (options_.relaxation < 1) {
    const auto lambda = static_cast<Real<X>>(options_.relaxation);
    combine<X>(lambda, s.u, 1 - lambda, s.x, s.u);
  }
  combine<X>(2, s.u, -1, s.x, s.work);
  Array<X> v(s.x.shape());
  f_.prox(s.work, options_.step, v);
  const auto twice = static_cast<Real<X>>(2 * options_.alpha);
  axpy<X>(-1, s.u, v);
  axpy<X>(twice, v, s.x);
  s.change = 2 * options_.alpha * norm(v);
  const double size = norm(s.x);
  s.residual = size > 0 ? s.change / size : s.change;
}

template class PnpDouglasRachford<float>;
template class PnpDouglasRachford<double>;
template class PnpDouglasRachford<std::complex<float>>;
template class PnpDouglasRachford<std::complex<double>>;

}  // namespace fejer
