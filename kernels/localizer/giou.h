// Generalised intersection over union of two boxes and its gradient, as functions that every backend shares.
// Source: Rezatofighi et al., "Generalized intersection over union", CVPR 2019.
#pragma once

#include "objloc/engine/host_device.h"

namespace objloc {

/// Sides of predicted boxes below this count as this in `giou_loss`: IoU needs a positive area.
constexpr float kMinBoxSide = 1e-3f;

/// (x, y, w, h), corner and extents.
struct GiouBox {
    float x, y, w, h;
};

/// Box `n` of (N, outputs); a square box has one extent.
OBJLOC_HOST_DEVICE inline GiouBox giou_box(const float* boxes, int64_t n, int64_t outputs) {
    const float* box = boxes + n * outputs;
    return {box[0], box[1], box[2], box[outputs - 1]};
}

/// Along one axis: how far the two overlap (0 if not), the hull of both, and how each moves with the first's
/// begin and extent.
struct GiouAxis {
    float overlap, hull;
    float overlap_by_begin, overlap_by_extent, hull_by_begin, hull_by_extent;
};

OBJLOC_HOST_DEVICE inline GiouAxis giou_axis(float begin, float extent, float true_begin, float true_extent) {
    const float end = begin + extent, true_end = true_begin + true_extent;
    const bool first_begins = begin < true_begin, first_ends = end < true_end;
    GiouAxis axis{};
    axis.overlap = (first_ends ? end : true_end) - (first_begins ? true_begin : begin);
    axis.hull = (first_ends ? true_end : end) - (first_begins ? begin : true_begin);
    if (axis.overlap > 0) {
        axis.overlap_by_begin = (first_ends ? 1.f : 0.f) - (first_begins ? 0.f : 1.f);
        axis.overlap_by_extent = first_ends ? 1.f : 0.f;
    } else {
        axis.overlap = 0;
    }
    axis.hull_by_begin = (first_ends ? 0.f : 1.f) - (first_begins ? 1.f : 0.f);
    axis.hull_by_extent = first_ends ? 0.f : 1.f;
    return axis;
}

OBJLOC_HOST_DEVICE inline float giou_clamped(float extent) {
    return extent < kMinBoxSide ? kMinBoxSide : extent;
}

/// 1 - GIoU = 1 - (I / U - (H - U) / H) with I the overlap, U the union and H the hull's area.
OBJLOC_HOST_DEVICE inline float giou_loss_of(const GiouBox& p, const GiouBox& t) {
    const float w = giou_clamped(p.w), h = giou_clamped(p.h);
    const GiouAxis u = giou_axis(p.x, w, t.x, t.w), v = giou_axis(p.y, h, t.y, t.h);
    const float overlap = u.overlap * v.overlap, both = w * h + t.w * t.h - overlap, hull = u.hull * v.hull;
    return 2 - overlap / both - both / hull;
}

/// Its gradient by x, y, w, h of the first box.
OBJLOC_HOST_DEVICE inline GiouBox giou_loss_gradient(const GiouBox& p, const GiouBox& t) {
    const float w = giou_clamped(p.w), h = giou_clamped(p.h);
    const GiouAxis u = giou_axis(p.x, w, t.x, t.w), v = giou_axis(p.y, h, t.y, t.h);
    const float overlap = u.overlap * v.overlap, both = w * h + t.w * t.h - overlap, hull = u.hull * v.hull;
    const float by_both = overlap / (both * both) - 1 / hull;
    const float by_overlap = -1 / both - by_both;  // the union shrinks as the overlap grows
    const float by_hull = both / (hull * hull);
    GiouBox d{};
    d.x = by_overlap * u.overlap_by_begin * v.overlap + by_hull * u.hull_by_begin * v.hull;
    d.y = by_overlap * v.overlap_by_begin * u.overlap + by_hull * v.hull_by_begin * u.hull;
    if (p.w >= kMinBoxSide) {
        d.w =
            by_overlap * u.overlap_by_extent * v.overlap + by_hull * u.hull_by_extent * v.hull + by_both * h;
    }
    if (p.h >= kMinBoxSide) {
        d.h =
            by_overlap * v.overlap_by_extent * u.overlap + by_hull * v.hull_by_extent * u.hull + by_both * w;
    }
    return d;
}

}  // namespace objloc
