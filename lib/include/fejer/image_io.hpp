#pragma once
/// Pictures: PNG and JPEG, 8 and 16 bit, grey and colour, as arrays (C,H,W) in [0,1].
#include <string>

#include <fejer/array.hpp>

namespace fejer {

/// (1,H,W) or (3,H,W), values / 255 or / 65535; alpha is dropped, palettes are expanded. The kind
/// of file is found from its first bytes. Values are taken as they are: no gamma, no colour
/// profile, no turning by EXIF. Throws FormatError for anything damaged or foreign, and for
/// pictures of more than 2^28 pixels.
Array<float> read_image(const std::string& path);

/// Luma 0.299 R + 0.587 G + 0.114 B of a (3,H,W) picture; a (1,H,W) picture as it is.
Array<float> to_grey(const Array<float>& image);

/// Writes (1,H,W), (3,H,W) or (H,W) as PNG, atomically; values are clipped to [0,1] and rounded,
/// what is not a number becomes 0. bits: 8 or 16.
void write_png(const std::string& path, ConstView<float> image, int bits = 8);

/// The same as JPEG, 8 bit, colour at full resolution; quality 1 to 100.
void write_jpeg(const std::string& path, ConstView<float> image, int quality = 95);

}  // namespace fejer
