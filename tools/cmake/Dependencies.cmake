# Every outside library comes from the system's packages. One that is missing is named with the package to install.
list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR})

# objloc_find(NAME DEBIAN_PACKAGE find_package's other arguments): a macro, so that what is found stays visible.
macro(objloc_find name debian_package)
  find_package(${name} QUIET ${ARGN})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "${name} was not found. On Debian or Ubuntu: apt-get install ${debian_package}\n"
                        "(tools/setup.sh installs everything that objloc needs.)")
  endif()
endmacro()

# What the engine and its CPU backend need. An installed objloc looks for the same (objlocConfig.cmake.in).
objloc_find(PkgConfig pkg-config)
objloc_find(OpenMP "g++ (or libomp-dev for clang)" COMPONENTS CXX)
objloc_find(OneDNN libdnnl-dev)
objloc_find(Highway libhwy-dev)

if(OBJLOC_MODELS)
  objloc_find(HDF5 libhdf5-dev COMPONENTS C)
  objloc_find(fmt libfmt-dev CONFIG)
  objloc_find(nlohmann_json nlohmann-json3-dev CONFIG)
  # Header files alone, compiled into one source of ours: nobody who links our libraries needs it.
  pkg_check_modules(stb QUIET IMPORTED_TARGET stb)
  if(NOT stb_FOUND)
    message(FATAL_ERROR "stb was not found. On Debian or Ubuntu: apt-get install libstb-dev")
  endif()
endif()

if(OBJLOC_TOOLS)
  objloc_find(CLI11 libcli11-dev CONFIG)
  objloc_find(OpenSSL libssl-dev COMPONENTS Crypto)
endif()

if(OBJLOC_TESTS)
  objloc_find(doctest doctest-dev CONFIG)
  # Fibers for the host runtime that runs the CUDA kernels on the CPU.
  objloc_find(Boost libboost-context-dev COMPONENTS context)
endif()
