# Writes embedded_assets.cpp: the given files as byte arrays.
# cmake -DSPRITE=cat.png -DBACKGROUNDS="a.jpg;b.jpg" -DOUTPUT=embedded_assets.cpp -P embed_assets.cmake
function(byte_array variable file result)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n    " hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  set(${result} "const uint8_t ${variable}[] = {\n    ${bytes}};\n" PARENT_SCOPE)
endfunction()

byte_array(kSprite ${SPRITE} text)
get_filename_component(sprite_name ${SPRITE} NAME)
set(index 0)
set(table "")
foreach(file IN LISTS BACKGROUNDS)
  byte_array(kBackground${index} ${file} array)
  get_filename_component(name ${file} NAME)
  string(APPEND text "${array}")
  string(APPEND table "    {\"${name}\", kBackground${index}},\n")
  math(EXPR index "${index} + 1")
endforeach()

file(WRITE ${OUTPUT} "// Made from the pictures in generators/assets by embed_assets.cmake.
#include \"generators/embedded_assets.h\"

namespace objloc {

namespace {

${text}
const EmbeddedFile kBackgrounds[] = {
${table}};

}  // namespace

EmbeddedFile embedded_sprite() {
    return {\"${sprite_name}\", kSprite};
}

std::span<const EmbeddedFile> embedded_backgrounds() {
    return kBackgrounds;
}

}  // namespace objloc
")
