#include <fejer/algorithms/half_quadratic_splitting.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace fejer {
namespace {

/// Element (r, c) of each plane of the result is element at(r, c) of x.
template <class X, class F>
Array<X> moved(ConstView<X> x, bool exchanged, const F& at) {
  const Shape& s = x.shape();
  if (s.rank() < 2) throw ShapeError("turn: got " + to_string(s) + ", expected images (..., H, W)");
  const Index rows = s.back(1), columns = s.back(0), plane = rows * columns;
  Shape shape(s.begin(), s.end() - 2);
  shape.push_back(exchanged ? columns : rows);
  shape.push_back(exchanged ? rows : columns);
  Array<X> y(shape);
  X* to = y.data();
  for (Index p = 0; p < x.size(); p += plane)
    for (Index r = 0; r < shape.back(1); ++r)
      for (Index c = 0; c < shape.back(0); ++c) *to++ = x[p + at(r, c, rows, columns)];
  return y;
}

template <class X>
Array<X> quarters(ConstView<X> x, int count) {
  switch (count % 4) {
    case 1:
      return moved(x, true, [](Index r, Index c, Index, Index columns) {
        return c * columns + columns - 1 - r;
      });
    case 2:
      return moved(x, false, [](Index r, Index c, Index rows, Index columns) {
        return (rows - 1 - r) * columns + columns - 1 - c;
      });
    case 3:
      return moved(x, true, [](Index r, Index c, Index rows, Index columns) {
        return (rows - 1 - c) * columns + r;
      });
    default:
      return Array<X>(x);
  }
}

template <class X>
Array<X> mirrored(ConstView<X> x) {
  return moved(x, false, [](Index r, Index c, Index, Index columns) {
    return r * columns + columns - 1 - c;
  });
}

}  // namespace

template <class X>
Array<X> turn(ConstView<X> x, int way) {
  if (way < 4) return quarters(x, way);
  const Array<X> m = mirrored(x);
  return quarters<X>(m, way);
}

template <class X>
Array<X> turn_back(ConstView<X> x, int way) {
  Array<X> y = quarters(x, 4 - way % 4);
  return way < 4 ? y : mirrored<X>(y);
}

template <class X>
HalfQuadraticSplitting<X>::HalfQuadraticSplitting(ProxFunction<X> f, Denoiser<X> denoiser,
                                                  const Options& options)
    : f_(std::move(f)), denoiser_(std::move(denoiser)), options_(options) {
  const auto positive = [](const char* what, double value) {
    if (!(value > 0) || !std::isfinite(value))
      throw ArgumentError(std::string("dpir: ") + what + " must be positive and finite, got " +
                          std::to_string(value));
  };
  positive("the noise level", options.noise_level);
  positive("the first level", options.first_level);
  positive("the smallest level", options.smallest_level);
  positive("lambda", options.lambda);
  if (options.iterations < 1) throw ArgumentError("dpir: at least one iteration is needed");
}

template <class X>
double HalfQuadraticSplitting<X>::level(Index k) const {
  const double last = std::max(options_.noise_level, options_.smallest_level);
  if (k + 1 >= options_.iterations) return last;
  const double first = std::max(options_.first_level, last);
  const double part = static_cast<double>(k) / static_cast<double>(options_.iterations - 1);
  return first * std::pow(last / first, part);
}

template <class X>
typename HalfQuadraticSplitting<X>::State HalfQuadraticSplitting<X>::init(Array<X> x0) const {
  State s;
  s.x = Array<X>(x0.shape());
  s.z = std::move(x0);
  return s;
}

template <class X>
void HalfQuadraticSplitting<X>::step(State& s) const {
  const double sigma = level(s.iteration);
  const double noise = std::max(options_.noise_level, options_.smallest_level);
  const double a = options_.lambda * (noise / sigma) * (noise / sigma);
  f_.prox(s.z, 1 / a, s.x);
  const int way = options_.turned ? static_cast<int>(s.iteration % 8) : 0;
  const Array<X> seen = turn<X>(s.x, way);
  Array<X> denoised(seen.shape());
  denoiser_.denoise(seen, sigma, denoised);
  Array<X> next = turn_back<X>(denoised, way);
  s.residual = relative_change(next, s.z);
  s.z = std::move(next);
}

#define FEJER_INSTANTIATE(X)                 \
  template class HalfQuadraticSplitting<X>;  \
  template Array<X> turn(ConstView<X>, int); \
  template Array<X> turn_back(ConstView<X>, int);
FEJER_INSTANTIATE(float)
FEJER_INSTANTIATE(double)
FEJER_INSTANTIATE(std::complex<float>)
FEJER_INSTANTIATE(std::complex<double>)
#undef FEJER_INSTANTIATE

}  // namespace fejer
