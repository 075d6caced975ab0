#pragma once
/// Images from and to files: pictures, HDF5 datasets, phantoms; and the result file "fejer-image".
#include <complex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <fejer/array.hpp>
#include <fejer/hdf5.hpp>

namespace fejer::command {

using ComplexArray = Array<std::complex<float>>;
/// What a file may hold: a real or a complex array.
using AnyArray = std::variant<Array<float>, ComplexArray>;
const Shape& shape_of(const AnyArray& array);

/// A dataset FILE.h5:/name, or the slice FILE.h5:/name[i] of it. 8-bit integers stay 0..255.
AnyArray read_dataset(const std::string& path);
/// The same, refusing complex data.
Array<double> read_real_dataset(const std::string& path);

/// An image (C,H,W): a picture (values in [0,1]), FILE.h5:/dataset (8-bit data divided by 255; rank
/// 2, or rank 3 with 1 or 3 channels or, where they are complex or `any_channels`, any number), or
/// phantom:shepp-logan:N. Values must be finite.
AnyArray read_any_image(const std::string& flag, const std::string& path,
                        bool any_channels = false);
Array<float> read_real_image(const std::string& flag, const std::string& path);

/// An image reduced `factor` times, then cut to a window (see parse_window); 1 and "" leave it as
/// it is.
AnyArray part_of(AnyArray image, Index factor, const std::string& window);

/// Throws FormatError or ArgumentError where the file is not there, or the text names none.
void require_image_source(const std::string& flag, const std::string& path);

/// The named attributes of a result.
using Attributes = std::vector<std::pair<std::string, std::variant<double, std::string>>>;

/// Where results go, checked before any long computation: .h5 (format "fejer-image"), .png, .jpg.
void require_image_destination(const std::string& flag, const std::string& path);
/// Pictures show |x| / white clipped to [0,1]; .h5 holds /image, (H,W) where there is one channel,
/// and the attributes. Refuses values that are not finite.
void write_image(const std::string& path, const AnyArray& image, double white,
                 const Attributes& attributes);

/// |x| of complex images, x of real ones.
Array<float> magnitude(const AnyArray& image);

/// The same elements, a leading axis of length 1 dropped or added.
Shape without_channel(const Shape& shape);
Shape with_channel(const Shape& shape);

}  // namespace fejer::command
