#pragma once
/// What is known of a denoiser's Lipschitz behaviour, and how surely. Certificates are computed
/// from the weights; one that is read from a file is only ever compared with the recomputed one.
#include <limits>
#include <string>

namespace fejer {

struct Certificate {
  enum class Kind {
    none,       ///< nothing is claimed
    estimated,  ///< a lower bound times a stated margin: usable, guarded, never printed as proven
    proven      ///< rigorous at every image size
  };
  Kind kind = Kind::none;
  /// Upper end for the Lipschitz constant of x -> denoise(x, sigma).
  double lipschitz = std::numeric_limits<double>::infinity();
  /// theta in (0,1): D = (1 - theta) I + theta N with N non-expansive (1/2: firmly
  /// non-expansive); 1: non-expansive only; infinite: not even that.
  double averagedness = std::numeric_limits<double>::infinity();
  /// rho >= 0 where the denoiser is the prox of a rho-weakly convex function (0: convex);
  /// infinite where it is not known to be a prox.
  double weak_convexity = std::numeric_limits<double>::infinity();
  /// One line: the bound, the method, the margin.
  std::string how;
};

inline const char* to_string(Certificate::Kind kind) {
  switch (kind) {
    case Certificate::Kind::estimated:
      return "estimated";
    case Certificate::Kind::proven:
      return "proven";
    default:
      return "none";
  }
}

}  // namespace fejer
