#pragma once
#include <optional>
#include <vector>

#include <fejer/array.hpp>

namespace fejer::detail {

/// Joseph's method for parallel views in single precision with the loops of tomography_kernels.hpp:
/// the weights of Tomography, positions rounded to 1e-6 of a pixel. Sums in a fixed order.
class ParallelBeam {
 public:
  /// Detector element d crosses line i (a row, or a column) at offset + slope i + step d.
  struct Line {
    bool along_rows = true;
    double offset = 0, slope = 0, step = 1;
    float weight = 1;
  };
  /// Nothing where the processor lacks AVX2 and FMA, or a view has |step| outside [1, 1.9]: a
  /// detector finer, or much coarser, than the pixels.
  static std::optional<ParallelBeam> make(const std::vector<Line>& views, Index detectors, Index H,
                                          Index W);
  /// One slice: x (H,W), y (views, detectors).
  void project(const float* x, float* y) const;
  void backproject(const float* y, float* x) const;

 private:
  /// Views along one axis, with steps > 0: reversed ones count their elements from the last.
  struct Axis {
    Index lines = 0, length = 0;
    std::vector<Index> view;
    std::vector<char> reversed;
    std::vector<double> offset, slope, step;
    std::vector<double> origin, per_line, per_pixel;  ///< see AdjointTask; padded by four
    std::vector<float> narrow_per_pixel, narrow_step, weight;
    Index size() const { return static_cast<Index>(view.size()); }
    Index stride() const;  ///< of padded lines
  };
  ParallelBeam(Index detectors, Index H, Index W);
  void add(Index view, const Line& line);
  void project_axis(const Axis& axis, const float* pixels, Index first, Index last, float* y) const;
  void backproject_axis(const Axis& axis, const float* y, float* out) const;

  Index detectors_, H_, W_;
  Axis rows_, columns_;
};

}  // namespace fejer::detail
