// Draws the pictures of the condition suite: in double precision, with 16 samples a pixel, for one picture at a time.
#pragma once

#include <string>
#include <vector>

#include "objloc/generators/image.h"
#include "objloc/models/detections.h"
#include "tools/conditions/condition.h"

namespace objloc::conditions {

/// A picture and the visible parts of its objects, in fractions of its sides.
struct Picture {
    Image image;
    std::vector<Detection> truth;  // confidence 1
};

/// What pictures are made of.
struct Material {
    std::vector<Image> objects;  // RGBA; entry i shows class i
    std::vector<Image> places;   // photographs, RGB
};

constexpr int kShorterSide = 384;  // of a picture, in pixels

Picture compose(const Material& material, const Condition& condition, Random& random);

/// A part of a photograph that shows the whole of its object; `box` in pixels of the photograph.
Picture crop_photograph(const Image& photograph, const std::vector<double>& box, Random& random);

}  // namespace objloc::conditions
