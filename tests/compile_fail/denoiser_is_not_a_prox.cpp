// A denoiser becomes a prox through as_prox only.
#include <fejer/denoiser.hpp>
using namespace fejer;
ProxFunction<float> prox_of(Denoiser<float> d) {
#ifdef BAD
  return ProxFunction<float>(d);
#else
  return ProxFunction<float>(as_prox(d, 0.1));
#endif
}
