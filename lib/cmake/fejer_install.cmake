# cmake --install: headers, static libraries, and a package that finds their private dependencies.
include(CMakePackageConfigHelpers)
get_property(components GLOBAL PROPERTY FEJER_COMPONENTS)
install(TARGETS ${components} EXPORT fejerTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(destination ${CMAKE_INSTALL_LIBDIR}/cmake/fejer)
install(EXPORT fejerTargets NAMESPACE fejer:: DESTINATION ${destination})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/fejerConfig.cmake.in
  ${PROJECT_BINARY_DIR}/fejerConfig.cmake INSTALL_DESTINATION ${destination})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fejerConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fejerConfig.cmake ${PROJECT_BINARY_DIR}/fejerConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/FindFFTW3.cmake
        DESTINATION ${destination})
if(TARGET fejer_command)
  install(TARGETS fejer_command RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  # The command looks for the WCRR beside itself (experiments/command/data_folder.cpp).
  install(FILES ${PROJECT_SOURCE_DIR}/models/weights/wcrr_photographs.h5
                ${PROJECT_SOURCE_DIR}/models/weights/drunet_grey_photographs.h5
          DESTINATION ${CMAKE_INSTALL_DATADIR}/fejer)
endif()
