#include <fejer/metrics.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include <fejer/parallel.hpp>
#include <fejer/vector.hpp>

namespace fejer {
namespace {

constexpr Index window = 11;

void require_range(const char* where, double data_range) {
  if (!(data_range > 0) || !std::isfinite(data_range))
    throw ArgumentError(std::string(where) + ": got a data range of " + std::to_string(data_range) +
                        ", expected a finite positive number");
}

void require_ssim(const Shape& shape, const Shape& reference, double data_range) {
  require_range("ssim", data_range);
  require_shape("ssim", shape, reference);
  if (shape.rank() < 2 || shape.rank() > 3 || shape.size() == 0 || shape.back(1) < window ||
      shape.back(0) < window)
    throw ShapeError("ssim: got " + to_string(shape) +
                     ", expected (H,W) or (C,H,W) with H and W at least 11, the window's size");
}

/// exp(-k^2 / (2 1.5^2)), k = -5..5, of sum 1.
std::array<double, window> gaussian_window() {
  std::array<double, window> g{};
  double sum = 0;
  for (Index k = 0; k < window; ++k) {
    const double d = static_cast<double>(k - window / 2) / 1.5;
    sum += g[static_cast<std::size_t>(k)] = std::exp(-0.5 * d * d);
  }
  for (double& value : g) value /= sum;
  return g;
}

/// Windowed means of x, r, x^2, r^2, x r, one after the other.
struct Moments {
  static constexpr int count = 5;
  std::array<std::vector<double>, count> of;
  explicit Moments(Index n) {
    for (auto& m : of) m.assign(static_cast<std::size_t>(n), 0.0);
  }
};

/// The horizontal pass over row i: from (H,W) pixels to (H,W-10) means.
template <class T>
void filter_row(const T* x, const T* r, Index width, const std::array<double, window>& g,
                double* const (&out)[Moments::count]) {
  for (int m = 0; m < Moments::count; ++m) std::fill(out[m], out[m] + width - window + 1, 0.0);
  for (Index k = 0; k < window; ++k) {
    const double w = g[static_cast<std::size_t>(k)];
    for (Index j = 0; j + window <= width; ++j) {
      const double a = static_cast<double>(x[j + k]), b = static_cast<double>(r[j + k]);
      out[0][j] += w * a;
      out[1][j] += w * b;
      out[2][j] += w * (a * a);
      out[3][j] += w * (b * b);
      out[4][j] += w * (a * b);
    }
  }
}

double similarity(const double (&m)[Moments::count], double c1, double c2) {
  const double variance_x = m[2] - m[0] * m[0];
  const double variance_r = m[3] - m[1] * m[1];
  const double covariance = m[4] - m[0] * m[1];
  return (2 * m[0] * m[1] + c1) * (2 * covariance + c2) /
         ((m[0] * m[0] + m[1] * m[1] + c1) * (variance_x + variance_r + c2));
}

/// Derivatives of `similarity` by the means of x, x^2 and x r.
std::array<double, 3> similarity_slopes(const double (&m)[Moments::count], double c1, double c2) {
  const double a = 2 * m[0] * m[1] + c1, b = 2 * (m[4] - m[0] * m[1]) + c2;
  const double c = m[0] * m[0] + m[1] * m[1] + c1;
  const double d = m[2] - m[0] * m[0] + m[3] - m[1] * m[1] + c2;
  const double s = a * b / (c * d);
  return {2 * m[1] * (b - a) / (c * d) - 2 * m[0] * s * (1 / c - 1 / d), -s / d, 2 * a / (c * d)};
}

/// The transpose of the windowed mean, times `scale`: (rows, columns) to (rows + 10, columns + 10).
std::vector<double> spread(const std::vector<double>& means, Index rows, Index columns,
                           const std::array<double, window>& g, double scale) {
  const Index width = columns + window - 1;
  std::vector<double> wide(static_cast<std::size_t>(rows * width));
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j)
      for (Index k = 0; k < window; ++k)
        wide[static_cast<std::size_t>(i * width + j + k)] +=
            scale * g[static_cast<std::size_t>(k)] *
            means[static_cast<std::size_t>(i * columns + j)];
  std::vector<double> out(static_cast<std::size_t>((rows + window - 1) * width));
  for (Index i = 0; i < rows; ++i)
    for (Index k = 0; k < window; ++k)
      for (Index j = 0; j < width; ++j)
        out[static_cast<std::size_t>((i + k) * width + j)] +=
            g[static_cast<std::size_t>(k)] * wide[static_cast<std::size_t>(i * width + j)];
  return out;
}

/// Sum of the similarities over the valid windows of one channel. Where `slopes` is given, it takes
/// the derivatives of each window.
template <class T>
double ssim_sum(const T* x, const T* r, Index height, Index width, double c1, double c2,
                std::array<std::vector<double>, 3>* slopes = nullptr) {
  const auto g = gaussian_window();
  const Index columns = width - window + 1, rows = height - window + 1;
  Moments moments(height * columns);
  parallel_for(height, 16, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      double* out[Moments::count];
      for (int m = 0; m < Moments::count; ++m)
        out[m] = moments.of[static_cast<std::size_t>(m)].data() + i * columns;
      filter_row(x + i * width, r + i * width, width, g, out);
    }
  });
  std::vector<double> row_sums(static_cast<std::size_t>(rows));
  parallel_for(rows, 16, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      double sum = 0;
      for (Index j = 0; j < columns; ++j) {
        double mean[Moments::count] = {};
        for (Index k = 0; k < window; ++k)
          for (int m = 0; m < Moments::count; ++m)
            mean[m] += g[static_cast<std::size_t>(k)] *
                       moments.of[static_cast<std::size_t>(m)]
                                 [static_cast<std::size_t>((i + k) * columns + j)];
        sum += similarity(mean, c1, c2);
        if (slopes == nullptr) continue;
        const std::array<double, 3> slope = similarity_slopes(mean, c1, c2);
        for (std::size_t m = 0; m < 3; ++m)
          (*slopes)[m][static_cast<std::size_t>(i * columns + j)] = slope[m];
      }
      row_sums[static_cast<std::size_t>(i)] = sum;
    }
  });
  double total = 0;
  for (const double s : row_sums) total += s;
  return total;
}

}  // namespace

