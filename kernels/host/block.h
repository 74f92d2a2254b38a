// One block of CUDA threads on one CPU thread. Each CUDA thread is a fiber that runs until it must wait for
// others: at a barrier, in a shuffle. The last to arrive at a rendezvous makes the others ready again.
#pragma once

#include <boost/context/detail/fcontext.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <source_location>
#include <string>
#include <vector>

#include "kernels/host/access.h"
#include "kernels/host/fiber_stacks.h"
#include "kernels/host/launch.h"
#include "kernels/host/tensor_map.h"

namespace objloc::host {

constexpr unsigned kWarp = 32;

struct MBarrier;

/// Where a thread waits, for the report when nothing can go on.
struct Wait {
    const char* what = "";
    unsigned mask = 0;     // of lanes, or
    int barrier = -1;      // number of the barrier, and
    unsigned threads = 0;  // how many it waits for
    std::source_location where = {};
    const MBarrier* mbarrier = nullptr;
};

/// A copy from global to shared memory that was started and not yet waited for.
struct CopyInFlight {
    void* to;
    const void* from;
    size_t bytes, valid;  // those from `valid` on become zero
};

/// A box of a tensor on its way to shared memory, counted in bytes by an mbarrier.
struct BoxInFlight {
    cuda_host::TensorMap map;
    int corner[cuda_host::TensorMap::kMostDimensions];
    unsigned char* to;
    void* mbarrier;
};

class Block {
  public:
    /// `worker` picks the window of shared memory.
    explicit Block(size_t worker);

    /// Runs all threads to their end, or until the launch stops. `number` counts the launch's blocks in the
    /// order in which they are run.
    void run(Launch& launch, cuda_host::uint3 index, uint64_t number);

    // ---- Called by the thread that runs
    // ----------------------------------------------------------------------

    /// Waits until `threads` threads have come to the barrier `id`.
    void barrier(int id, unsigned threads, const char* name, std::source_location where);
    /// Counts as having come to it, without waiting.
    void arrive(int id, unsigned threads, const char* name, std::source_location where);
    /// The same as barrier() for the lanes of a warp in `mask`; orders their accesses to memory.
    void sync_warp(unsigned mask, std::source_location where);
    /// Waits until the lanes in `mask` have come to `name`, then the last of them runs `all` on what each
    /// brought (null for the others). Orders no memory.
    void meet_warp(const char* name, unsigned mask, void* mine, void (*all)(void* const* lanes),
                   std::source_location where);

    void start_copy(const CopyInFlight& copy);
    void commit_copies();
    /// Finishes all but the last `allowed` groups.
    void wait_copies(size_t allowed);
    /// Finishes all, committed or not.
    void wait_all_copies();

    // An mbarrier is 8 bytes of shared memory; what they hold is kept here.
    void mbarrier_init(void* mbarrier, unsigned count);
    void mbarrier_arrive(void* mbarrier, size_t expected_bytes, std::source_location where);
    void mbarrier_wait(void* mbarrier, unsigned parity, std::source_location where);
    void start_box(const BoxInFlight& box);

    /// Ends the launch with a fault of the running thread.
    [[noreturn]] void fault(const std::string& failure);

    // ---- For messages
    // ----------------------------------------------------------------------------------------
    std::string describe(const void* address) const;
    std::string describe_thread(unsigned thread) const;  // "thread (3,0,0)"

    unsigned char* shared() const { return shared_; }
    cuda_host::uint3 index() const { return index_; }
    const Launch& launch() const { return *launch_; }
    cuda_host::uint3 thread_index() const { return current_->index; }
    unsigned lane() const { return current_->number % kWarp; }
    unsigned thread_count() const { return static_cast<unsigned>(threads_.size()); }

  private:
    enum class Stage : uint8_t { not_started, ready, waiting, returned };

    struct Thread {
        unsigned number;
        cuda_host::uint3 index;
        Stage stage;
        uint32_t epoch;
        boost::context::detail::fcontext_t context;
        unsigned char* stack;
        std::shared_ptr<const Clock> known;
        Wait wait;
        std::vector<CopyInFlight> open_copies;
        std::vector<std::vector<CopyInFlight>> copy_groups;
    };

    /// Threads that have come to a rendezvous, with what each knew then.
    struct Arrival {
        Thread* thread;
        uint32_t epoch;
        std::shared_ptr<const Clock> known;
        bool waits;
    };
    struct Barrier {
        Wait first;  // to come
        std::vector<Arrival> arrivals;
        size_t passers_by = 0;  // of those, came without waiting
    };
    struct Meeting {
        const char* name;
        unsigned mask, arrived;
        std::source_location where;
        void* brought[kWarp];
        std::vector<Arrival> arrivals;
    };

    friend struct MBarrier;
    static void fiber_main(boost::context::detail::transfer_t transfer);
    void start(Launch& launch, cuda_host::uint3 index, uint64_t number);
    template <typename Wanted>
    Thread* next_ready(const Wanted& wanted);
    bool take_over_next();
    void resume(Thread& thread);
    void suspend(const Wait& wait);
    void make_ready(Thread& thread);
    void yield_if_adversarial();
    uint64_t random();

    Arrival release(bool waits);
    bool complete_barrier(const Wait& wait, bool waits);
    void release_all(const std::vector<Arrival>& arrivals);
    void order(const std::vector<Arrival>& arrivals);
    std::shared_ptr<const Clock> joined(const std::vector<Arrival>& arrivals) const;
    void order_whole_block();
    void next_epoch(Thread& thread, uint32_t epoch);
    void update_running(const Thread& thread);
    Meeting& meeting(const char* name, unsigned mask, std::source_location where);
    void finish_copies(const std::vector<CopyInFlight>& copies);
    MBarrier& mbarrier_at(void* mbarrier);
    void finish_phase(MBarrier& mbarrier);
    void learn(Thread& thread, MBarrier& mbarrier);
    void deliver_box();
    std::string text_of(const Wait& wait) const;
    void report_deadlock();
    void drop_fibers();

    unsigned char* shared_;
    FiberStacks stacks_;
    RecordLists lists_;
    Launch* launch_ = nullptr;
    cuda_host::uint3 index_ = {};
    uint64_t random_ = 0;
    std::vector<Thread> threads_;
    std::vector<Thread*> ready_;
    size_t first_ready_ = 0;
    unsigned returned_ = 0;
    Thread* current_ = nullptr;
    boost::context::detail::fcontext_t scheduler_ = nullptr;
    std::map<int, Barrier> barriers_;
    std::vector<std::vector<Meeting>> meetings_;  // per warp
    std::map<void*, MBarrier> mbarriers_;
    struct BoxDelivery {
        BoxInFlight box;
        Arrival issued;
    };
    std::vector<BoxDelivery> boxes_;
};

/// Counts arrivals, and bytes that copies have still to bring. A phase is complete when neither is missing.
struct MBarrier {
    unsigned count;    // arrivals that a phase needs
    unsigned pending;  // arrivals missing
    int64_t bytes;     // missing; negative while more have come than were announced
    uint64_t phase;    // phases completed
    std::vector<Block::Arrival> arrivals;
    std::vector<Block::Thread*> waiting;
    std::shared_ptr<const Clock> completed;  // what the last complete phase teaches who waits for it
    std::shared_ptr<const Clock> taught_from, taught;  // the last thread's knowledge before and after
};

/// The block whose thread runs on this CPU thread. Faults make no sense without one, so device functions that
/// are called from host code throw Error here.
Block& running_block();

}  // namespace objloc::host
