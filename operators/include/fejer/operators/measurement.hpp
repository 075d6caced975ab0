#pragma once
/// Measurement files: data, all that is needed to rebuild the operator, the noise level, and the
/// truth where it is known. HDF5, format "fejer-measurement", version 1; docs/measurement-file.md
/// has the layout. Files from other programs need no checksum.
#include <complex>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <fejer/linear_operator.hpp>
#include <fejer/operators/blur.hpp>
#include <fejer/operators/tomography.hpp>
#include <fejer/rng.hpp>

namespace fejer {

/// How the data came about. Each holds the numbers that its operator is made from.
struct DenoiseSetup {};
struct BlurSetup {
  Array<double> kernel;  ///< (kh,kw), or (C,kh,kw): one for each channel
  Boundary boundary = Boundary::circular;
};
struct InpaintSetup {
  Array<float> mask;  ///< (H,W) of zeros and ones
};
struct MriSetup {
  Array<float> mask;                ///< (H,W) of zeros and ones, frequency zero in the centre
  Array<std::complex<float>> maps;  ///< (coils,H,W); empty: one coil of sensitivity 1
};
struct CtSetup {
  TomographyGeometry geometry;
  Index rows = 0, columns = 0;  ///< of the image
};
using OperatorSetup = std::variant<DenoiseSetup, BlurSetup, InpaintSetup, MriSetup, CtSetup>;

/// Images (C,H,W); k-space (coils,H,W); sinograms (C,views,detectors).
using MeasuredArray = std::variant<Array<float>, Array<std::complex<float>>>;

struct Measurement {
  OperatorSetup setup;
  MeasuredArray data;
  /// Standard deviation of the noise per real component, in the unit of the data.
  double noise_level = 0;
  /// Where it is not the same along the first axis of the data (channels, coils, slices): that of
  /// each, the root of whose mean square is noise_level.
  std::vector<double> channel_noise;
  /// Intensity that learned priors should see as 1: image / scale lies in about [0,1].
  double scale = 1;
  std::optional<std::int64_t> seed;    ///< of a simulation
  std::optional<MeasuredArray> truth;  ///< (C,H,W), real or complex
  std::string provenance;              ///< for people
};

/// "denoise", "blur", "inpaint", "mri" or "ct".
std::string kind_of(const OperatorSetup& setup);
const std::vector<std::string>& operator_kinds();

/// Names of Boundary: circular, zero, reflect, replicate. Throws with the nearest spelling.
std::string to_string(Boundary boundary);
Boundary boundary_from(const std::string& what, const std::string& name);

/// Shape of the images (C,H,W) that the measurement is of.
Shape image_shape(const Measurement& measurement);

/// Throws one-line ArgumentError or ShapeError: parts that do not fit together, values that are
/// not finite, a negative noise level.
void validate(const Measurement& measurement);

/// The forward operator. X: float, double (all kinds but mri), complex<float>, complex<double>
/// (mri); otherwise ArgumentError.
template <class X>
LinearOperator<X> make_operator(const Measurement& measurement);

/// The data or a truth as elements of X; complex ones do not become real (ArgumentError).
template <class X>
Array<X> elements_as(const MeasuredArray& array);

/// data <- data + noise of standard deviation sigma per real component, in channel c
/// channel_noise[c] / noise_level times that, on what is measured: where the mask is, for inpaint
/// and mri.
template <class X>
void add_noise(const Measurement& measurement, double sigma, const RandomStream& noise,
               View<X> data);

/// channel_noise and the noise_level that goes with it.
void set_channel_noise(Measurement& measurement, std::vector<double> levels);

void save_measurement(const std::string& path, const Measurement& measurement);
/// Strict: whatever is missing, extra, misshapen or not finite is a FormatError that names it.
Measurement load_measurement(const std::string& path);

}  // namespace fejer
