#include <fejer/operators/measurement.hpp>

#include <algorithm>
#include <cmath>

#include <fejer/files.hpp>
#include <fejer/operators/cartesian_mri.hpp>
#include <fejer/operators/identity.hpp>
#include <fejer/operators/mask.hpp>
#include <fejer/operators/per_channel.hpp>
#include <fejer/rng.hpp>
#include <fejer/vector.hpp>

namespace fejer {
namespace {

const std::vector<std::pair<std::string, Boundary>>& boundaries() {
  static const std::vector<std::pair<std::string, Boundary>> table = {
      {"circular", Boundary::circular},
      {"zero", Boundary::zero},
      {"reflect", Boundary::reflect},
      {"replicate", Boundary::replicate}};
  return table;
}

const Shape& shape_of(const MeasuredArray& array) {
  return std::visit([](const auto& a) -> const Shape& { return a.shape(); }, array);
}

bool is_complex_array(const MeasuredArray& array) {
  return std::holds_alternative<Array<std::complex<float>>>(array);
}

void require(bool condition, const std::string& message) {
  if (!condition) throw ArgumentError("measurement " + message);
}

void require_fits(bool condition, const std::string& message) {
  if (!condition) throw ShapeError("measurement " + message);
}

void require_mask(const Array<float>& mask) {
  for (const float value : mask)
    require(value == 0 || value == 1, "mask: has values other than 0 and 1");
  require(std::find(mask.begin(), mask.end(), 1.0f) != mask.end(),
          "mask: is zero everywhere, nothing is measured");
}

void require_planes(const Shape& data, const Shape& mask) {
  require_fits(mask.rank() == 2,
               "mask: got shape " + to_string(mask) + ", expected (rows, columns)");
  require_fits(
      data.rank() == 3 && data.back(1) == mask[0] && data.back(0) == mask[1],
      "data: got shape " + to_string(data) + ", but the mask has shape " + to_string(mask));
}

struct CheckSetup {
  const Shape& data;
  void operator()(const DenoiseSetup&) const {}
  void operator()(const BlurSetup& s) const {
    const Shape& h = s.kernel.shape();
    require_fits((h.rank() == 2 || (h.rank() == 3 && h[0] == data[0])) && h.size() > 0,
                 "kernel: got shape " + to_string(h) + ", expected (rows, columns) or (" +
                     std::to_string(data[0]) + ", rows, columns), one for each channel");
    require(all_finite(s.kernel), "kernel: has values that are not finite");
  }
  void operator()(const InpaintSetup& s) const {
    require_planes(data, s.mask.shape());
    require_mask(s.mask);
  }
  void operator()(const MriSetup& s) const {
    require_planes(data, s.mask.shape());
    require_mask(s.mask);
    if (s.maps.size() > 0) {
      require_fits(s.maps.shape() == data, "maps: got shape " + to_string(s.maps.shape()) +
                                               ", but the k-space has " + to_string(data));
      require(all_finite(s.maps), "maps: has values that are not finite");
      return;
    }
    require_fits(data[0] == 1, "maps: missing; k-space of " + std::to_string(data[0]) +
                                   " coils needs a sensitivity map for each");
  }
  void operator()(const CtSetup& s) const {
    require(s.rows > 0 && s.columns > 0, "image size: got " + std::to_string(s.rows) + " x " +
                                             std::to_string(s.columns) +
                                             ", expected positive ones");
    require_valid(s.geometry, Shape{data[0], s.rows, s.columns});
    require_fits(data[1] == static_cast<Index>(s.geometry.angles_rad.size()),
                 "data: has " + std::to_string(data[1]) + " views, but there are " +
                     std::to_string(s.geometry.angles_rad.size()) + " angles");
    require_fits(data[2] == s.geometry.detectors, "data: has " + std::to_string(data[2]) +
                                                      " detector elements, expected " +
                                                      std::to_string(s.geometry.detectors));
  }
};

double root_mean_square(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

void require_channel_noise(const Measurement& m, Index channels) {
  if (m.channel_noise.empty()) return;
  require_fits(std::ssize(m.channel_noise) == channels,
               "noise levels: got " + std::to_string(m.channel_noise.size()) +
                   ", but the data have " + std::to_string(channels) + " channels");
  for (const double level : m.channel_noise)
    require(std::isfinite(level) && level >= 0,
            "noise levels: got " + std::to_string(level) +
                ", expected finite numbers that are not negative");
  const double mean = root_mean_square(m.channel_noise);
  require(std::abs(mean - m.noise_level) <= 1e-6 * mean,
          "noise level: got " + std::to_string(m.noise_level) +
              ", expected the root of the mean square of those of the channels, " +
              std::to_string(mean));
}

template <class T>
Array<T> converted(const auto& from) {
  Array<T> to(from.shape());
  for (Index i = 0; i < from.size(); ++i) to[i] = static_cast<T>(from[i]);
  return to;
}

/// Of a kernel that shares its array with larger ones: without rows and columns of zeros on both
/// sides, as many on each as keep the centre where it is.
template <class T>
Array<T> without_rim(const Array<T>& kernel) {
  const Index rows = kernel.shape()[0], columns = kernel.shape()[1];
  Index r = (rows - 1) / 2, c = (columns - 1) / 2;  // how much may go on each side
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) {
      if (kernel[i * columns + j] == 0) continue;
      r = std::min({r, i, rows - 1 - i});
      c = std::min({c, j, columns - 1 - j});
    }
  Array<T> rest(Shape{rows - 2 * r, columns - 2 * c});
  for (Index i = 0; i < rest.size(); ++i)
    rest[i] = kernel[(r + i / (columns - 2 * c)) * columns + c + i % (columns - 2 * c)];
  return rest;
}

template <class T>
struct MakeReal {
  Shape image;
  LinearOperator<T> operator()(const DenoiseSetup&) const { return Identity<T>(image); }
  LinearOperator<T> operator()(const BlurSetup& s) const {
    const Array<T> kernel = converted<T>(s.kernel);
    if (kernel.shape().rank() == 2) return Blur<T>(kernel, image, s.boundary);
    std::vector<LinearOperator<T>> channels;
    for (Index c = 0; c < image[0]; ++c)
      channels.push_back(
          Blur<T>(without_rim(Array<T>(kernel.slice(c))), Shape{image[1], image[2]}, s.boundary));
    return PerChannel<T>(std::move(channels));
  }
  LinearOperator<T> operator()(const InpaintSetup& s) const {
    return Mask<T>(converted<T>(s.mask), image);
  }
  LinearOperator<T> operator()(const CtSetup& s) const { return Tomography<T>(s.geometry, image); }
  LinearOperator<T> operator()(const MriSetup&) const {
    throw ArgumentError("make_operator: mri is an operator of complex images");
  }
};

template <class T>
LinearOperator<std::complex<T>> make_mri(const MriSetup& s) {
  if (s.maps.size() == 0) return CartesianMri<T>(converted<T>(s.mask));
  return CartesianMri<T>(converted<T>(s.mask), converted<std::complex<T>>(s.maps));
}

}  // namespace

const std::vector<std::string>& operator_kinds() {
  static const std::vector<std::string> kinds = {"denoise", "blur", "inpaint", "mri", "ct"};
  return kinds;
}

std::string kind_of(const OperatorSetup& setup) { return operator_kinds()[setup.index()]; }

std::string to_string(Boundary boundary) {
  for (const auto& [name, value] : boundaries())
    if (value == boundary) return name;
  return "";
}

Boundary boundary_from(const std::string& what, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [known, value] : boundaries()) {
    if (known == name) return value;
    names.push_back(known);
  }
  throw ArgumentError(unknown_name(what, name, names));
}

