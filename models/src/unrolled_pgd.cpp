#include <fejer/models/unrolled_pgd.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include <fejer/algorithms/run.hpp>
#include <fejer/vector.hpp>

namespace fejer {

template <class T>
struct UnrolledPgd<T>::Data {
  UnrolledPgdParameters parameters;
  std::vector<LipschitzCnn<T>> denoisers;
};

namespace {

void check(const UnrolledPgdParameters& p) {
  const std::size_t layers = p.steps.size(), networks = p.denoisers.size();
  if (layers == 0 || (networks != 1 && networks != layers))
    throw ArgumentError("UnrolledPgd: got " + std::to_string(layers) + " steps and " +
                        std::to_string(networks) +
                        " networks, expected at least one step and one network, or one a step");
  for (const double gamma : p.steps)
    if (!(gamma > 0) || !std::isfinite(gamma))
      throw ArgumentError("UnrolledPgd: steps must be positive and finite, got " +
                          std::to_string(gamma));
  if (!(p.operator_norm > 0) || !std::isfinite(p.operator_norm))
    throw ArgumentError("UnrolledPgd: the norm of the operator must be positive and finite, got " +
                        std::to_string(p.operator_norm));
  if (!(p.noise_level >= 0) || !std::isfinite(p.noise_level))
    throw ArgumentError("UnrolledPgd: the noise level must be 0 or more, got " +
                        std::to_string(p.noise_level));
}

/// out = (x + N(x)) / 2.
template <class T>
void denoise(const LipschitzCnn<T>& cnn, const Array<T>& x, Array<T>& out) {
  cnn.network(x, out);
  for (Index i = 0; i < x.size(); ++i) out[i] = (x[i] + out[i]) / 2;
}

template <class T>
void denoise(const LipschitzCnn<T>& cnn, const Array<std::complex<T>>& x,
             Array<std::complex<T>>& out) {
  const Array<T> re = real_part<T>(x), im = imaginary_part<T>(x);
  Array<T> a(x.shape()), b(x.shape());
  denoise(cnn, re, a);
  denoise(cnn, im, b);
  for (Index i = 0; i < x.size(); ++i) out[i] = {a[i], b[i]};
}

}  // namespace

template <class T>
UnrolledPgd<T>::UnrolledPgd(const UnrolledPgdParameters& p) {
  check(p);
  auto data = std::make_shared<Data>();
  data->parameters = p;
  for (LipschitzCnnParameters& cnn : data->parameters.denoisers) {
    cnn.noise_level = 1;  // one that LipschitzCnn accepts
    data->denoisers.emplace_back(cnn);
  }
  data_ = std::move(data);
}

template <class T>
const LipschitzCnn<T>& UnrolledPgd<T>::denoiser(Index k) const {
  return data_->denoisers[data_->denoisers.size() == 1 ? 0 : static_cast<std::size_t>(k)];
}

template <class T>
double UnrolledPgd<T>::largest_step() const {
  const std::vector<double>& steps = parameters().steps;
  return *std::max_element(steps.begin(), steps.end());
}

template <class T>
double UnrolledPgd<T>::network_bound() const {
  double bound = 0;
  for (const LipschitzCnn<T>& cnn : data_->denoisers) bound = std::max(bound, cnn.network_bound());
  return bound;
}

template <class T>
double UnrolledPgd<T>::norm_limit() const {
  return std::sqrt(2 / largest_step());
}

template <class T>
Certificate UnrolledPgd<T>::certificate(double operator_norm) const {
  Certificate c;
  double weakest = 0;
  for (Index k = 0; k < layers(); ++k) {
    // Of the gradient step, and of the denoiser after it.
    const double a = step_size(k) * operator_norm * operator_norm / 2;
    const Certificate d = denoiser(k).certificate();
    const std::string layer = "layer " + std::to_string(k + 1) + ": ";
    if (!(a < 1)) {
      c.how = layer + "its step " + std::to_string(step_size(k)) +
              " times ||A||^2 <= " + std::to_string(operator_norm * operator_norm) + " is " +
              std::to_string(2 * a) + ", not below 2; it was trained for ||A|| <= " +
              std::to_string(parameters().operator_norm);
      return c;
    }
    if (!(d.averagedness < 1)) {
      c.how = layer + d.how;
      return c;
    }
    const double b = d.averagedness;
    weakest = std::max(weakest, (a + b - 2 * a * b) / (1 - a * b));
  }
  c.kind = Certificate::Kind::proven;
  c.lipschitz = 1;
  c.averagedness = weakest;
  c.how = "every layer: steps times ||A||^2 at most " +
          std::to_string(largest_step() * operator_norm * operator_norm) +
          ", below 2, then an averaged denoiser (N: bound " + std::to_string(network_bound()) + ")";
  return c;
}

template <class T>
const UnrolledPgdParameters& UnrolledPgd<T>::parameters() const {
  return data_->parameters;
}

template <class X>
UnrolledIteration<X>::UnrolledIteration(UnrolledPgd<Real<X>> network, LinearOperator<X> A,
                                        const Array<X>& y, bool accept_uncertified)
    : network_(std::move(network)), A_(std::move(A)), adjoint_(A_.apply_adjoint(y)) {
  const Certificate c = network_.certificate(A_.norm_interval().upper);
  if (c.kind != Certificate::Kind::proven && !accept_uncertified)
    throw ArgumentError("unrolled-pgd: " + c.how +
                        "; use a model trained for this operator, or accept_uncertified");
}

template <class X>
typename UnrolledIteration<X>::State UnrolledIteration<X>::init(Array<X> x0) const {
  require_shape("unrolled-pgd: start value", x0.shape(), A_.domain());
  State s;
  s.x_next = Array<X>(x0.shape());
  s.work = Array<X>(x0.shape());
  s.x = std::move(x0);
  return s;
}

template <class X>
void UnrolledIteration<X>::step(State& s) const {
  if (s.iteration >= network_.layers())
    throw ArgumentError("unrolled-pgd: the network has " + std::to_string(network_.layers()) +
                        " layers, all of which were applied");
  A_.normal(s.x, s.work);
  const auto gamma = static_cast<Real<X>>(network_.step_size(s.iteration));
  for (Index i = 0; i < s.x.size(); ++i) s.work[i] = s.x[i] - gamma * (s.work[i] - adjoint_[i]);
  denoise(network_.denoiser(s.iteration), s.work, s.x_next);
  s.residual = relative_change(s.x_next, s.x);
  std::swap(s.x, s.x_next);
}

template class UnrolledPgd<float>;
template class UnrolledPgd<double>;
template class UnrolledIteration<float>;
template class UnrolledIteration<double>;
template class UnrolledIteration<std::complex<float>>;
template class UnrolledIteration<std::complex<double>>;

}  // namespace fejer
