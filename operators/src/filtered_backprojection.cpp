#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <numeric>

#include <fejer/fft.hpp>
#include <fejer/operators/tomography.hpp>
#include <fejer/parallel.hpp>

#include "symbol.hpp"
#include "text.hpp"

namespace fejer {
namespace {

using std::numbers::pi;

/// Half the angle from each view to its neighbours on the circle of the given period. Gaps of more
/// than four times the median of those that are not zero count as not measured.
std::vector<double> angular_weights(const std::vector<double>& angles, double period) {
  const std::size_t n = angles.size();
  std::vector<double> reduced(n), gaps(n), weights(n, 0.0), sorted;
  for (std::size_t i = 0; i < n; ++i)
    reduced[i] = angles[i] - period * std::floor(angles[i] / period);
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return reduced[a] < reduced[b]; });
  for (std::size_t i = 0; i < n; ++i) {
    const double next = i + 1 < n ? reduced[order[i + 1]] : reduced[order[0]] + period;
    gaps[i] = next - reduced[order[i]];
    if (gaps[i] > 1e-9 * period) sorted.push_back(gaps[i]);
  }
  std::sort(sorted.begin(), sorted.end());
  const double median = sorted[sorted.size() / 2];
  for (std::size_t i = 0; i < n; ++i) {
    const double gap = gaps[i] > 4 * median ? median : gaps[i];
    weights[order[i]] += gap / 2;
    weights[order[(i + 1) % n]] += gap / 2;
  }
  return weights;
}

/// Weights whose sum is pi where every line is measured, once or several times.
std::vector<double> view_weights(const TomographyGeometry& g) {
  const bool fan = g.kind == TomographyGeometry::Kind::fan;
  std::vector<double> weights = angular_weights(g.angles_rad, fan ? 2 * pi : pi);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (total > pi)
    for (double& w : weights) w *= pi / total;
  return weights;
}

/// Detector pitch as seen at the axis.
double pitch_at_axis(const TomographyGeometry& g) {
  if (g.kind == TomographyGeometry::Kind::parallel) return g.pitch;
  return g.pitch * g.source_distance / (g.source_distance + g.detector_distance);
}

/// pitch times the transform of the sampled ramp, for rows of n elements (n even or odd).
std::vector<double> ramp(Index n, double pitch, RampWindow window) {
  const RealFft<double> fft(Shape{n});
  Array<double> h(Shape{n});
  h[0] = 1 / (4 * pitch);
  for (Index k = 1; k <= n / 2; ++k) {
    if (k % 2 == 0) continue;
    const auto distance = static_cast<double>(k);
    h[k] = h[n - k] = -1 / (pi * pi * distance * distance * pitch);
  }
  Array<std::complex<double>> spectrum(fft.spectrum_dims());
  fft.forward(h, spectrum);
  std::vector<double> filter(static_cast<std::size_t>(spectrum.size()));
  for (std::size_t f = 0; f < filter.size(); ++f) {
    filter[f] = spectrum[static_cast<Index>(f)].real() * std::sqrt(static_cast<double>(n));
    if (window == RampWindow::hann)
      filter[f] *= (1 + std::cos(2 * pi * static_cast<double>(f) / static_cast<double>(n))) / 2;
  }
  return filter;
}

