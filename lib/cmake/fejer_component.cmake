# fejer_component(NAME SOURCES … ALONE … HEADERS … PUBLIC … PRIVATE … PRECOMPILE …): one static library fejer::NAME
# with its own include root, so that a component sees only what it links. SOURCES are compiled several at a time
# (FEJER_UNITY). Those in ALONE are not: loops whose speed is measured, which the compiler inlines less in a long
# source, and sources that take long by themselves.
include_guard(GLOBAL)

add_library(fejer_flags INTERFACE)
target_compile_features(fejer_flags INTERFACE cxx_std_20)
target_compile_options(fejer_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                             -Wsign-conversion)
# A source that others are compiled with looks like a header to this warning. And the compiler collects its garbage
# later than at its modest default, which took 9 % less time for one long source (with twice this size).
if(FEJER_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(fejer_flags INTERFACE -Wno-subobject-linkage --param=ggc-min-heapsize=262144)
endif()
if(FEJER_WERROR)
  target_compile_options(fejer_flags INTERFACE -Werror)
endif()
if(FEJER_NATIVE)
  target_compile_options(fejer_flags INTERFACE -march=native)
endif()
# One rounding for an expression, whichever compiler and inlining: no silent fused multiply-adds.
target_compile_options(fejer_flags INTERFACE -ffp-contract=off)
if(FEJER_SANITIZE)
  add_compile_options(-fsanitize=${FEJER_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${FEJER_SANITIZE})
endif()

function(fejer_component name)
  cmake_parse_arguments(ARG "" "" "SOURCES;ALONE;HEADERS;PUBLIC;PRIVATE;PRECOMPILE" ${ARGN})
  add_library(fejer_${name} STATIC ${ARG_SOURCES} ${ARG_ALONE})
  set_source_files_properties(${ARG_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  add_library(fejer::${name} ALIAS fejer_${name})
  set_target_properties(fejer_${name} PROPERTIES EXPORT_NAME ${name} POSITION_INDEPENDENT_CODE ON
                                                 CXX_EXTENSIONS OFF VERIFY_INTERFACE_HEADER_SETS ON
                                                 UNITY_BUILD ${FEJER_UNITY} UNITY_BUILD_BATCH_SIZE 12)
  target_compile_features(fejer_${name} PUBLIC cxx_std_20)
  target_sources(fejer_${name} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${ARG_HEADERS})
  target_include_directories(fejer_${name} PRIVATE src)
  target_link_libraries(fejer_${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE}
                                      $<BUILD_INTERFACE:fejer_flags>)
  # A third of the time of most sources. The presets dev and clang do without.
  target_precompile_headers(fejer_${name} PRIVATE <algorithm> <cmath> <complex> <functional> <memory>
                                                  <string> <vector> ${ARG_PRECOMPILE})
  set_property(GLOBAL APPEND PROPERTY FEJER_COMPONENTS fejer_${name})
endfunction()
