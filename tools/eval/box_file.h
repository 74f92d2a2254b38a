// True boxes of pictures, as people note them down: one row a picture, in pixels.
#pragma once

#include <string>
#include <vector>

#include "objloc/generators/image.h"
#include "tools/common/box_scores.h"

namespace objloc {

struct LabelledPicture {
    std::string file;   // within the folder of pictures
    Box box;            // in the picture's own pixels
    std::string place;  // "boxes.csv line 3", for errors
};

/// Reads a CSV file whose first line names the columns file, x, y and either width, height or size (of a
/// square), in any order; further ones are passed over. (x, y) is the top-left corner. Throws Error for a
/// column that lacks or is named twice, a number that is none, a box without area, a file named twice, and
/// when there is no row at all.
std::vector<LabelledPicture> read_box_file(const std::string& path);

/// Throws Error when the box reaches outside its picture.
void require_inside(const LabelledPicture& labelled, const Image& picture);

}  // namespace objloc
