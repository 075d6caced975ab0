#pragma once
/// From a problem and a method to a solution:
///   min over x of 1/2 ||A x - y||^2 + lambda R(x) (+ indicator of x >= 0),
/// the fixed point of plug-and-play forward-backward splitting, a minimiser with the potential of a
/// gradient-step denoiser, the steps of DPIR, or the layers of an unrolled network. All quantities
/// are in the unit that the prior sees (image and data divided by --scale).
#include <optional>
#include <string>
#include <vector>

#include <fejer/algorithms/run.hpp>
#include <fejer/certificate.hpp>
#include <fejer/linear_operator.hpp>
#include <fejer/models/model.hpp>

namespace fejer::command {

struct Method {
  std::string prior;               ///< none, tv, model, pnp, unrolled
  std::string algorithm = "auto";  ///< or one of algorithm_names()
  double lambda = 1;               ///< weight of R, or of a denoiser; pnp-fbs: relaxation in (0,1]
  double sigma = 0;                ///< noise level handed to the model, in the image's unit
  std::vector<double> levels;      ///< pnp-fbs: of layers that take turns; sigma is the first
  double step = 1;                 ///< pnp-fbs: times 1 / ||A||^2
  bool positivity = false;
  bool certify = false;       ///< pnp: divide the network by its bound (see certified_about)
  bool force = false;         ///< run without a guarantee of convergence
  bool as_published = false;  ///< estimated norms without their margin
  RunOptions run;
};

const std::vector<std::string>& prior_names();
const std::vector<std::string>& algorithm_names();

/// What --prior pnp is with this model: pnp-fbs, pnp-drs, prox-pnp, prox-drs, gs-pnp or dpir.
std::string pnp_algorithm(const Method& method, const Model<float>& model, bool complex);

/// The algorithm that `method` asks for or that fits it best. Throws ArgumentError for combinations
/// that make no sense or, unless forced, have no guarantee. `denoising`: A is the identity.
std::string choose_algorithm(const Method& method, const Model<float>* model, bool denoising,
                             bool complex);

template <class X>
struct Problem {
  LinearOperator<X> A;
  Array<X> y;
  Array<X> start;
  bool denoising = false;
  /// > 0: prior none stops once ||A x - y|| is this small (the discrepancy principle of Morozov).
  double noise_norm = 0;
};

template <class X>
struct Solution {
  Result<X> result;
  std::string algorithm;
  std::optional<double> step_size;  ///< none for cg
  Certificate certificate;          ///< of the prior: what the steps rest on
  bool reached_noise_level = false;
};

/// X: float or complex<float>.
template <class X>
Solution<X> solve(const Problem<X>& problem, const Model<float>* model, const Method& method,
                  std::vector<Observer<X>> observers);

}  // namespace fejer::command
