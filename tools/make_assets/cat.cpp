// A ginger tabby, sitting and looking at us.
#include "tools/make_assets/fur.h"
#include "tools/make_assets/pictures.h"

namespace objloc::paint {

Image cat(int side) {
    Canvas canvas(side, side, 4);
    paint_body(canvas);
    paint_head(canvas);
    return canvas.picture(4);
}

}  // namespace objloc::paint
