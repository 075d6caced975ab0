#include <fejer/version.hpp>

namespace fejer {
std::string version() { return FEJER_VERSION; }
std::string build_description() { return FEJER_BUILD; }
}  // namespace fejer
