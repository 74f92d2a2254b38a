# cmake --install: libraries, headers and what find_package(objloc) reads; tools/CMakeLists.txt adds the programs.
# `cmake --install BUILD --component objloc_development` leaves the programs out.
include(CMakePackageConfigHelpers)
set(development COMPONENT objloc_development)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/objloc)

get_property(libraries GLOBAL PROPERTY OBJLOC_LIBRARIES_engine)
install(TARGETS ${libraries} EXPORT objloc ${development})
install(EXPORT objloc NAMESPACE objloc:: FILE objlocTargets.cmake DESTINATION ${package_dir} ${development})
# What the backends compute with stays theirs; of kernels/ only these headers are for others.
file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} engine/*.h engine/*.inc engine/ops/*.h
  kernels/backends.h kernels/localizer/*.h kernels/localizer/*.inc kernels/cpu/runtime/cpu_backend.h)
if(OBJLOC_HAS_CUDA)
  list(APPEND headers kernels/cuda/runtime/cuda_backend.h)
endif()
if(OBJLOC_HAS_CUDNN)
  list(APPEND headers kernels/cudnn/cudnn_backend.h)
endif()

get_property(libraries GLOBAL PROPERTY OBJLOC_LIBRARIES_models)
if(libraries)
  install(TARGETS ${libraries} EXPORT objloc_models ${development})
  install(EXPORT objloc_models NAMESPACE objloc:: FILE objlocModelsTargets.cmake DESTINATION ${package_dir}
    ${development})
  file(GLOB_RECURSE model_headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} models/*.h generators/*.h)
  list(APPEND headers ${model_headers})
endif()
foreach(header IN LISTS headers)
  cmake_path(GET header PARENT_PATH folder)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/objloc/${folder} ${development})
endforeach()

configure_package_config_file(tools/cmake/objlocConfig.cmake.in ${PROJECT_BINARY_DIR}/objlocConfig.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/objlocConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/objlocConfig.cmake ${PROJECT_BINARY_DIR}/objlocConfigVersion.cmake
  tools/cmake/FindOneDNN.cmake tools/cmake/FindHighway.cmake DESTINATION ${package_dir} ${development})