Shape image_shape(const Measurement& m) {
  const Shape& data = shape_of(m.data);
  if (std::holds_alternative<MriSetup>(m.setup)) return {1, data[1], data[2]};
  if (const auto* ct = std::get_if<CtSetup>(&m.setup)) return {data[0], ct->rows, ct->columns};
  return data;
}

void validate(const Measurement& m) {
  const Shape& data = shape_of(m.data);
  const bool mri = std::holds_alternative<MriSetup>(m.setup);
  require_fits(
      data.rank() == 3 && data.size() > 0,
      "data: got shape " + to_string(data) + ", expected two or three axes, none of them empty");
  require(is_complex_array(m.data) == mri,
          std::string("data: expected ") + (mri ? "complex k-space" : "real numbers"));
  require(std::visit([](const auto& a) { return all_finite(a); }, m.data),
          "data: has values that are not finite (NaN or infinite)");
  require(std::isfinite(m.noise_level) && m.noise_level >= 0,
          "noise level: got " + std::to_string(m.noise_level) +
              ", expected a finite number that is not negative");
  require_channel_noise(m, data[0]);
  require(std::isfinite(m.scale) && m.scale > 0,
          "scale: got " + std::to_string(m.scale) + ", expected a positive number");
  std::visit(CheckSetup{data}, m.setup);
  if (!m.truth) return;
  const Shape& truth = shape_of(*m.truth);
  require_fits(truth == image_shape(m),
               "truth: got shape " + to_string(truth) + ", expected " + to_string(image_shape(m)));
  require(mri || !is_complex_array(*m.truth), "truth: is complex, expected real numbers");
  require(std::visit([](const auto& a) { return all_finite(a); }, *m.truth),
          "truth: has values that are not finite (NaN or infinite)");
}