/// Rows (C * views, detectors + 2), weighted, filtered, with a zero on either side.
template <class T>
Array<T> filter_rows(const TomographyGeometry& g, const Array<T>& sinogram, RampWindow window) {
  const Index n = g.detectors, rows = sinogram.size() / n;
  const Index length = fast_fft_length(2 * n);
  const std::vector<double> filter = ramp(length, pitch_at_axis(g), window);
  const RealFft<T> fft(Shape{length});
  const double far = g.source_distance + g.detector_distance;
  Array<T> padded(Shape{rows, length}), out(Shape{rows, n + 2});
  Array<std::complex<T>> spectrum(Shape{rows, length / 2 + 1});
  for (Index r = 0; r < rows; ++r) {
    for (Index d = 0; d < n; ++d) {
      const double u = (static_cast<double>(d) - g.centre_index()) * g.pitch;
      const double cosine =
          g.kind == TomographyGeometry::Kind::fan ? far / std::hypot(far, u) : 1.0;
      padded[r * length + d] = static_cast<T>(cosine) * sinogram[r * n + d];
    }
  }
  fft.forward(padded, spectrum);
  for (Index i = 0; i < spectrum.size(); ++i)
    spectrum[i] *= static_cast<T>(filter[static_cast<std::size_t>(i % (length / 2 + 1))]);
  fft.inverse(spectrum, padded);
  for (Index r = 0; r < rows; ++r)
    std::copy_n(padded.data() + r * length, n, out.data() + r * (n + 2) + 1);
  return out;
}

/// row += weight * (the view's filtered values where the row's pixels project). Detector position
/// and (fan) depth are affine along the row.
template <bool fan, class T>
void backproject_row(const TomographyGeometry& g, std::size_t view, double weight, const T* values,
                     double y, T* row, Index width) {
  const double c = std::cos(g.angles_rad[view]), s = std::sin(g.angles_rad[view]);
  const double D = g.source_distance,
               scale = fan ? (D + g.detector_distance) / g.pitch : 1 / g.pitch;
  const double x0 = -static_cast<double>(width - 1) / 2 * g.pixel_size;
  const double lateral = (x0 * c + y * s) * scale, lateral_step = g.pixel_size * c * scale;
  const double depth = D - x0 * s + y * c, depth_step = -g.pixel_size * s;
  const double centre = g.centre_index() + 1;  // of the padded values
  const auto last = static_cast<double>(g.detectors) + 1;
  for (Index j = 0; j < width; ++j) {
    const auto k = static_cast<double>(j);
    double at = lateral + lateral_step * k, w = weight;
    if constexpr (fan) {
      const double inverse = 1 / (depth + depth_step * k);
      at *= inverse;
      w *= D * inverse * (D * inverse);
    }
    at += centre;
    if (!(at >= 0 && at < last)) continue;
    const int i = static_cast<int>(at);
    const T f = static_cast<T>(at - i);
    row[j] += static_cast<T>(w) * (values[i] + f * (values[i + 1] - values[i]));
  }
}

}  // namespace

template <class T>
Array<T> filtered_backprojection(const TomographyGeometry& g, const Array<T>& sinogram,
                                 const Shape& image, RampWindow window) {
  require_valid(g, image);
  const auto views = static_cast<Index>(g.angles_rad.size());
  require_shape("filtered_backprojection, sinogram", sinogram.shape(),
                Shape{image[0], views, g.detectors});
  const Array<T> filtered = filter_rows(g, sinogram, window);
  const std::vector<double> weights = view_weights(g);
  const Index H = image[1], W = image[2];
  Array<T> out(image);
  parallel_for(image[0] * H, 8, [&](Index begin, Index end) {
    for (Index v = 0; v < views; ++v) {
      for (Index r = begin; r < end; ++r) {
        const double y =
            (static_cast<double>(H - 1) / 2 - static_cast<double>(r % H)) * g.pixel_size;
        const auto view = static_cast<std::size_t>(v);
        const T* values = filtered.data() + ((r / H) * views + v) * (g.detectors + 2);
        if (g.kind == TomographyGeometry::Kind::fan) {
          backproject_row<true>(g, view, weights[view], values, y, out.data() + r * W, W);
        } else {
          backproject_row<false>(g, view, weights[view], values, y, out.data() + r * W, W);
        }
      }
    }
  });
  return out;
}

template Array<float> filtered_backprojection(const TomographyGeometry&, const Array<float>&,
                                              const Shape&, RampWindow);
template Array<double> filtered_backprojection(const TomographyGeometry&, const Array<double>&,
                                               const Shape&, RampWindow);

}  // namespace fejer