template <class X>
double psnr(ConstView<X> x, ConstView<X> reference, double data_range) {
  require_range("psnr", data_range);
  require_shape("psnr", x.shape(), reference.shape());
  if (x.size() == 0) throw ShapeError("psnr: the images are empty");
  const double error = distance(x, reference);
  if (error == 0) return std::numeric_limits<double>::infinity();
  return 20 * std::log10(data_range / error) + 10 * std::log10(static_cast<double>(x.size()));
}

template <class T>
double ssim(ConstView<T> x, ConstView<T> reference, double data_range) {
  require_ssim(x.shape(), reference.shape(), data_range);
  const Shape& shape = x.shape();
  const Index height = shape.back(1), width = shape.back(0);
  const Index channels = shape.size() / (height * width);
  const double c1 = 0.01 * data_range * 0.01 * data_range;
  const double c2 = 0.03 * data_range * 0.03 * data_range;
  double total = 0;
  for (Index c = 0; c < channels; ++c) {
    const Index offset = c * height * width;
    total += ssim_sum(x.data() + offset, reference.data() + offset, height, width, c1, c2);
  }
  return total / static_cast<double>(channels * (height - window + 1) * (width - window + 1));
}

template <class T>
double ssim_gradient(ConstView<T> x, ConstView<T> reference, double data_range, View<T> gradient) {
  require_ssim(x.shape(), reference.shape(), data_range);
  require_shape("ssim_gradient output", gradient.shape(), x.shape());
  const Index height = x.shape().back(1), width = x.shape().back(0);
  const Index channels = x.size() / (height * width);
  const Index rows = height - window + 1, columns = width - window + 1;
  const double c1 = 0.01 * data_range * 0.01 * data_range;
  const double c2 = 0.03 * data_range * 0.03 * data_range;
  const double scale = 1 / static_cast<double>(channels * rows * columns);
  const auto g = gaussian_window();
  double total = 0;
  for (Index c = 0; c < channels; ++c) {
    const T* a = x.data() + c * height * width;
    const T* b = reference.data() + c * height * width;
    std::array<std::vector<double>, 3> slopes;
    for (auto& map : slopes) map.resize(static_cast<std::size_t>(rows * columns));
    total += ssim_sum(a, b, height, width, c1, c2, &slopes);
    for (auto& map : slopes) map = spread(map, rows, columns, g, scale);
    for (Index i = 0; i < height * width; ++i) {
      const auto at = static_cast<std::size_t>(i);
      gradient[c * height * width + i] =
          static_cast<T>(slopes[0][at] + 2 * static_cast<double>(a[i]) * slopes[1][at] +
                         static_cast<double>(b[i]) * slopes[2][at]);
    }
  }
  return total * scale;
}

template <class X>
double nmse(ConstView<X> x, ConstView<X> reference) {
  require_shape("nmse", x.shape(), reference.shape());
  const double error = distance(x, reference), size = norm(reference);
  if (error == 0) return 0;
  return error / size * (error / size);
}

template double psnr<float>(ConstView<float>, ConstView<float>, double);
template double nmse<float>(ConstView<float>, ConstView<float>);
template double psnr<double>(ConstView<double>, ConstView<double>, double);
template double nmse<double>(ConstView<double>, ConstView<double>);
template double psnr<std::complex<float>>(ConstView<std::complex<float>>,
                                          ConstView<std::complex<float>>, double);
template double nmse<std::complex<float>>(ConstView<std::complex<float>>,
                                          ConstView<std::complex<float>>);
template double psnr<std::complex<double>>(ConstView<std::complex<double>>,
                                           ConstView<std::complex<double>>, double);
template double nmse<std::complex<double>>(ConstView<std::complex<double>>,
                                           ConstView<std::complex<double>>);
template double ssim<float>(ConstView<float>, ConstView<float>, double);
template double ssim<double>(ConstView<double>, ConstView<double>, double);
template double ssim_gradient<float>(ConstView<float>, ConstView<float>, double, View<float>);
template double ssim_gradient<double>(ConstView<double>, ConstView<double>, double, View<double>);

}  // namespace fejer
