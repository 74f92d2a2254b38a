// The pictures that come with the program, compiled into it so that it runs from anywhere. The bytes are
// those of the files in generators/assets/ (see embed_assets.cmake).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace objloc {

struct EmbeddedFile {
    std::string_view name;
    std::span<const uint8_t> bytes;
};

/// The cat, RGBA.
EmbeddedFile embedded_sprite();
/// The backgrounds to train on, by name.
std::span<const EmbeddedFile> embedded_backgrounds();
/// Others, which no training draws from unless it is told to: what was learnt is measured on them.
std::span<const EmbeddedFile> embedded_held_out_backgrounds();

}  // namespace objloc
