// Boxes of tensors, brought to shared memory and taken from it by the copy engine. Reference: PTX ISA,
// section "cp.async.bulk.tensor".
#include <algorithm>
#include <cstring>

#include "objloc/kernels/emulator/async_engines.h"
#include "objloc/kernels/emulator/cluster.h"

namespace objloc::host {
namespace {

constexpr size_t kPiece = 16, kSwizzledLine = 128;

size_t line_bytes(const cuda_host::TensorMap& map) {
    return static_cast<size_t>(map.box[0] * map.stride[0]);
}

size_t box_bytes(const cuda_host::TensorMap& map) {
    size_t bytes = line_bytes(map);
    for (int i = 1; i < map.dimensions; ++i) bytes *= static_cast<size_t>(map.box[i]);
    return bytes;
}

/// Calls `row(place in the tensor or null, skipped, bytes)` for each innermost line of the box, in the order
/// in which they lie in shared memory; `bytes` of it from `skipped` on are in the tensor.
template <typename Row>
void for_each_row(const BoxInFlight& box, const Row& row) {
    const auto& map = box.map;
    int64_t rows = 1;
    for (int i = 1; i < map.dimensions; ++i) rows *= map.box[i];
    const int64_t begin = std::clamp<int64_t>(-int64_t{box.corner[0]}, 0, map.box[0]);
    const int64_t end = std::clamp<int64_t>(map.size[0] - box.corner[0], begin, map.box[0]);
    for (int64_t number = 0; number < rows; ++number) {
        unsigned char* place = const_cast<unsigned char*>(map.base) + (box.corner[0] + begin) * map.stride[0];
        bool inside = end > begin;
        int64_t rest = number;
        for (int i = 1; i < map.dimensions; ++i) {
            const int64_t at = box.corner[i] + rest % map.box[i];
            rest /= map.box[i];
            inside = inside && at >= 0 && at < map.size[i];
            place += at * map.stride[i];
        }
        row(inside ? place : nullptr, static_cast<size_t>(begin * map.stride[0]),
            static_cast<size_t>(inside ? (end - begin) * map.stride[0] : 0));
    }
}

/// Floats to ten bits of mantissa, ties away from zero; infinities and NaNs as they are.
void round_to_tf32(std::vector<unsigned char>& floats) {
    for (size_t i = 0; i < floats.size(); i += sizeof(uint32_t)) {
        uint32_t bits;
        std::memcpy(&bits, &floats[i], sizeof(bits));
        if ((bits & 0x7F800000u) != 0x7F800000u) bits = (bits + 0x1000u) & 0xFFFFE000u;
        std::memcpy(&floats[i], &bits, sizeof(bits));
    }
}

/// Where the piece `i` bytes into the box lies.
unsigned char* piece_at(const BoxInFlight& box, size_t i) {
    const auto plain = reinterpret_cast<uintptr_t>(box.shared) + i;
    return reinterpret_cast<unsigned char*>(box.map.swizzle ? swizzled(plain) : plain);
}

}  // namespace

void Cluster::require_box(const BoxInFlight& box) {
    const size_t line = line_bytes(box.map);
    if (box.map.swizzle && line != kSwizzledLine) fault("a box with 128-byte swizzle must be 128 bytes wide");
    if (line % kPiece != 0) fault("a box's width must be a multiple of 16 bytes");
    if (arena_offset(box.shared) % (box.map.swizzle ? 1024 : 128) != 0) {
        fault("misaligned: box at " + describe(box.shared));
    }
}

// ---- To shared memory
// ---------------------------------------------------------------------------------------

void Cluster::start_box(const BoxInFlight& box, unsigned ranks) {
    require_box(box);
    if (ranks == 0 || ranks >> launch_->cluster != 0)
        fault("a box for blocks that the cluster does not have");
    std::vector<BoxInFlight> boxes;
    for (unsigned rank = 0; rank < launch_->cluster; ++rank) {
        if ((ranks >> rank & 1) == 0) continue;
        boxes.push_back(box);
        boxes.back().rank = rank;
        boxes.back().shared = static_cast<unsigned char*>(of_rank(box.shared, rank));
        boxes.back().mbarrier = of_rank(box.mbarrier, rank);
        mbarrier_at(boxes.back().mbarrier);
    }
    const EngineWork work = give_out(Engine::load, current_->number / kWarp, {release(false)});
    as_engine(work, [&] {
        for_each_row(box, [&](const unsigned char* from, size_t, size_t inside) {
            if (from != nullptr) check_access(from, inside, Access::read);
        });
        for (const BoxInFlight& one : boxes) start_copy_in(one.shared, box_bytes(one.map));
    });
    for (const BoxInFlight& one : boxes) boxes_.push_back({one, work});
    update_running(*current_);
}

void Cluster::deliver_box() {
    const size_t number = launch_->options.adversarial_seed != 0 ? random() % boxes_.size() : 0;
    const BoxDelivery delivery = boxes_[number];
    boxes_.erase(boxes_.begin() + static_cast<std::ptrdiff_t>(number));
    const BoxInFlight& box = delivery.box;
    if (has_returned(box.rank)) {
        launch_->stop(describe_block(box.rank), "returned while a copy to its shared memory was on its way");
        return;
    }
    const size_t line = line_bytes(box.map);
    size_t position = 0;
    for_each_row(box, [&](const unsigned char* from, size_t skipped, size_t inside) {
        std::vector<unsigned char> bytes(line, 0);  // outside the tensor: zeros
        if (from != nullptr) std::memcpy(bytes.data() + skipped, from, inside);
        if (box.map.tf32) round_to_tf32(bytes);
        for (size_t i = 0; i < line; i += kPiece) {
            std::memcpy(piece_at(box, position + i), bytes.data() + i, kPiece);
        }
        position += line;
    });
    finish_copy_in(box.shared, position, false);
    MBarrier& mbarrier = mbarriers_.at(box.mbarrier);
    mbarrier.bytes -= static_cast<int64_t>(position);
    mbarrier.arrivals.push_back({nullptr, delivery.work.engine, delivery.work.epoch, nullptr, false});
    finish_phase(mbarrier);
}

// ---- From shared memory
// -------------------------------------------------------------------------------------

void Cluster::engine_reads_box(const BoxInFlight& box) {
    engine_reads(box.shared, box_bytes(box.map));
}

void Cluster::start_store(const BoxInFlight& box) {
    require_box(box);
    const EngineWork work = give_out(Engine::store, current_->number / kWarp, {release(false)});
    as_engine(work, [&] { engine_reads_box(box); });
    current_->open_stores.push_back({box, work});
    update_running(*current_);
}

void Cluster::commit_stores() {
    current_->store_groups.push_back(std::move(current_->open_stores));
    current_->open_stores.clear();
}

void Cluster::finish_stores(const std::vector<StoreInFlight>& stores) {
    for (const StoreInFlight& store : stores) {
        const BoxInFlight& box = store.box;
        const size_t line = line_bytes(box.map);
        size_t position = 0;
        as_engine(store.work, [&] {
            engine_reads_box(box);
            for_each_row(box, [&](unsigned char* to, size_t skipped, size_t inside) {
                std::vector<unsigned char> bytes(line);
                for (size_t i = 0; i < line; i += kPiece) {
                    std::memcpy(bytes.data() + i, piece_at(box, position + i), kPiece);
                }
                position += line;
                if (to == nullptr) return;  // outside the tensor: nothing is written
                check_access(to, inside, Access::write);
                std::memcpy(to, bytes.data() + skipped, inside);
            });
        });
        teach(*current_, store.work);
    }
    update_running(*current_);
}

void Cluster::wait_stores(size_t allowed) {
    auto& groups = current_->store_groups;
    if (groups.size() <= allowed) return;
    const auto last = groups.end() - static_cast<std::ptrdiff_t>(allowed);
    std::for_each(groups.begin(), last, [&](const auto& group) { finish_stores(group); });
    groups.erase(groups.begin(), last);
}

}  // namespace objloc::host
