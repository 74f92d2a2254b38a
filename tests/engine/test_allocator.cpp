// What the engine stands on: shapes, tensors as views on storage, and the allocator that keeps freed blocks.
#include "objloc/engine/allocator.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>

#include "objloc/engine/error.h"
#include "objloc/engine/shape.h"
#include "objloc/engine/tensor.h"

namespace objloc {
namespace {

/// A heap that counts, and refuses beyond `capacity`.
struct Ledger {
    size_t capacity = SIZE_MAX, held = 0;
    int allocations = 0, releases = 0;
};

class CountingSource : public MemorySource {
  public:
    explicit CountingSource(Ledger& ledger) : ledger_(ledger) {}
    void* allocate(size_t bytes) override {
        if (ledger_.held + bytes > ledger_.capacity) throw Error("memory", "is full");
        void* block = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
        ledger_.held += bytes;
        ++ledger_.allocations;
        sizes_[block] = bytes;
        return block;
    }
    void release(void* block) noexcept override {
        ledger_.held -= sizes_[block];
        ++ledger_.releases;
        sizes_.erase(block);
        std::free(block);
    }

  private:
    Ledger& ledger_;
    std::map<void*, size_t> sizes_;
};

std::shared_ptr<CachingAllocator> make_allocator(Ledger& ledger, Reuse reuse = Reuse::always) {
    return std::make_shared<CachingAllocator>(std::make_unique<CountingSource>(ledger), reuse);
}

Tensor make_tensor(const std::shared_ptr<CachingAllocator>& allocator, const Shape& shape) {
    const auto bytes = static_cast<size_t>(shape.count()) * sizeof(float);
    return {shape, DType::f32, std::make_shared<Storage>(allocator, bytes)};
}

}  // namespace

TEST_CASE("shape: counts, equality and text") {
    CHECK(Shape{2, 3, 4, 5}.count() == 120);
    CHECK(Shape{}.count() == 1);
    CHECK(Shape{7, 0}.count() == 0);
    CHECK(Shape{64, 128, 128, 3}.text() == "(64, 128, 128, 3)");
    CHECK(Shape{}.text() == "()");
    CHECK(Shape{2, 3} == Shape{2, 3});
    CHECK_FALSE(Shape{2, 3} == Shape{3, 2});
    CHECK_FALSE(Shape{2} == Shape{2, 1});
}

TEST_CASE("shape: a fifth axis and a negative extent are refused") {
    CHECK_THROWS_AS((Shape{1, 2, 3, 4, 5}), Error);
    CHECK_THROWS_AS((Shape{2, -1}), Error);
}

TEST_CASE("tensor: views share memory and keep it alive") {
    Ledger ledger;
    const auto allocator = make_allocator(ledger);
    Tensor part;
    CHECK_FALSE(part);
    {
        const Tensor whole = make_tensor(allocator, {4, 6});
        whole.data<float>()[13] = 42;
        part = whole.slice(12, {2, 3});
        CHECK(whole.reshaped({24}).raw() == whole.raw());
    }
    REQUIRE(part);
    CHECK(part.byte_offset() == 48);
    CHECK(part.bytes() == 24);
    CHECK(part.data<float>()[1] == 42);
    CHECK(allocator->bytes_in_use() > 0);
    part = Tensor();
    CHECK(allocator->bytes_in_use() == 0);
}

TEST_CASE("tensor: what reaches past its storage is refused") {
    Ledger ledger;
    const Tensor whole = make_tensor(make_allocator(ledger), {4, 6});
    CHECK_THROWS_AS(whole.reshaped({5, 5}), Error);
    CHECK_THROWS_AS(whole.slice(20, {5}), Error);
    CHECK_NOTHROW(whole.slice(19, {5}));
}

TEST_CASE("storage: ids are never used twice, versions count up") {
    Ledger ledger;
    const auto allocator = make_allocator(ledger);
    uint64_t first = 0;
    void* address = nullptr;
    {
        const Tensor tensor = make_tensor(allocator, {8});
        first = tensor.storage().id();
        address = tensor.raw();
        CHECK(tensor.storage().version() == 0);
        tensor.storage().bump_version();
        CHECK(tensor.storage().version() == 1);
    }
    const Tensor again = make_tensor(allocator, {8});
    CHECK(again.raw() == address);  // the same block
    CHECK(again.storage().id() != first);
}

TEST_CASE("allocator: a freed block of about the size is handed out again") {
    Ledger ledger;
    const auto allocator = make_allocator(ledger);
    void* block = allocator->allocate(10'000);
    allocator->release(block);
    CHECK(allocator->bytes_in_use() == 0);
    CHECK(allocator->bytes_reserved() >= 10'000);
    CHECK(allocator->allocate(9'000) == block);
    CHECK(ledger.allocations == 1);
    void* small = allocator->allocate(100);  // not out of a block many times as large
    allocator->release(block);
    CHECK(allocator->allocate(1'000) != block);
    CHECK(ledger.allocations == 3);
    allocator->release(small);
}

TEST_CASE("allocator: counts what is in use and what is held, now and at most") {
    Ledger ledger;
    const auto allocator = make_allocator(ledger);
    void* first = allocator->allocate(4096);
    void* second = allocator->allocate(8192);
    CHECK(allocator->bytes_in_use() == 4096 + 8192);
    allocator->release(first);
    allocator->release(second);
    CHECK(allocator->bytes_in_use() == 0);
    CHECK(allocator->high_water_mark() == 4096 + 8192);
    CHECK(allocator->bytes_reserved() == ledger.held);
    CHECK(allocator->reserved_high_water_mark() == 4096 + 8192);
    allocator->trim();
    CHECK(allocator->bytes_reserved() == 0);
    CHECK(ledger.held == 0);
    allocator->reset_high_water_mark();
    CHECK(allocator->high_water_mark() == 0);
    CHECK(allocator->reserved_high_water_mark() == 0);
}

TEST_CASE("allocator: without reuse every block goes back at once") {
    Ledger ledger;
    const auto allocator = make_allocator(ledger, Reuse::never);
    allocator->release(allocator->allocate(512));
    CHECK(ledger.releases == 1);
    CHECK(allocator->bytes_reserved() == 0);
}

TEST_CASE("allocator: a bounded cache lets go what would pass the bound, and no more") {
    Ledger ledger;
    const auto allocator = make_allocator(ledger, Reuse::bounded);
    void* first = allocator->allocate(8192);
    void* second = allocator->allocate(1024);
    allocator->release(first);
    allocator->release(second);
    void* large = allocator->allocate(2048);  // 11,264 in all, less than 9,216 and a half: nothing goes
    CHECK(ledger.held == 8192 + 1024 + 2048);
    void* larger = allocator->allocate(4096);  // would be 15,360: the largest cached one goes
    CHECK(ledger.held == 1024 + 2048 + 4096);
    allocator->release(large);
    allocator->release(larger);
}

TEST_CASE("allocator: cached blocks give way before memory counts as full") {
    Ledger ledger{.capacity = 10'240};
    const auto allocator = make_allocator(ledger);
    allocator->release(allocator->allocate(8192));
    void* block = allocator->allocate(2560);
    allocator->release(block);
    block = allocator->allocate(10'240);
    CHECK(ledger.held == 10'240);
    CHECK_THROWS_AS(allocator->allocate(512), Error);
    CHECK(allocator->bytes_in_use() == 10'240);
    allocator->release(block);
}

TEST_CASE("allocator: what a captured step used stays its own until the recording is gone") {
    for (const Reuse reuse : {Reuse::always, Reuse::never}) {
        CAPTURE(static_cast<int>(reuse));
        Ledger ledger;
        const auto allocator = make_allocator(ledger, reuse);
        void* kept = nullptr;
        void* outlives = nullptr;
        {
            BlockRecording recording(allocator);
            CHECK_THROWS_AS(BlockRecording{allocator}, Error);
            kept = allocator->allocate(512);
            allocator->release(kept);
            outlives = allocator->allocate(2048);
            allocator->trim();
            recording.stop();
            void* other = allocator->allocate(512);
            CHECK(other != kept);
            allocator->release(other);
            allocator->release(outlives);
            allocator->trim();
            CHECK(ledger.held == 512 + 2048);
            CHECK(allocator->bytes_in_use() == 0);
        }
        CHECK(ledger.held == (reuse == Reuse::always ? 512 + 2048 : 0));
        allocator->trim();
        CHECK(ledger.held == 0);
        CHECK(allocator->bytes_reserved() == 0);
    }
}

TEST_CASE("allocator: everything goes back at the end") {
    Ledger ledger;
    {
        const auto allocator = make_allocator(ledger);
        allocator->release(allocator->allocate(512));
        allocator->release(allocator->allocate(51'200));
    }
    CHECK(ledger.allocations == ledger.releases);
    CHECK(ledger.held == 0);
}

}  // namespace objloc
