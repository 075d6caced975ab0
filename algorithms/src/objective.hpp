#pragma once
/// f(x) + g(x), NaN where g has no value. Private to algorithms.
#include <cmath>
#include <optional>

#include <fejer/function.hpp>

namespace fejer::detail {

template <class X>
double composite_objective(const SmoothFunction<X>& f, const std::optional<ProxFunction<X>>& g,
                           const Array<X>& x) {
  if (g && !g->has_value()) return std::nan("");
  return f.value(x) + (g ? g->value(x) : 0.0);
}

/// out = prox_{gamma g}(v), or v where there is no g.
template <class X>
void apply_prox(const std::optional<ProxFunction<X>>& g, const Array<X>& v, double gamma,
                Array<X>& out) {
  if (g) {
    g->prox(v, gamma, out);
  } else {
    copy<X>(v, out);
  }
}

}  // namespace fejer::detail
