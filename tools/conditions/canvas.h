// A picture in the making: colours in doubles, and for each pixel how much of which object is seen there.
#pragma once

#include <array>
#include <vector>

#include "objloc/generators/image.h"

namespace objloc::conditions {

struct Canvas {
    int width = 0, height = 0;
    std::vector<double> colour;  // (height, width, 3), bytes
    std::vector<double> cover;   // (height, width): of the object drawn last, 0 to 1

    double* at(int x, int y) {
        return colour.data() +
               3 * (static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x));
    }
    double& cover_at(int x, int y) {
        return cover[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)];
    }
};

/// Where a flat thing lies: its middle and its sides in pixels before it is turned, its turn in radians, and how much
/// nearer one edge is than the middle.
struct Pose {
    double x = 0, y = 0, width = 0, height = 0, turn = 0, tilt_x = 0, tilt_y = 0;
    bool mirrored = false;
};

Canvas canvas_of(const Image& picture);

/// Pastes an RGBA picture with colours times `gain`. Where `covers`, writes what is seen of it into canvas.cover.
void paste(Canvas& canvas, const Image& picture, const Pose& pose, const std::array<double, 3>& gain,
           bool covers);

/// Camera effects on a whole canvas.
void multiply(Canvas& canvas, const std::array<double, 3>& gain);
void set_contrast(Canvas& canvas, double contrast);
void make_grey(Canvas& canvas);
void blur(Canvas& canvas, double deviation);  // Gaussian, in pixels

Image to_image(const Canvas& canvas);

}  // namespace objloc::conditions
