#pragma once
/// Cutting and resizing images (C,H,W).
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

/// rows x columns pixels by separable cubic convolution (Keys, IEEE TASSP 29 (1981) 1153, with
/// a = -3/4) at (i + 1/2) H / rows - 1/2, edge pixels continued; no smoothing before reduction, as
/// OpenCV's INTER_CUBIC, with which the published training sets were made. Sharp edges overshoot.
/// T: float or double.
template <class T>
Array<T> resize_cubic(const Array<T>& image, Index rows, Index columns);

}  // namespace fejer
