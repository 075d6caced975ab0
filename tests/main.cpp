#define DOCTEST_CONFIG_IMPLEMENT  // by itself where a precompiled header has doctest already
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "data.hpp"

// The only object that knows where it was built: all others can come from a compiler cache.
std::string fejer_test::source_folder() { return FEJER_SOURCE_DIR; }
std::string fejer_test::command_file() { return FEJER_COMMAND; }
