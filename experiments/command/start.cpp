#include "start.hpp"

#include <cmath>

#include <fejer/vector.hpp>

#include "pictures.hpp"

namespace fejer::command {

template <class X>
Start<X> start_value(const Measurement& m, const LinearOperator<X>& A, const std::string& init) {
  if (!init.empty()) {
    const AnyArray image = read_any_image("--init", init, true);
    require_shape("--init", shape_of(image), A.domain());
    if (!is_complex<X> && std::holds_alternative<ComplexArray>(image))
      throw ArgumentError("--init: " + init + " is complex, but the image is real");
    return {elements_as<X>(image), "init"};
  }
  const Array<X> data = elements_as<X>(m.data);
  if constexpr (is_complex<X>) {
    return {A.apply_adjoint(data), "zero-filled"};
  } else {
    if (const auto* ct = std::get_if<CtSetup>(&m.setup))
      return {filtered_backprojection(ct->geometry, data, A.domain()), "FBP"};
    return {data, "measurement"};
  }
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

template Start<float> start_value(const Measurement&, const LinearOperator<float>&,
                                  const std::string&);
template Start<std::complex<float>> start_value(const Measurement&,
                                                const LinearOperator<std::complex<float>>&,
                                                const std::string&);

}  // namespace fejer::command
