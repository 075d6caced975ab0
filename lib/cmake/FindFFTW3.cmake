# FFTW 3 in single and double precision: targets FFTW3::float and FFTW3::double.
find_path(FFTW3_INCLUDE_DIR fftw3.h)
find_library(FFTW3_DOUBLE_LIBRARY fftw3)
find_library(FFTW3_FLOAT_LIBRARY fftw3f)
mark_as_advanced(FFTW3_INCLUDE_DIR FFTW3_DOUBLE_LIBRARY FFTW3_FLOAT_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(FFTW3
  REQUIRED_VARS FFTW3_DOUBLE_LIBRARY FFTW3_FLOAT_LIBRARY FFTW3_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "Debian: apt-get install libfftw3-dev")
if(FFTW3_FOUND)
  foreach(kind float double)
    string(TOUPPER ${kind} upper)
    if(NOT TARGET FFTW3::${kind})
      add_library(FFTW3::${kind} UNKNOWN IMPORTED)
      set_target_properties(FFTW3::${kind} PROPERTIES
        IMPORTED_LOCATION "${FFTW3_${upper}_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${FFTW3_INCLUDE_DIR}")
    endif()
  endforeach()
endif()
