# Finds Google Highway, through pkg-config, and defines PkgConfig::hwy. Not every distribution ships its CMake package.
find_package(PkgConfig QUIET)
if(PkgConfig_FOUND)
  pkg_check_modules(hwy QUIET IMPORTED_TARGET libhwy)
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Highway REQUIRED_VARS hwy_LINK_LIBRARIES VERSION_VAR hwy_VERSION)
