// The CUDA threads of one cluster of blocks, mostly of a single block, on one CPU thread. Each CUDA thread is
// a fiber that runs until it must wait for others: at a barrier, in a shuffle. The last to arrive at a
// rendezvous makes the others ready again.
#pragma once

#include <array>
#include <boost/context/detail/fcontext.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include "objloc/kernels/emulator/fiber_stacks.h"
#include "objloc/kernels/emulator/launch.h"
#include "objloc/kernels/emulator/race_detector.h"
#include "objloc/kernels/emulator/tensor_map.h"

namespace objloc::host {

constexpr unsigned kWarp = 32;

struct MBarrier;

/// What works for a warp beside its threads: the copy engine, which brings boxes of tensors or takes them
/// away, and the tensor cores. Each has a number after the threads' and epochs of its own (access.h), so that
/// its accesses are judged as a thread's are.
enum class Engine : unsigned { load, store, product };
constexpr unsigned kEngines = 3, kWarpgroup = 128;

/// Numbers of barriers beside a block's own, which are 0 to 15.
constexpr int kNoBarrier = -1, kClusterBarrier = -2;

/// Where a thread waits, for the report when nothing can go on.
struct Wait {
    const char* what = "";
    unsigned mask = 0;         // of lanes, or
    int barrier = kNoBarrier;  // number of the barrier, and
    unsigned threads = 0;      // how many it waits for
    std::source_location where = {};
    const MBarrier* mbarrier = nullptr;
};

/// A copy from global to shared memory that was started and not yet waited for.
struct CopyInFlight {
    void* to;
    const void* from;
    size_t bytes, valid;  // those from `valid` on become zero
};

/// A box of a tensor on its way to shared memory, counted in bytes by an mbarrier, or from there.
struct BoxInFlight {
    cuda_host::TensorMap map;
    int corner[cuda_host::TensorMap::kMostDimensions];
    unsigned char* shared;
    void* mbarrier;
    unsigned rank;  // of the block whose shared memory that is
};

/// Of a tf32 operand, in each thread.
constexpr size_t kRegisterWords = 4;

/// d = a * b (+ d): a 64 rows, b `columns`, depth 32 bytes of elements; what each thread of a warpgroup
/// brings.
struct MatrixProduct {
    uint64_t a, b;  // descriptors
    int columns;
    int element_bytes;                  // 2: bf16, 4: tf32
    bool a_depth_outer, b_depth_outer;  // rows (or columns) lie side by side, not the depth
    bool accumulate;
    float* sums;                            // this thread's columns / 2
    const uint32_t* a_registers = nullptr;  // this thread's four words of a, if it is not in shared memory
};

class Cluster {
  public:
    /// `worker` picks the windows of shared memory.
    explicit Cluster(size_t worker);

    /// Runs all threads to their end, or until the launch stops. `index` is the first block's; `number`
    /// counts the launch's clusters in the order in which they are run.
    void run(Launch& launch, cuda_host::uint3 index, uint64_t number);

    // ---- Called by the thread that runs
    // ----------------------------------------------------------------------

    /// Waits until `threads` threads of the block have come to the barrier `id`.
    void barrier(int id, unsigned threads, const char* name, std::source_location where);
    /// Counts as having come to it, without waiting.
    void arrive(int id, unsigned threads, const char* name, std::source_location where);
    /// Waits until all threads of the cluster have come.
    void cluster_barrier(std::source_location where);
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
    /// Into the shared memory of each block of the cluster whose rank's bit is set, at the place that `box`
    /// names in this block's, and with its mbarrier there.
    void start_box(const BoxInFlight& box, unsigned ranks);
    /// Where the cluster's block `rank` has what this one has at `mine`, in shared memory. Faults when that
    /// block is gone.
    void* of_rank(void* mine, unsigned rank);

    /// Boxes from shared memory, in groups as copies are. They are read as late as is legal: at the wait.
    void start_store(const BoxInFlight& box);
    void commit_stores();
    void wait_stores(size_t allowed);

    /// What this thread wrote to shared memory until now may be read by the engines.
    void fence_for_engines();

    // Matrix products of a warpgroup. Operands are read as late as is legal, and the sums hold NaN until the
    // wait.
    void fence_products();
    void start_product(const MatrixProduct& product, std::source_location where);
    void commit_products();
    void wait_products(size_t allowed, std::source_location where);

    /// Ends the launch with a fault of the running thread.
    [[noreturn]] void fault(const std::string& failure);

    // ---- For messages
    // ----------------------------------------------------------------------------------------
    std::string describe(const void* address) const;
    std::string describe_thread(unsigned thread) const;  // "thread (3,0,0)"

    unsigned char* shared() const { return shared(current_->rank); }
    unsigned rank() const { return current_->rank; }
    cuda_host::uint3 index() const {
        return {first_index_.x + current_->rank, first_index_.y, first_index_.z};
    }
    const Launch& launch() const { return *launch_; }
    cuda_host::uint3 thread_index() const { return current_->index; }
    unsigned lane() const { return current_->number % kWarp; }
    unsigned thread_count() const { return static_cast<unsigned>(threads_.size()); }  // of all blocks

  private:
    enum class Stage : uint8_t { not_started, ready, waiting, returned };

    /// One piece of work of an engine: who does it, and what the threads that gave it out knew.
    struct EngineWork {
        unsigned engine;
        uint32_t epoch;
        std::shared_ptr<const Clock> known;
    };
    struct StoreInFlight {
        BoxInFlight box;
        EngineWork work;
    };

