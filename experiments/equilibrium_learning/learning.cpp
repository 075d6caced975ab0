#include "learning.hpp"

#include <algorithm>
#include <ctime>

namespace fejer::equilibrium_learning {

using equilibrium_closed_form::exact_options;
using equilibrium_closed_form::restarted_options;
using equilibrium_closed_form::unrolled_options;

Method exact_method() {
  EquilibriumOptions o = exact_options();
  o.tolerance = 0;  // the start is the equilibrium
  o.max_passes = 1;
  o.adjoint_tolerance = 1e-11;
  o.adjoint_max_products = 200;
  return {"exact", o, StartFrom::equilibrium};
}

Method settled_method(Index K) {
  return {"JFB(" + std::to_string(K) + ", inf)", restarted_options(K, 0), StartFrom::equilibrium};
}

std::vector<Method> contenders(Index K, Index T) {
  const auto name = [](const char* what, Index a) {
    return std::string(what) + "(" + std::to_string(a) + ")";
  };
  const auto restarted = [](Index k, Index r) {
    return "RJFB(" + std::to_string(k) + ", " + std::to_string(r) + ")";
  };
  EquilibriumOptions deq = exact_options();
  deq.tolerance = deq.adjoint_tolerance = 1e-8;
  EquilibriumOptions one_step = restarted_options(1, K * T - 1);
  one_step.strategy = GradientStrategy::one_step;
  return {{name("unrolled", K), unrolled_options(K)},
          {name("unrolled", K * T), unrolled_options(K * T)},
          {"DEQ", deq},
          {"JFB", one_step},
          {restarted(K, T - 1) + " cold", restarted_options(K, T - 1)},
          {restarted(K, 0) + " warm", restarted_options(K, 0), StartFrom::warm}};
}

void clip(Array<double>& theta, double low, double high) {
  for (double& t : theta) t = std::clamp(t, low, high);
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace fejer::equilibrium_learning
