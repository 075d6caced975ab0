#pragma once
/// Images of the data sets, brought to the size that a task needs.
#include <string>

#include <fejer/array.hpp>

namespace fejer::reconstruction {

/// Slice `index` of a stack (N,H,W), or an image (H,W), as (1,H,W); divided by 255 if `bytes`.
Array<float> read_slice(const std::string& file, const std::string& dataset, Index index,
                        bool bytes);
/// Image 1 to 12 of Set12 in the folder of the data sets, (1,H,W); with `smoke` its middle 64x64.
Array<float> set12_image(const std::string& data, int number, bool smoke);
/// Its name, "01" to "12".
std::string set12_name(int number);
/// 3x3 means, the edge pixels repeated.
Array<float> smooth(const Array<float>& image);
/// Cut or padded with zeros about the centre to (1,rows,columns).
Array<float> fit(const Array<float>& image, Index rows, Index columns);

}  // namespace fejer::reconstruction
