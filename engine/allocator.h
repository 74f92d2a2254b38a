// Memory for tensors: blocks are kept when freed and handed out again by size, because asking the system for
// a fresh 268 MB activation costs more page faults than the ReLU that fills it.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace objloc {

/// Where blocks come from: the C++ heap, cudaMallocAsync, the host runtime's checked heap.
class MemorySource {
  public:
    virtual ~MemorySource() = default;
    /// Returns at least `bytes` bytes aligned to 256, or throws Error with what was asked and what is free.
    virtual void* allocate(size_t bytes) = 0;
    virtual void release(void* block) noexcept = 0;
};

class BlockRecording;

/// What becomes of freed blocks. never: back at once, which lets a checking source see every lifetime.
/// bounded: they are cached, but together with what is in use only up to half above the most that was
/// ever in use; blocks of other sizes go back first. always: cached until trimmed, for freeing GPU memory
/// waits for the GPU.
enum class Reuse { never, bounded, always };

/// Caches freed blocks. One stream of work per allocator, so a freed block may be reused at once: whatever
/// still reads it was enqueued before whatever writes it next.
class CachingAllocator {
  public:
    explicit CachingAllocator(std::unique_ptr<MemorySource> source, Reuse reuse = Reuse::always);
    ~CachingAllocator();
    CachingAllocator(const CachingAllocator&) = delete;
    CachingAllocator& operator=(const CachingAllocator&) = delete;

    void* allocate(size_t bytes);
    void release(void* block) noexcept;

    /// Bytes handed out now, and the most there ever were at once.
    size_t bytes_in_use() const { return in_use_; }
    size_t high_water_mark() const { return high_water_; }
    /// Bytes held from the source, in use or cached, now and at most.
    size_t bytes_reserved() const { return reserved_; }
    size_t reserved_high_water_mark() const { return reserved_high_water_; }
    void reset_high_water_mark() {
        high_water_ = in_use_;
        reserved_high_water_ = reserved_;
    }

    /// Gives every cached block back to the source.
    void trim() noexcept;

  private:
    friend class BlockRecording;

    /// Makes room for `wanted` new bytes under the bound of Reuse::bounded.
    void keep_within_bound(size_t wanted) noexcept;
    /// Gives cached blocks back to the source, until they add up to `bytes` or none is left.
    void give_back(size_t bytes) noexcept;

    std::unique_ptr<MemorySource> source_;
    Reuse reuse_;
    std::mutex mutex_;
    std::multimap<size_t, void*> cached_;           // by size
    std::unordered_map<void*, size_t> handed_out_;  // its size
    size_t in_use_ = 0, high_water_ = 0, reserved_ = 0, reserved_high_water_ = 0;
    BlockRecording* recording_ = nullptr;  // of the blocks that are handed out now
    std::unordered_map<void*, BlockRecording*> recorded_;
};

/// Keeps for itself every block that was handed out while it recorded: a captured step goes on using their
/// addresses at each replay, so nobody else may get them and the source must not get them back. They return
/// to the cache when the recording is destroyed. While it records, the step may use its own freed blocks
/// again.
class BlockRecording {
  public:
    /// Starts to record.
    explicit BlockRecording(std::shared_ptr<CachingAllocator> allocator);
    ~BlockRecording();
    BlockRecording(const BlockRecording&) = delete;
    BlockRecording& operator=(const BlockRecording&) = delete;

    void stop();

  private:
    friend class CachingAllocator;

    std::shared_ptr<CachingAllocator> allocator_;
    std::unordered_map<void*, size_t> kept_;  // freed blocks set aside, and their sizes
};

}  // namespace objloc
