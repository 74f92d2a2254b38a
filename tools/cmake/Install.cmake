# cmake --install: libraries, headers, programs, and what find_package(objloc) reads.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/objloc)

get_property(libraries GLOBAL PROPERTY OBJLOC_LIBRARIES)
install(TARGETS ${libraries} EXPORT objloc)
install(EXPORT objloc NAMESPACE objloc:: FILE objlocTargets.cmake DESTINATION ${package_dir})
install(DIRECTORY engine kernels DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/objloc
  FILES_MATCHING PATTERN "*.h" PATTERN "*.inc" PATTERN emulator EXCLUDE PATTERN reference EXCLUDE)
if(OBJLOC_MODELS)
  install(DIRECTORY models generators DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/objloc FILES_MATCHING PATTERN "*.h")
endif()

configure_package_config_file(tools/cmake/objlocConfig.cmake.in ${PROJECT_BINARY_DIR}/objlocConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/objlocConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/objlocConfig.cmake ${PROJECT_BINARY_DIR}/objlocConfigVersion.cmake
  tools/cmake/Dependencies.cmake DESTINATION ${package_dir})
