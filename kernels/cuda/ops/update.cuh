// What Adam and SGD share: the table of segments, the kernel that walks over it, and the scale that clips
// gradients.
//
// A thread updates four neighbouring elements: one search in the table and one 16-byte access to each array
// (8 bytes to the bf16_copy), all loads before the first use. So a multiprocessor full of threads has some 80
// KiB on their way, twice what it takes to keep memory busy. Four elements that a segment's end divides, and
// arrays that are not aligned, go one by one through the same code.
#pragma once

#include <algorithm>
#include <vector>

#include "objloc/engine/backend.h"
#include "objloc/kernels/cuda/primitives/vector.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {

constexpr int kUpdateThreads = 256;

/// Segments as a kernel takes them: by value, so they lie in constant memory. Elements begin..end are looked
/// at.
struct SegmentTable {
    static constexpr int kMost = 64;
    int count = 0;
    int64_t begin = 0, end = 0;
    OptimizerSegment segments[kMost];

    /// The segment of element `i`, or -1. An index, for a pointer would pull the table out of constant
    /// memory.
    __device__ int find(int64_t i) const {
        int after = 0, end_of_search = count;  // the first segment that begins behind i
        while (after < end_of_search) {
            const int middle = (after + end_of_search) / 2;
            if (segments[middle].begin <= i) {
                after = middle + 1;
            } else {
                end_of_search = middle;
            }
        }
        return after > 0 && i < segments[after - 1].end ? after - 1 : -1;
    }
};

/// Neighbours with equal settings become one segment, so that a whole network is one or two of them and one
/// launch serves it. More than kMost different ones take further launches. In each table they ascend.
inline std::vector<SegmentTable> segment_tables(std::vector<OptimizerSegment> segments) {
    std::sort(segments.begin(), segments.end(),
              [](const auto& a, const auto& b) { return a.begin < b.begin; });
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
                tables.back().begin = segment.begin / 4 * 4;  // where vectors begin
            }
            tables.back().segments[tables.back().count++] = segment;
        }
        tables.back().end = segment.end;
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

/// `update.run<kLanes>(segment, first)` updates kLanes elements of one segment.
template <typename Update>
__global__ void __launch_bounds__(kUpdateThreads)
    update_kernel(const __grid_constant__ SegmentTable table, bool aligned, Update update) {
    const int64_t first = table.begin + (int64_t{blockIdx.x} * kUpdateThreads + threadIdx.x) * 4;
    const int whole = table.find(first);
    if (aligned && whole >= 0 && first + 4 <= table.segments[whole].end) {
        return update.template run<4>(table.segments[whole], first);
    }
#pragma unroll 1
    for (int64_t i = first; i < first + 4; ++i) {
        const int segment = table.find(i);
        if (segment >= 0) update.template run<1>(table.segments[segment], i);
    }
}

/// One launch a table. `aligned`: all arrays may be moved by fours.
template <typename Update>
void launch_update(cudaStream_t stream, const std::vector<OptimizerSegment>& segments, bool aligned,
                   const Update& update) {
    for (const SegmentTable& table : segment_tables(segments)) {
        launch(update_kernel<Update>, blocks_for(table.end - table.begin, kUpdateThreads * 4),
               dim3(kUpdateThreads), 0, stream, table, aligned, update);
    }
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
