#include "setups.hpp"

#include <algorithm>
#include <cmath>

#include <fejer/files.hpp>
#include <fejer/operators/cartesian_mri.hpp>
#include <fejer/vector.hpp>

#include "pictures.hpp"
#include "text.hpp"

namespace fejer::command {
namespace {

/// The median modulus of normal numbers of deviation 1.
constexpr double median_of_normal = 0.6744897501960817;

double deviation_from_median(std::vector<double>& moduli) {
  if (moduli.empty()) return 0;
  const auto middle = moduli.begin() + static_cast<std::ptrdiff_t>(moduli.size() / 2);
  std::nth_element(moduli.begin(), middle, moduli.end());
  return *middle / median_of_normal;
}

}  // namespace

std::vector<NoiseLevel> measured_noise_levels(const std::string& text, const std::string& kind,
                                              double scale) {
  const bool any_unit = kind == "ct" || kind == "mri" || scale != 1;
  std::vector<NoiseLevel> levels;
  std::size_t begin = 0;
  for (std::size_t comma = 0; comma != std::string::npos; begin = comma + 1) {
    comma = text.find(',', begin);
    levels.push_back(
        parse_noise_level("--noise-level", text.substr(begin, comma - begin), any_unit));
  }
  return levels;
}

void set_noise_levels(Measurement& m, const std::vector<NoiseLevel>& levels) {
  const double largest = std::visit(
      [](const auto& a) { return max_abs<std::remove_cvref_t<decltype(a[0])>>(a); }, m.data);
  if (levels.size() == 1) {
    m.noise_level = levels.front().in_units_of(largest);
    return;
  }
  const Index channels = shape_of(m.data)[0];
  if (std::ssize(levels) != channels)
    throw ArgumentError("--noise-level: got " + std::to_string(levels.size()) +
                        " levels, expected one, or " + std::to_string(channels) +
                        ", one for each channel of the data" +
                        (channels == 1 ? " (--colour keeps the colours)" : ""));
  std::vector<double> values;
  for (const NoiseLevel& level : levels) values.push_back(level.in_units_of(largest));
  set_channel_noise(m, std::move(values));
}

Array<double> read_kernel(const std::string& text) {
  const std::string prefix = "gaussian:";
  if (text.starts_with(prefix)) {
    const double sigma = parse_number("--kernel", text.substr(prefix.size()));
    if (!(sigma > 0 && sigma < 1000))
      throw ArgumentError("--kernel: got '" + text +
                          "', expected gaussian:SIGMA with SIGMA in pixels");
    return gaussian_kernel<double>(sigma);
  }
  if (!parse_dataset_path(text))
    throw ArgumentError("--kernel: got '" + text + "', expected K.h5:/name or gaussian:SIGMA");
  Array<double> kernel = read_real_dataset(text);
  if (kernel.shape().rank() != 2 && kernel.shape().rank() != 3)
    throw ShapeError("--kernel: " + text + " has shape " + to_string(kernel.shape()) +
                     ", expected (rows, columns) or (channels, rows, columns)");
  if (max_abs(ConstView<double>(kernel)) == 0)
    throw ArgumentError("--kernel: " + text + " is zero everywhere");
  return kernel;
}

Array<float> read_mask(const std::string& text, int axis, const Shape& data) {
  const Array<double> values = read_real_dataset(text);
  Array<float> mask(values.shape());
  for (Index i = 0; i < mask.size(); ++i) {
    if (values[i] != 0 && values[i] != 1)
      throw ArgumentError("--mask: " + text + " has values other than 0 and 1");
    mask[i] = static_cast<float>(values[i]);
  }
  const Index rows = data.back(1), columns = data.back(0);
  if (mask.shape().rank() == 2) {
    require_shape("--mask", mask.shape(), Shape{rows, columns});
    return mask;
  }
  if (mask.shape().rank() != 1)
    throw ShapeError("--mask: " + text + " has shape " + to_string(mask.shape()) +
                     ", expected (rows, columns) or one line");
  const int from_start = axis < 0 ? data.rank() + axis : axis;
  const int image_axis = from_start - (data.rank() - 2);
  if (image_axis != 0 && image_axis != 1)
    throw ArgumentError("--mask-axis: got " + std::to_string(axis) + ", but the data of shape " +
                        to_string(data) + " have their frequencies along the last two axes");
  require_shape("--mask", mask.shape(), Shape{image_axis == 0 ? rows : columns});
  return expand_line_mask(mask, image_axis, rows, columns);
}

Array<std::complex<float>> read_maps(const std::string& text) {
  AnyArray maps = read_dataset(text);
  const Shape shape = shape_of(maps);
  if (shape.rank() != 3)
    throw ShapeError("coil maps: " + text + " has shape " + to_string(shape) +
                     ", expected (coils, rows, columns)");
  Array<std::complex<float>> complex = elements_as<std::complex<float>>(maps);
  if (!all_finite(complex))
    throw FormatError("coil maps: " + text + " has values that are not finite");
  return complex;
}

void CtFlags::add_to(CLI::App& verb) {
  verb.add_option("--geometry", geometry, "ct: parallel or fan")->type_name("NAME");
  verb.add_option("--pitch", pitch, "ct: distance of detector elements")->type_name("P");
  verb.add_option("--pixel-size", pixel_size, "ct: size of an image pixel, same unit")
      ->type_name("P");
  centre_option = verb.add_option("--centre", centre,
                                  "ct: detector index of the rotation axis (default: the middle)")
                      ->type_name("C");
  verb.add_option("--source-distance", source_distance, "ct, fan: source to rotation axis")
      ->type_name("D");
  verb.add_option("--detector-distance", detector_distance, "ct, fan: rotation axis to detector")
      ->type_name("D");
}

TomographyGeometry CtFlags::base() const {
  require_known("--geometry", geometry, {"parallel", "fan"});
  TomographyGeometry g;
  const bool fan = geometry == "fan";
  g.kind = fan ? TomographyGeometry::Kind::fan : TomographyGeometry::Kind::parallel;
  for (const auto& [flag, length] : {std::pair("--pitch", pitch), {"--pixel-size", pixel_size}})
    if (!(length > 0 && std::isfinite(length)))
      throw ArgumentError(std::string(flag) + ": got " + short_number(length) +
                          ", expected a positive number");
  g.pitch = pitch;
  g.pixel_size = pixel_size;
  if (centre_option->count() > 0) g.centre = centre;
  if (fan && !(source_distance > 0))
    throw ArgumentError(
        "--source-distance: a fan beam needs the distance of source and rotation axis");
  if (!fan && (source_distance != 0 || detector_distance != 0))
    throw ArgumentError(
        "--source-distance, --detector-distance: have a meaning for --geometry fan only");
  g.source_distance = source_distance;
  g.detector_distance = detector_distance;
  return g;
}

void refuse_foreign_flags(const CLI::App& verb, const std::string& kind,
                          const std::vector<FlagsOfKind>& table) {
  for (const CLI::Option* option : verb.get_options()) {
    if (option->count() == 0 || option->get_lnames().empty()) continue;
    const std::string flag = "--" + option->get_lnames()[0];
    bool listed = false, allowed = false;
    std::string kinds;
    for (const FlagsOfKind& row : table) {
      if (std::find(row.flags.begin(), row.flags.end(), flag) == row.flags.end()) continue;
      listed = true;
      allowed = allowed || row.kind == kind;
      kinds += (kinds.empty() ? "" : ", ") + row.kind;
    }
    if (listed && !allowed)
      throw ArgumentError(flag + ": has no meaning for --operator " + kind + " (only for " + kinds +
                          ")");
  }
}

double estimate_noise(const Array<float>& planes) {
  const Index rows = planes.shape().back(1), columns = planes.shape().back(0);
  std::vector<double> details;
  for (Index c = 0; c < planes.size() / (rows * columns); ++c)
    for (Index i = 0; i + 1 < rows; i += 2)
      for (Index j = 0; j + 1 < columns; j += 2) {
        const float* p = planes.data() + (c * rows + i) * columns + j;
        details.push_back(std::abs(p[0] - p[1] - p[columns] + p[columns + 1]) / 2);
      }
  return deviation_from_median(details);
}

double estimate_noise(const Array<std::complex<float>>& kspace, const Array<float>& mask) {
  const Index rows = kspace.shape().back(1), columns = kspace.shape().back(0);
  std::vector<double> moduli;
  for (Index i = 0; i < kspace.size(); ++i) {
    const Index pixel = i % (rows * columns);
    const double u =
        std::abs(2.0 * static_cast<double>(pixel / columns - rows / 2) / static_cast<double>(rows));
    const double v = std::abs(2.0 * static_cast<double>(pixel % columns - columns / 2) /
                              static_cast<double>(columns));
    if (mask[pixel] == 0 || std::max(u, v) < 0.8) continue;
    moduli.push_back(std::abs(kspace[i].real()));
    moduli.push_back(std::abs(kspace[i].imag()));
  }
  return deviation_from_median(moduli);
}

}  // namespace fejer::command