template <class X>
LinearOperator<X> make_operator(const Measurement& m) {
  if constexpr (is_complex<X>) {
    if (const auto* mri = std::get_if<MriSetup>(&m.setup)) return make_mri<Real<X>>(*mri);
    throw ArgumentError("make_operator: " + kind_of(m.setup) + " is an operator of real images");
  } else {
    return std::visit(MakeReal<X>{image_shape(m)}, m.setup);
  }
}

void set_channel_noise(Measurement& m, std::vector<double> levels) {
  m.noise_level = root_mean_square(levels);
  m.channel_noise = std::move(levels);
}

template <class X>
void add_noise(const Measurement& m, double sigma, const RandomStream& stream, View<X> data) {
  Array<X> noise(data.shape());
  fill_normal(View<X>(noise), stream);
  const Index channels = static_cast<Index>(m.channel_noise.size());
  if (channels > 0) require_channel_noise(m, data.shape()[0]);
  const Array<float>* mask = nullptr;
  if (const auto* mri = std::get_if<MriSetup>(&m.setup)) mask = &mri->mask;
  if (const auto* inpaint = std::get_if<InpaintSetup>(&m.setup)) mask = &inpaint->mask;
  if (mask != nullptr)
    for (Index i = 0; i < noise.size(); ++i) noise[i] *= (*mask)[i % mask->size()];
  if (channels == 0 || m.noise_level == 0)
    return axpy<X>(static_cast<Real<X>>(sigma), ConstView<X>(noise), data);
  for (Index c = 0; c < channels; ++c) {
    const double level = m.channel_noise[static_cast<std::size_t>(c)];
    axpy<X>(static_cast<Real<X>>(sigma * level / m.noise_level), noise.slice(c), data.slice(c));
  }
}

template <class X>
Array<X> elements_as(const MeasuredArray& array) {
  if (const auto* real = std::get_if<Array<float>>(&array)) return converted<X>(*real);
  if constexpr (is_complex<X>)
    return converted<X>(std::get<Array<std::complex<float>>>(array));
  else
    throw ArgumentError("elements_as: complex elements, expected real ones");
}

#define FEJER_INSTANTIATE(X)                                       \
  template LinearOperator<X> make_operator<X>(const Measurement&); \
  template Array<X> elements_as<X>(const MeasuredArray&);          \
  template void add_noise<X>(const Measurement&, double, const RandomStream&, View<X>);
FEJER_INSTANTIATE(float)
FEJER_INSTANTIATE(double)
FEJER_INSTANTIATE(std::complex<float>)
FEJER_INSTANTIATE(std::complex<double>)
#undef FEJER_INSTANTIATE

}  // namespace fejer
