// What Adam and SGD share: the table of segments, and the scale that clips gradients.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/backend.h"
#include "kernels/cuda/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

constexpr int kUpdateThreads = 256;

/// Segments as a kernel takes them: by value, so they lie in constant memory. Elements begin..end are looked
/// at.
struct SegmentTable {
    static constexpr int kMost = 64;
    int count = 0;
    int64_t begin = 0, end = 0;
    OptimizerSegment segments[kMost];

    /// The segment of element `i`, or null.
    __device__ const OptimizerSegment* find(int64_t i) const {
        for (int s = 0; s < count; ++s) {
            if (segments[s].begin <= i && i < segments[s].end) return segments + s;
        }
        return nullptr;
    }
};

/// Neighbours with equal settings become one segment, so that a whole network is one or two of them and one
/// launch serves it. More than kMost different ones take further launches.
inline std::vector<SegmentTable> segment_tables(const std::vector<OptimizerSegment>& segments) {
    std::vector<SegmentTable> tables;
    for (const OptimizerSegment& segment : segments) {
        if (segment.begin >= segment.end) continue;
        OptimizerSegment* last = tables.empty() ? nullptr : tables.back().segments + tables.back().count - 1;
        if (last != nullptr && last->end == segment.begin &&
            last->rate_multiplier == segment.rate_multiplier && last->weight_decay == segment.weight_decay) {
            last->end = segment.end;
        } else {
            if (tables.empty() || tables.back().count == SegmentTable::kMost) {
                tables.emplace_back();
                tables.back().begin = segment.begin;
            }
            tables.back().segments[tables.back().count++] = segment;
        }
        tables.back().begin = std::min(tables.back().begin, segment.begin);
        tables.back().end = std::max(tables.back().end, segment.end);
    }
    return tables;
}

/// What gradients are multiplied by: min(1, clip / norm). False when the norm is not finite and nothing may
/// change.
__device__ inline bool clip_scale(const float* control, const float* squared_norm, float& scale) {
    const float squared = *squared_norm, clip = control[StepControl::kClipNorm];
    if (!is_finite(double{squared})) return false;
    scale = clip > 0 && squared > clip * clip ? clip / sqrtf(squared) : 1;
    return true;
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
