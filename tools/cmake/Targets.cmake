# What every target of ours has in common: warnings, sanitizers, include paths, names for other projects.
include(GNUInstallDirs)

add_library(objloc_warnings INTERFACE)
target_compile_options(objloc_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  -Wnon-virtual-dtor -Woverloaded-virtual>)
if(OBJLOC_WERROR)
  target_compile_options(objloc_warnings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of GCC 12 and 13 inside the standard library's own headers.
  target_compile_options(objloc_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-stringop-overflow -Wno-restrict -Wno-array-bounds>)
endif()

# Headers are named by their place in the project, "objloc/engine/tensor.h", here as in an installation.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
file(CREATE_LINK ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/include/objloc SYMBOLIC)

# For every target of ours, right after it is made: options that a target adds later, such as -fno-sanitize, win.
# Who links a library with a sanitizer in it must link the sanitizer, too.
function(objloc_common target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:objloc_warnings>)
  if(OBJLOC_SANITIZE)
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${OBJLOC_SANITIZE} -fno-omit-frame-pointer>)
    target_link_options(${target} PUBLIC -fsanitize=${OBJLOC_SANITIZE})
  endif()
endfunction()

# Gives a library its headers and the name objloc::NAME, here and in an installation, where it belongs to `component`
# of find_package: engine or models (Install.cmake).
function(objloc_publish target component)
  string(REPLACE "objloc_" "" name ${target})
  add_library(objloc::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_property(GLOBAL APPEND PROPERTY OBJLOC_LIBRARIES_${component} ${target})
endfunction()

# A library of every source in this folder and those below it: one op a file, and a new file needs no second place to
# be named. What follows the component is linked: PUBLIC and PRIVATE as in target_link_libraries.
function(objloc_library target component)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${target} STATIC ${sources})
  objloc_common(${target})
  objloc_publish(${target} ${component})
  target_link_libraries(${target} ${ARGN})
endfunction()
