#include "start.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fejer/vector.hpp>

#include "pictures.hpp"

namespace fejer::command {

namespace {

/// Fills the rim of the holes of one plane; what was filled becomes known.
void fill_rim(View<float> plane, Array<float>& known) {
  const Index H = known.shape()[0], W = known.shape()[1];
  const Array<float> before = known;
  for (Index i = 0; i < H; ++i)
    for (Index j = 0; j < W; ++j) {
      if (before[i * W + j] != 0) continue;
      float sum = 0, count = 0;
      for (Index a = std::max<Index>(i - 1, 0); a <= std::min(i + 1, H - 1); ++a)
        for (Index b = std::max<Index>(j - 1, 0); b <= std::min(j + 1, W - 1); ++b)
          if (before[a * W + b] != 0) sum += plane[a * W + b], count += 1;
      if (count == 0) continue;
      plane[i * W + j] = sum / count;
      known[i * W + j] = 1;
    }
}

}  // namespace

void fill_holes(View<float> image, const Array<float>& mask) {
  for (Index c = 0; c < image.size() / mask.size(); ++c) {
    Array<float> known = mask;
    while (std::find(known.begin(), known.end(), 0.0f) != known.end() &&
           std::find(known.begin(), known.end(), 1.0f) != known.end())
      fill_rim(image.slice(c), known);
  }
}

template <class X>
Start<X> start_value(const Measurement& m, const LinearOperator<X>& A, const std::string& init) {
  if (!init.empty()) {
    const AnyArray given = read_any_image("--init", init, true);
    require_shape("--init", shape_of(given), A.domain());
    if (!is_complex<X> && std::holds_alternative<ComplexArray>(given))
      throw ArgumentError("--init: " + init + " is complex, but the image is real");
    const Array<X> image = elements_as<X>(given);
    return {image, image, "init"};
  }
  const Array<X> data = elements_as<X>(m.data), image = start_from<X>(m.setup, A, data);
  if (is_complex<X>) return {image, image, "zero-filled"};
  if (std::holds_alternative<CtSetup>(m.setup)) return {image, image, "FBP"};
  return {image, data, "measurement"};
}

template <class X>
Array<X> start_from(const OperatorSetup& setup, const LinearOperator<X>& A, const Array<X>& data) {
  if constexpr (is_complex<X>) {
    return A.apply_adjoint(data);
  } else {
    if (const auto* ct = std::get_if<CtSetup>(&setup))
      return filtered_backprojection(ct->geometry, data, A.domain());
    Array<X> image = data;
    if (const auto* inpaint = std::get_if<InpaintSetup>(&setup)) fill_holes(image, inpaint->mask);
    return image;
  }
}

template <class X>
Problem<X> posed(const Measurement& m, const LinearOperator<X>& A, Array<X> start, double scale) {
  const Real<X> factor = 1 / static_cast<Real<X>>(scale);
  Problem<X> problem{A, elements_as<X>(m.data), std::move(start), kind_of(m.setup) == "denoise", 0};
  fejer::scale<X>(problem.y, factor);
  fejer::scale<X>(problem.start, factor);
  return problem;
}

double noise_norm(const Measurement& m) {
  const bool complex = std::holds_alternative<ComplexArray>(m.data);
  double count = static_cast<double>(shape_of(m.data).size()) * (complex ? 2 : 1);
  const Array<float>* mask = nullptr;
  if (const auto* inpaint = std::get_if<InpaintSetup>(&m.setup)) mask = &inpaint->mask;
  if (const auto* mri = std::get_if<MriSetup>(&m.setup)) mask = &mri->mask;
  if (mask != nullptr) count *= dot(*mask, *mask) / static_cast<double>(mask->size());
  return m.noise_level * std::sqrt(count);
}

template Array<float> start_from(const OperatorSetup&, const LinearOperator<float>&,
                                 const Array<float>&);
template Array<std::complex<float>> start_from(const OperatorSetup&,
                                               const LinearOperator<std::complex<float>>&,
                                               const Array<std::complex<float>>&);
template Start<float> start_value(const Measurement&, const LinearOperator<float>&,
                                  const std::string&);
template Problem<float> posed(const Measurement&, const LinearOperator<float>&, Array<float>,
                              double);
template Problem<std::complex<float>> posed(const Measurement&,
                                            const LinearOperator<std::complex<float>>&,
                                            Array<std::complex<float>>, double);
template Start<std::complex<float>> start_value(const Measurement&,
                                                const LinearOperator<std::complex<float>>&,
                                                const std::string&);

}  // namespace fejer::command
