#pragma once
/// Flags that describe how data came about, shared by pack and simulate.
#include <CLI/CLI.hpp>
#include <initializer_list>
#include <string>
#include <vector>

#include <fejer/operators/measurement.hpp>

#include "text.hpp"

namespace fejer::command {

/// --noise-level of a measurement: one, or one for each channel with commas between them. Sinograms
/// and k-space are no images, and a scale other than 1 states the unit: then any number may be
/// meant.
std::vector<NoiseLevel> measured_noise_levels(const std::string& text, const std::string& kind,
                                              double scale);
/// They, in the unit of the data, as the noise levels of m.
void set_noise_levels(Measurement& m, const std::vector<NoiseLevel>& levels);

/// K.h5:/name, (rows, columns) or (channels, rows, columns), or gaussian:SIGMA (pixels); finite.
Array<double> read_kernel(const std::string& text);

/// A mask of zeros and ones: (H,W), or one line of it expanded along the other axis. `axis` counts
/// the axes of data of shape `data` as their file has them, from the end where negative.
Array<float> read_mask(const std::string& text, int axis, const Shape& data);

/// Coil maps (coils,H,W).
Array<std::complex<float>> read_maps(const std::string& text);

/// Geometry flags of CT.
struct CtFlags {
  std::string geometry = "parallel";
  double pitch = 1, pixel_size = 1;
  double source_distance = 0, detector_distance = 0;
  double centre = -1;
  CLI::Option* centre_option = nullptr;
  void add_to(CLI::App& verb);
  /// The geometry without angles and detectors; throws where fan-beam distances are missing.
  TomographyGeometry base() const;
};

/// Refuses flags that were given although `kind` has no use for them.
struct FlagsOfKind {
  std::string kind;
  std::vector<std::string> flags;
};
void refuse_foreign_flags(const CLI::App& verb, const std::string& kind,
                          const std::vector<FlagsOfKind>& table);

/// Standard deviation of the noise, estimated: of images and sinograms from the median modulus of
/// the diagonal differences of 2x2 pixels (Donoho, Johnstone, Biometrika 81, 1994), of k-space from
/// the median modulus of the sampled points beyond 80 % of the largest frequency.
double estimate_noise(const Array<float>& planes);
double estimate_noise(const Array<std::complex<float>>& kspace, const Array<float>& mask);

}  // namespace fejer::command
