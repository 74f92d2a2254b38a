// The pictures that come with the program.
#pragma once

#include <string>
#include <vector>

#include "tools/make_assets/paint.h"

namespace objloc::paint {

/// A cat on nothing, (side, side, 4).
Image cat(int side);

/// A view to paste the cat on; `oversampling` canvas pixels make one of the picture's, per side.
struct Landscape {
    std::string name;
    std::function<void(Canvas&)> paint;
};
/// Those that training draws from.
const std::vector<Landscape>& backgrounds();
/// Those that it never sees, for tests of what was learnt.
const std::vector<Landscape>& held_out_backgrounds();
/// A garden, for the demonstration.
const Landscape& garden();

}  // namespace objloc::paint
