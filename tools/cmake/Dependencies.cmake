# Every outside library comes from the system's packages. One that is missing is named with the package to install.
# An installed objloc reads this file too, for what its libraries link.
include(GNUInstallDirs)
find_package(PkgConfig QUIET)

function(objloc_missing what package)
  message(FATAL_ERROR "${what} was not found. On Debian or Ubuntu: apt-get install ${package}\n"
                      "(tools/setup.sh installs everything that objloc needs.)")
endfunction()

if(NOT PkgConfig_FOUND)
  objloc_missing("pkg-config" pkg-config)
endif()

find_package(OpenMP QUIET COMPONENTS CXX)
if(NOT OpenMP_CXX_FOUND)
  objloc_missing("OpenMP" "g++ (or libomp-dev for clang)")
endif()

# Not through its CMake package: Debian's asks for OpenCL, which only programs for Intel's GPUs need.
find_path(DNNL_INCLUDE_DIR dnnl.hpp PATH_SUFFIXES oneapi/dnnl)
find_library(DNNL_LIBRARY dnnl)
if(NOT DNNL_INCLUDE_DIR OR NOT DNNL_LIBRARY)
  objloc_missing("oneDNN" libdnnl-dev)
endif()
add_library(objloc_dnnl INTERFACE IMPORTED)
target_include_directories(objloc_dnnl SYSTEM INTERFACE ${DNNL_INCLUDE_DIR})
target_link_libraries(objloc_dnnl INTERFACE ${DNNL_LIBRARY})

pkg_check_modules(hwy QUIET IMPORTED_TARGET libhwy)
if(NOT hwy_FOUND)
  objloc_missing("Google Highway" libhwy-dev)
endif()

if(NOT OBJLOC_MODELS)
  return()
endif()
find_package(HDF5 QUIET COMPONENTS C)
if(NOT HDF5_FOUND)
  objloc_missing("HDF5" libhdf5-dev)
endif()
add_library(objloc_hdf5 INTERFACE IMPORTED)
target_include_directories(objloc_hdf5 SYSTEM INTERFACE ${HDF5_C_INCLUDE_DIRS})
target_link_libraries(objloc_hdf5 INTERFACE ${HDF5_C_LIBRARIES})

find_package(fmt QUIET CONFIG)
if(NOT fmt_FOUND)
  objloc_missing("fmt" libfmt-dev)
endif()

find_package(nlohmann_json QUIET CONFIG)
if(NOT nlohmann_json_FOUND)
  objloc_missing("JSON for Modern C++" nlohmann-json3-dev)
endif()

pkg_check_modules(stb QUIET IMPORTED_TARGET stb)
if(NOT stb_FOUND)
  objloc_missing("stb" libstb-dev)
endif()

if(OBJLOC_TOOLS)
  find_package(CLI11 QUIET CONFIG)
  if(NOT CLI11_FOUND)
    objloc_missing("CLI11" libcli11-dev)
  endif()
endif()

if(OBJLOC_TESTS)
  find_package(doctest QUIET CONFIG)
  if(NOT doctest_FOUND)
    objloc_missing("doctest" doctest-dev)
  endif()
  # Fibers for the host runtime that runs the CUDA kernels on the CPU.
  find_package(Boost QUIET COMPONENTS context)
  if(NOT Boost_CONTEXT_FOUND)
    objloc_missing("Boost.Context" libboost-context-dev)
  endif()
endif()
