// The core does not see the algorithms.
#ifdef BAD
#include <fejer/algorithms/run.hpp>
#else
#include <fejer/array.hpp>
#endif
int main_of_layering() { return 0; }
