// What the localizer asks of a device besides the engine's ops: scenes, boxes, and what is measured of them. Each
// backend implements this second interface next to `Backend`; the engine does not know it.
#pragma once

#include "objloc/engine/backend.h"
#include "objloc/kernels/localizer/box_metrics.h"
#include "objloc/kernels/localizer/cell_boxes.h"
#include "objloc/kernels/localizer/composition.h"
#include "objloc/kernels/localizer/detection.h"
#include "objloc/kernels/localizer/scene.h"

namespace objloc {

/// The pictures that scenes are drawn from.
struct SceneAssets {
    Tensor sprites;      // i32 (sprites, 3): SpriteEntry
    Tensor atlas;        // u8 (bytes): RGBA
    Tensor backgrounds;  // u8 (B, side, side, 3)
};

/// The pictures that compositions are drawn from.
struct CompositionAssets {
    Tensor entries;  // i32 (pictures, 6): PictureEntry; objects, other things, places
    Tensor atlas;    // u8 (bytes): premultiplied RGBA
};

class LocalizerKernels {
  public:
    virtual ~LocalizerKernels() = default;

#define OBJLOC_OP(name, parameters, arguments) virtual void name parameters = 0;
#include "objloc/kernels/localizer/localizer_ops.inc"
};

/// The localizer's kernels of a backend. Throws Error when it has none.
LocalizerKernels& localizer_kernels(Backend& backend);

}  // namespace objloc
