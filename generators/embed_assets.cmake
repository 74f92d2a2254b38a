# Writes embedded_assets.cpp: the given files as byte arrays.
# cmake -DSPRITE=cat.png -DBACKGROUNDS="a.jpg;b.jpg" -DHELD_OUT="c.jpg" -DOUTPUT=embedded_assets.cpp -P embed_assets.cmake
function(byte_array variable file result)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n    " hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  set(${result} "const uint8_t ${variable}[] = {\n    ${bytes}};\n" PARENT_SCOPE)
endfunction()

# The array `variable` of EmbeddedFile, after the byte arrays that it names.
function(file_table variable files result)
  set(index 0)
  set(arrays "")
  set(table "")
  foreach(file IN LISTS files)
    byte_array(${variable}${index} ${file} array)
    get_filename_component(name ${file} NAME)
    string(APPEND arrays "${array}")
    string(APPEND table "    {\"${name}\", ${variable}${index}},\n")
    math(EXPR index "${index} + 1")
  endforeach()
  set(${result} "${arrays}const EmbeddedFile ${variable}[] = {\n${table}};\n" PARENT_SCOPE)
endfunction()

byte_array(kSprite ${SPRITE} sprite)
get_filename_component(sprite_name ${SPRITE} NAME)
file_table(kBackgrounds "${BACKGROUNDS}" backgrounds)
file_table(kHeldOut "${HELD_OUT}" held_out)

file(WRITE ${OUTPUT} "// Made from the pictures in generators/assets by embed_assets.cmake.
#include \"objloc/generators/embedded_assets.h\"

namespace objloc {

namespace {

${sprite}
${backgrounds}
${held_out}
}  // namespace

EmbeddedFile embedded_sprite() {
    return {\"${sprite_name}\", kSprite};
}

std::span<const EmbeddedFile> embedded_backgrounds() {
    return kBackgrounds;
}

std::span<const EmbeddedFile> embedded_held_out_backgrounds() {
    return kHeldOut;
}

}  // namespace objloc
")
