// Picture files of people: photographs to use as places, pictures of objects.
#pragma once

#include <string>
#include <vector>

#include "objloc/generators/image.h"

namespace objloc {

/// The path itself, or the PNG and JPEG files directly in the folder that it names, by name. Throws Error for a folder
/// that cannot be read or holds no picture.
std::vector<std::string> picture_files(const std::string& path);

/// Photographs, and what was passed over on the way.
struct PhotographSet {
    std::vector<Image> images;         // of any size, three or four channels
    std::vector<std::string> skipped;  // files of a folder that are no PNG or JPEG, for the tool to mention
};

/// Files and folders, in the order given, a folder's files by name. No paths: those that come with the program, to
/// train on or `held_out` from training. Throws Error for a missing path, an unreadable image, or when there is no image
/// at all.
PhotographSet load_photographs(const std::vector<std::string>& paths, bool held_out = false);

}  // namespace objloc