    struct Thread {
        unsigned number;         // in the cluster
        unsigned rank;           // of its block
        cuda_host::uint3 index;  // in its block
        Stage stage;
        uint32_t epoch;
        boost::context::detail::fcontext_t context;
        unsigned char* stack;
        std::shared_ptr<const Clock> known;
        Wait wait;
        std::vector<CopyInFlight> open_copies;
        std::vector<std::vector<CopyInFlight>> copy_groups;
        uint32_t fenced_for_engines;  // the last epoch whose writes they may read
        bool products_fenced;
        size_t product_groups;  // committed
        std::vector<StoreInFlight> open_stores;
        std::vector<std::vector<StoreInFlight>> store_groups;
    };

    /// Threads that have come to a rendezvous, or engines that have done their work, with what each knew
    /// then.
    struct Arrival {
        Thread* thread;  // null for an engine
        unsigned number;
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

    /// A warpgroup's sums while products into them are on their way: the registers hold NaN.
    struct HeldSums {
        float* registers[kWarpgroup];
        size_t count;  // of each thread
        std::vector<float> values;
        int products;
    };
    /// What each thread's registers hold of a, and what they held when the product was started.
    struct RegisterOperand {
        const uint32_t* registers[kWarpgroup];
        std::array<uint32_t, kRegisterWords> values[kWarpgroup];
    };
    struct ProductInFlight {
        MatrixProduct product;
        EngineWork work;
        size_t group;
        std::shared_ptr<const RegisterOperand> a;  // null: it is in shared memory
    };
    struct Warpgroup {
        const char* name;
        std::source_location where;
        unsigned arrived = 0;
        const MatrixProduct* brought[kWarpgroup];
        std::vector<ProductInFlight> products;
        std::vector<HeldSums> held;
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
    void order_everyone(const std::vector<Arrival>& arrivals);
    EngineWork give_out(Engine engine, unsigned warp, const std::vector<Arrival>& givers);
    template <typename Do>
    void as_engine(const EngineWork& work, const Do& act);
    void engine_reads(const void* address, size_t bytes);
    void teach(Thread& thread, const EngineWork& work);
    void next_epoch(Thread& thread, uint32_t epoch);
    void update_running(const Thread& thread);
    Meeting& meeting(const char* name, unsigned mask, std::source_location where);
    void finish_copies(const std::vector<CopyInFlight>& copies);
    MBarrier& mbarrier_at(void* mbarrier);
    void finish_phase(MBarrier& mbarrier);
    void learn(Thread& thread, MBarrier& mbarrier);
    void deliver_box();
    void require_box(const BoxInFlight& box);
    void engine_reads_box(const BoxInFlight& box);
    void finish_stores(const std::vector<StoreInFlight>& stores);
    bool meet_warpgroup(const char* name, const MatrixProduct* mine, std::source_location where);
    void release_warpgroup();
    Warpgroup& warpgroup() { return warpgroups_[current_->number / kWarpgroup]; }
    Thread* warpgroup_threads() { return &threads_[current_->number / kWarpgroup * kWarpgroup]; }
    const unsigned char* operand_at(uint64_t descriptor, size_t offset) const;
    void require_descriptor(uint64_t descriptor, const char* operand);
    void read_operands(const MatrixProduct& product);
    std::shared_ptr<const RegisterOperand> hold_a(const Warpgroup& group) const;
    void hold_sums(Warpgroup& group);
    void finish_product(Warpgroup& group, const ProductInFlight& flying);
    void require_all_finished();
    std::string text_of(const Wait& wait) const;
    void report_deadlock();
    unsigned char* shared(unsigned rank) const { return shared_ + rank * kSharedWindow; }
    void set_shared_states(State state);
    bool has_returned(unsigned rank) const { return returned_of_[rank] == block_threads_; }
    std::string describe_block(unsigned rank) const;
    void drop_fibers();

    unsigned char* shared_;  // the first block's; the others' windows follow
    FiberStacks stacks_;
    RecordLists lists_;
    Launch* launch_ = nullptr;
    cuda_host::uint3 first_index_ = {};
    unsigned block_threads_ = 0;
    uint64_t random_ = 0;
    std::vector<Thread> threads_;
    std::vector<Thread*> ready_;
    size_t first_ready_ = 0;
    unsigned returned_ = 0;
    std::vector<unsigned> returned_of_;  // each block
    Thread* current_ = nullptr;
    boost::context::detail::fcontext_t scheduler_ = nullptr;
    std::map<std::pair<unsigned, int>, Barrier> barriers_;  // by block and number
    std::vector<std::vector<Meeting>> meetings_;            // per warp
    std::map<void*, MBarrier> mbarriers_;
    std::vector<Warpgroup> warpgroups_;
    std::vector<uint32_t> engine_epochs_;
    bool engines_used_ = false;
    std::shared_ptr<const Clock> taught_from_, taught_;  // the last lesson, which neighbours mostly share
    EngineWork taught_by_ = {};
    struct BoxDelivery {
        BoxInFlight box;
        EngineWork work;
    };
    std::vector<BoxDelivery> boxes_;
};

/// Counts arrivals, and bytes that copies have still to bring. A phase is complete when neither is missing.
struct MBarrier {
    unsigned count;    // arrivals that a phase needs
    unsigned pending;  // arrivals missing
    int64_t bytes;     // missing; negative while more have come than were announced
    uint64_t phase;    // phases completed
    std::vector<Cluster::Arrival> arrivals;
    std::vector<Cluster::Thread*> waiting;
    std::shared_ptr<const Clock> completed;  // what the last complete phase teaches who waits for it
    std::shared_ptr<const Clock> taught_from, taught;  // the last thread's knowledge before and after
};

/// The cluster whose thread runs on this CPU thread. Faults make no sense without one, so device functions
/// that are called from host code throw Error here.
Cluster& running_cluster();

}  // namespace objloc::host
