# Finds nvcc and cuDNN, as OBJLOC_CUDA and OBJLOC_CUDNN ask. With OBJLOC_CUDA=OFF nothing is looked for.
# Sets OBJLOC_HAS_CUDA, OBJLOC_HAS_CUDNN and OBJLOC_CUDA_OLDEST.
set(OBJLOC_HAS_CUDA OFF)
set(OBJLOC_HAS_CUDNN OFF)
if(NOT OBJLOC_CUDA)
  return()
endif()

# nvcc is often installed where no PATH leads.
if(NOT DEFINED CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
  find_program(OBJLOC_NVCC nvcc HINTS ENV CUDA_HOME ENV CUDA_PATH PATHS /usr/local/cuda/bin)
  if(OBJLOC_NVCC)
    set(CMAKE_CUDA_COMPILER ${OBJLOC_NVCC})
  endif()
endif()
# Ampere, Hopper with its own instructions, and PTX for what comes after. CMAKE_CUDA_ARCHITECTURES=native builds for
# the GPU at hand alone, which is quicker.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES AND NOT DEFINED ENV{CUDAARCHS})
  set(CMAKE_CUDA_ARCHITECTURES 80-real 90a-real 90-virtual)
endif()

set(objloc_no_cuda "")
if(NOT DEFINED CMAKE_CUDA_COMPILER)
  include(CheckLanguage)
  check_language(CUDA)
endif()
if(NOT CMAKE_CUDA_COMPILER)
  set(objloc_no_cuda "nvcc was not found. Install the CUDA toolkit, or name nvcc with -DCMAKE_CUDA_COMPILER=...")
else()
  enable_language(CUDA)
  find_package(CUDAToolkit QUIET)
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.0)
    set(objloc_no_cuda "nvcc ${CMAKE_CUDA_COMPILER_VERSION} does not know C++20: CUDA 12.0 or later is needed")
  elseif(NOT CUDAToolkit_FOUND)
    set(objloc_no_cuda "the CUDA toolkit's libraries were not found beside ${CMAKE_CUDA_COMPILER}")
  endif()
endif()

if(objloc_no_cuda AND OBJLOC_CUDA STREQUAL "AUTO")
  message(STATUS "objloc: no CUDA backend: ${objloc_no_cuda}")
  return()
elseif(objloc_no_cuda)
  message(FATAL_ERROR "OBJLOC_CUDA is ${OBJLOC_CUDA}, but ${objloc_no_cuda}")
endif()
set(OBJLOC_HAS_CUDA ON)

# CMake before 3.26 does not know that nvcc knows C++20.
if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION -std=c++20)
endif()

# The oldest GPU there are kernels for, so that a program can tell its user; 0 when only the compiler knows.
string(REGEX MATCHALL "[0-9]+" OBJLOC_CUDA_OLDEST "${CMAKE_CUDA_ARCHITECTURES}")
list(SORT OBJLOC_CUDA_OLDEST COMPARE NATURAL)
list(APPEND OBJLOC_CUDA_OLDEST 0)
list(GET OBJLOC_CUDA_OLDEST 0 OBJLOC_CUDA_OLDEST)

# Warnings are errors here too. -Wpedantic, -Wconversion and -Wsign-conversion are left to the build of the same
# sources by the C++ compiler (kernels/emulator): nvcc's generated code does not pass them.
add_library(objloc_cuda_warnings INTERFACE)
target_compile_options(objloc_cuda_warnings INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wshadow>)
if(OBJLOC_WERROR)
  target_compile_options(objloc_cuda_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings -Xcompiler=-Werror>)
endif()

# A static library of every kernel source in this folder and those below it.
function(objloc_cuda_library name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cu)
  add_library(${name} STATIC ${sources})
  set_target_properties(${name} PROPERTIES CUDA_STANDARD 20 CUDA_STANDARD_REQUIRED ON CUDA_EXTENSIONS OFF
                        CUDA_RUNTIME_LIBRARY Static)
  objloc_publish(${name} engine)
  target_link_libraries(${name} PUBLIC ${ARGN} CUDA::cudart_static PRIVATE $<BUILD_INTERFACE:objloc_cuda_warnings>)
endfunction()

if(NOT OBJLOC_CUDNN)
  return()
endif()
find_path(OBJLOC_CUDNN_INCLUDE cudnn_version.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
find_library(OBJLOC_CUDNN_LIBRARY cudnn HINTS ${CUDAToolkit_LIBRARY_DIR})
set(objloc_no_cudnn "")
if(NOT OBJLOC_CUDNN_INCLUDE OR NOT OBJLOC_CUDNN_LIBRARY)
  set(objloc_no_cudnn "cuDNN was not found. Install cuDNN 9 for this CUDA toolkit")
elseif(NOT TARGET CUDA::cublas)
  set(objloc_no_cudnn "cuBLAS was not found beside ${CMAKE_CUDA_COMPILER}")
else()
  file(STRINGS ${OBJLOC_CUDNN_INCLUDE}/cudnn_version.h objloc_cudnn_major REGEX "define CUDNN_MAJOR [0-9]+")
  string(REGEX MATCH "[0-9]+" objloc_cudnn_major "${objloc_cudnn_major}")
  if(objloc_cudnn_major LESS 9)
    set(objloc_no_cudnn "cuDNN is of version ${objloc_cudnn_major}; 9 or later is needed")
  endif()
endif()
if(objloc_no_cudnn AND OBJLOC_CUDNN STREQUAL "AUTO")
  message(STATUS "objloc: no cuDNN backend: ${objloc_no_cudnn}")
  return()
elseif(objloc_no_cudnn)
  message(FATAL_ERROR "OBJLOC_CUDNN is ${OBJLOC_CUDNN}, but ${objloc_no_cudnn}")
endif()
set(OBJLOC_HAS_CUDNN ON)
add_library(objloc_cudnn_library INTERFACE)
target_include_directories(objloc_cudnn_library SYSTEM INTERFACE ${OBJLOC_CUDNN_INCLUDE})
target_link_libraries(objloc_cudnn_library INTERFACE ${OBJLOC_CUDNN_LIBRARY} CUDA::cublas)
