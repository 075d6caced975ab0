#pragma once
/// Images (C,H,W) and batches (N,C,H,W) of them.
#include <string>

#include <fejer/parallel.hpp>

#include "planes.hpp"

namespace fejer::detail {

/// Throws ShapeError unless `s` is an image of so many channels, or a batch of such.
inline void require_images(const char* where, const Shape& s, Index channels) {
  if ((s.rank() == 3 || s.rank() == 4) && s.back(2) == channels) return;
  throw ShapeError(std::string(where) + ": got " + to_string(s) + ", expected (" +
                   std::to_string(channels) + ", H, W) or (N, " + std::to_string(channels) +
                   ", H, W)");
}

/// The shape (N, C, H, W) of images (..., C, H, W); for C = 1 every plane of (..., H, W) is an
/// image. Throws ShapeError for others.
inline Shape as_batch(const char* where, const Shape& s, Index channels) {
  const bool planes = channels == 1 && s.rank() >= 2;
  if (s.size() == 0 || (!planes && (s.rank() < 3 || s.back(2) != channels)))
    throw ShapeError(std::string(where) + ": got " + to_string(s) + ", expected (..., " +
                     (channels == 1 ? "" : std::to_string(channels) + ", ") + "H, W)");
  return {s.size() / (channels * s.back(1) * s.back(0)), channels, s.back(1), s.back(0)};
}

inline Extent image_size(const Shape& s) { return {s.back(1), s.back(0)}; }

/// The shape of images with other channels and another size.
inline Shape with_images(const Shape& s, Index channels, Extent size) {
  if (s.rank() == 4) return {s[0], channels, size.rows, size.columns};
  return {channels, size.rows, size.columns};
}

inline Index samples(const Shape& s) { return s.rank() == 4 ? s[0] : 1; }

/// The planes of sample n.
template <class T, class V>
Planes<T> sample_planes(const V& x, Index n) {
  const Shape& s = x.shape();
  const Index channels = s.back(2);
  const Extent size = image_size(s);
  return planes<T>(x.data() + n * channels * size.rows * size.columns, channels, size);
}

/// body(n) for all samples: in parallel where there are many, else each may use all threads.
template <class F>
void each_sample(const Shape& s, const F& body) {
  const Index count = samples(s);
  if (count >= 2 * thread_count())
    return parallel_for(count, 1, [&](Index begin, Index end) {
      for (Index n = begin; n < end; ++n) body(n);
    });
  for (Index n = 0; n < count; ++n) body(n);
}

}  // namespace fejer::detail
