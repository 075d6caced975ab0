#pragma once
/// Cutting and reducing images (C,H,W).
#include <fejer/array.hpp>

namespace fejer {

/// The rows x columns window whose upper left pixel is (top, left); throws ShapeError where it does
/// not lie inside the image.
template <class X>
Array<X> crop(const Array<X>& image, Index top, Index left, Index rows, Index columns);

/// Means over factor x factor blocks (area average); rows and columns that fill no block are
/// dropped. factor >= 1, at most the smaller side.
template <class X>
Array<X> shrink(const Array<X>& image, Index factor);

}  // namespace fejer
