// Sampling masks and simulated coil sensitivities.
#include <cmath>
#include <numbers>
#include <vector>

#include <fejer/operators/cartesian_mri.hpp>

#include "text.hpp"

namespace fejer {

template <class T>
Array<T> expand_line_mask(const Array<T>& lines, int axis, Index H, Index W) {
  if (axis != 0 && axis != 1)
    throw ArgumentError(text("expand_line_mask: got axis ", axis,
                             ", expected 0 (lines are rows) or 1 (lines are columns)"));
  require_shape("expand_line_mask, lines", lines.shape(), Shape{axis == 0 ? H : W});
  Array<T> mask(Shape{H, W});
  for (Index i = 0; i < H; ++i)
    for (Index j = 0; j < W; ++j) mask[i * W + j] = lines[axis == 0 ? i : j];
  return mask;
}

template <class T>
Array<T> random_column_mask(Index H, Index W, double acceleration, double center_fraction,
                            const RandomStream& stream, int axis) {
  const Index n = axis == 0 ? H : W;
  if (H < 1 || W < 1 || !(acceleration >= 1) || !std::isfinite(acceleration) ||
      !(center_fraction >= 0 && center_fraction <= 1))
    throw ArgumentError(text("random_column_mask: got ", H, "x", W, ", acceleration ", acceleration,
                             ", center fraction ", center_fraction,
                             ", expected pixels, acceleration >= 1 and a fraction in [0, 1]"));
  const auto centre = static_cast<Index>(std::lround(static_cast<double>(n) * center_fraction));
  const double wanted = static_cast<double>(n) / acceleration;
  if (static_cast<double>(centre) > wanted + 1e-9)
    throw ArgumentError(text("random_column_mask: got a centre of ", centre,
                             " lines for an expected total of ", wanted,
                             ", expected no more; lower the center fraction or the acceleration"));
  const double probability =
      centre < n ? (wanted - static_cast<double>(centre)) / static_cast<double>(n - centre) : 1;
  const Index first = (n - centre + 1) / 2;  // frequency zero, floor(n/2), is inside
  Array<T> lines(Shape{n});
  for (Index i = 0; i < n; ++i) {
    const bool inside = i >= first && i < first + centre;
    const bool drawn = stream.uniform(static_cast<std::uint64_t>(i)) < probability;
    lines[i] = inside || drawn ? T(1) : T(0);
  }
  return expand_line_mask(lines, axis, H, W);
}

template <class T>
Array<std::complex<T>> birdcage_maps(Index coils, Index H, Index W) {
  if (coils < 1 || H < 1 || W < 1)
    throw ArgumentError(text("birdcage_maps: got ", coils, " coils of ", H, "x", W,
                             ", expected at least one coil and one pixel"));
  constexpr double radius = 1.5;
  Array<std::complex<T>> maps(Shape{coils, H, W});
  std::vector<std::complex<double>> values(static_cast<std::size_t>(coils));
  for (Index i = 0; i < H; ++i) {
    for (Index j = 0; j < W; ++j) {
      const double x = (2 * static_cast<double>(j) + 1) / static_cast<double>(W) - 1;
      const double y = 1 - (2 * static_cast<double>(i) + 1) / static_cast<double>(H);
      double squares = 0;
      for (Index c = 0; c < coils; ++c) {
        const double angle =
            2 * std::numbers::pi * static_cast<double>(c) / static_cast<double>(coils);
        // Phase zero at the centre of the image, where the coil is in the direction `angle`.
        const std::complex<double> to_coil = std::polar(radius, angle) - std::complex(x, y);
        auto& value = values[static_cast<std::size_t>(c)];
        value = std::polar(1 / std::abs(to_coil), std::arg(to_coil) - angle);
        squares += std::norm(value);
      }
      for (Index c = 0; c < coils; ++c)
        maps[(c * H + i) * W + j] =
            std::complex<T>(values[static_cast<std::size_t>(c)] / std::sqrt(squares));
    }
  }
  return maps;
}

#define FEJER_INSTANTIATE(T)                                                                    \
  template Array<T> expand_line_mask(const Array<T>&, int, Index, Index);                       \
  template Array<T> random_column_mask(Index, Index, double, double, const RandomStream&, int); \
  template Array<std::complex<T>> birdcage_maps(Index, Index, Index);
FEJER_INSTANTIATE(float)
FEJER_INSTANTIATE(double)
#undef FEJER_INSTANTIATE

}  // namespace fejer
