# What every target of ours has in common: warnings, sanitizers, include paths, names for other projects.

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
# For this folder and those below it, in front of each target's own options: kernels/emulator takes them back.
if(OBJLOC_SANITIZE)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${OBJLOC_SANITIZE}>
                      $<$<COMPILE_LANGUAGE:CXX>:-fno-omit-frame-pointer>)
  add_link_options(-fsanitize=${OBJLOC_SANITIZE})
endif()

# Headers are named by their place in the project, "objloc/engine/tensor.h", here as in an installation.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
file(CREATE_LINK ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/include/objloc SYMBOLIC)

# Gives a library its warnings, its headers, and the name objloc::NAME for other projects; it is installed with
# the headers of its folder.
function(objloc_publish target)
  string(REPLACE "objloc_" "" name ${target})
  add_library(objloc::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:objloc_warnings>)
  set_property(GLOBAL APPEND PROPERTY OBJLOC_LIBRARIES ${target})
endfunction()

# A library of every source in this folder and those below it: one op a file, and a new file needs no second place to
# be named. What follows the name is linked: PUBLIC and PRIVATE as in target_link_libraries.
function(objloc_library target)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${target} STATIC ${sources})
  objloc_publish(${target})
  if(ARGN)
    target_link_libraries(${target} ${ARGN})
  endif()
endfunction()
