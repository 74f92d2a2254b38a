#include "objloc/kernels/emulator/cluster.h"

#include <algorithm>
#include <cstring>

#include "objloc/engine/error.h"
namespace objloc::host {
namespace {

using boost::context::detail::jump_fcontext;
using boost::context::detail::make_fcontext;
using boost::context::detail::transfer_t;

std::string position(cuda_host::uint3 index) {
    return "(" + std::to_string(index.x) + "," + std::to_string(index.y) + "," + std::to_string(index.z) +
           ")";
}

std::string hexadecimal(unsigned value) {
    char text[16];
    std::snprintf(text, sizeof(text), "0x%08x", value);
    return text;
}

bool same_place(const std::source_location& a, const std::source_location& b) {
    return a.line() == b.line() && a.column() == b.column();
}

}  // namespace

Cluster::Cluster(size_t worker) : shared_(shared_windows(worker)) {
}

Cluster& running_cluster() {
    if (running.cluster == nullptr)
        throw Error("host runtime", "a device function was called from host code");
    return *running.cluster;
}

// ---- The life of a cluster
// ----------------------------------------------------------------------------------------

void Cluster::start(Launch& launch, cuda_host::uint3 index, uint64_t number) {
    launch_ = &launch;
    first_index_ = index;
    const auto dims = launch.threads;
    block_threads_ = dims.x * dims.y * dims.z;
    threads_.resize(size_t{block_threads_} * launch.cluster);
    ready_.clear();
    first_ready_ = 0;
    returned_ = 0;
    returned_of_.assign(launch.cluster, 0);
    barriers_.clear();
    mbarriers_.clear();
    boxes_.clear();
    const size_t warps = (threads_.size() + kWarp - 1) / kWarp;
    engine_epochs_.assign(warps * kEngines, kFirstEngineEpoch);
    engines_used_ = false;
    taught_from_ = taught_ = nullptr;
    warpgroups_.assign((threads_.size() + kWarpgroup - 1) / kWarpgroup, {});
    meetings_.resize(warps);
    for (auto& warp : meetings_) warp.clear();
    for (unsigned i = 0; i < threads_.size(); ++i) {
        const unsigned in_block = i % block_threads_;
        Thread& thread = threads_[i];
        thread.number = i;
        thread.rank = i / block_threads_;
        thread.index = {in_block % dims.x, in_block / dims.x % dims.y, in_block / dims.x / dims.y};
        thread.stage = Stage::not_started;
        thread.epoch = 1;
        thread.known = nullptr;
        thread.open_copies.clear();
        thread.copy_groups.clear();
        thread.fenced_for_engines = 0;
        thread.products_fenced = false;
        thread.product_groups = 0;
        thread.open_stores.clear();
        thread.store_groups.clear();
        ready_.push_back(&thread);
    }
    random_ = launch.options.adversarial_seed + (launch.first_run + number) * 0x9E3779B97F4A7C15u;

    const uint64_t run = launch.first_run + number;
    running = {};
    running.launch_first = launch.first_run << kRunShift;
    running.run_first = run << kRunShift;
    running.settled_span = (uint64_t{1} << kEpochShift) - 1;  // epoch 0: nothing
    running.settled_lists = 1;
    running.stacks = reinterpret_cast<uintptr_t>(stacks_.begin());
    running.stacks_bytes = stacks_.bytes();
    running.arguments = reinterpret_cast<uintptr_t>(&launch.kernel);
    running.arguments_bytes = launch.kernel.bytes();
    running.lists = &lists_;
    running.cluster = this;
    lists_.start(run);
    set_shared_states(kNeverWritten);
}

void Cluster::set_shared_states(State state) {
    for (unsigned rank = 0; rank < launch_->cluster; ++rank) {
        std::memset(states_of(arena_offset(shared(rank))), state, launch_->shared_bytes);
    }
}

void Cluster::run(Launch& launch, cuda_host::uint3 index, uint64_t number) {
    start(launch, index, number);
    while (returned_ < threads_.size() && !launch.stopped()) {
        Thread* thread = next_ready([](const Thread&) { return true; });
        if (thread != nullptr) {
            resume(*thread);
        } else if (!boxes_.empty()) {
            deliver_box();  // as late as is legal: nothing else can go on
        } else {
            report_deadlock();
        }
    }
    if (!boxes_.empty()) {
        launch.stop(describe_block(0),
                    "all threads returned while copies to shared memory were on their way");
    }
    drop_fibers();
    set_shared_states(kNowhere);
    running = {};
}

/// After a fault fibers are left where they stand: device code has nothing to destroy.
void Cluster::drop_fibers() {
    for (Thread& thread : threads_) {
        if (thread.stage == Stage::ready || thread.stage == Stage::waiting) stacks_.give_back(thread.stack);
        thread.stage = Stage::returned;
    }
    current_ = nullptr;
}

uint64_t Cluster::random() {  // splitmix64
    uint64_t z = random_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/// Takes the next thread from the queue; null when it is empty, or that thread is not as `wanted`.
template <typename Wanted>
Cluster::Thread* Cluster::next_ready(const Wanted& wanted) {
    if (first_ready_ == ready_.size()) return nullptr;
    if (launch_->options.adversarial_seed != 0) {
        const size_t count = ready_.size() - first_ready_;
        std::swap(ready_[first_ready_], ready_[first_ready_ + random() % count]);
    }
    Thread* thread = ready_[first_ready_];
    if (!wanted(*thread)) return nullptr;
    ++first_ready_;
    if (first_ready_ == ready_.size()) {
        ready_.clear();
        first_ready_ = 0;
    }
    return thread;
}

void Cluster::fiber_main(transfer_t transfer) {
    Cluster& cluster = *static_cast<Cluster*>(transfer.data);
    cluster.scheduler_ = transfer.fctx;
    do {
        cluster.launch_->kernel.run();
        cluster.wait_all_copies();
        cluster.require_all_finished();
        cluster.current_->stage = Stage::returned;
        ++cluster.returned_;
        ++cluster.returned_of_[cluster.current_->rank];
    } while (cluster.take_over_next());
    jump_fcontext(cluster.scheduler_, nullptr);
}

/// A fiber whose thread has returned goes on with the next one, if that has not started: threads that never
/// wait cost no switch.
bool Cluster::take_over_next() {
    if (launch_->stopped()) return false;
    Thread* next = next_ready([](const Thread& thread) { return thread.stage == Stage::not_started; });
    if (next == nullptr) return false;
    next->stack = current_->stack;
    next->stage = Stage::ready;
    current_ = next;
    update_running(*next);
    return true;
}

void Cluster::update_running(const Thread& thread) {
    running.self =
        running.run_first | uint64_t{thread.epoch} << kEpochShift | uint64_t{thread.number} << kThreadShift;
    running.known = thread.known ? thread.known->data() : nullptr;
}

void Cluster::resume(Thread& thread) {
    current_ = &thread;
    if (thread.stage == Stage::not_started) {
        thread.stack = stacks_.take();
        thread.context = make_fcontext(thread.stack, FiberStacks::kStackBytes, &Cluster::fiber_main);
        thread.stage = Stage::ready;
    }
    update_running(thread);
    // Off again as soon as no CUDA thread runs: of functions that both share (those of std::string, say) the
    // linker may have kept the copy with checks, and the scheduler's own memory is none of theirs.
    running.checking = launch_->options.checks;
    const auto left = jump_fcontext(thread.context, this).fctx;
    running.checking = false;
    current_->context = left;  // of the thread that waits now, which may be a later one
    if (current_->stage == Stage::returned) stacks_.give_back(current_->stack);
}

void Cluster::suspend(const Wait& wait) {
    current_->stage = Stage::waiting;
    current_->wait = wait;
    scheduler_ = jump_fcontext(scheduler_, nullptr).fctx;
}

void Cluster::make_ready(Thread& thread) {
    thread.stage = Stage::ready;
    ready_.push_back(&thread);
}

/// The last thread of a rendezvous goes on at once, unless luck is to decide who goes first.
void Cluster::yield_if_adversarial() {
    if (launch_->options.adversarial_seed == 0) {
        update_running(*current_);
        return;
    }
    make_ready(*current_);
    scheduler_ = jump_fcontext(scheduler_, nullptr).fctx;
}

void Cluster::fault(const std::string& failure) {
    running.checking = false;
    launch_->stop(describe_block(current_->rank) + ", thread " + position(current_->index), failure,
                  running.caller);
    jump_fcontext(scheduler_, nullptr);
    __builtin_unreachable();  // the fiber is never resumed
}

// ---- Who knows what of whom
// ---------------------------------------------------------------------------------------

void Cluster::next_epoch(Thread& thread, uint32_t epoch) {
    thread.epoch = epoch;
    if (epoch >= kFirstEngineEpoch) {
        running.caller = nullptr;
        fault("more than " + std::to_string(kFirstEngineEpoch - 1) +
              " barriers in one block: the race check cannot count them");
    }
}

/// The current thread's accesses until now are released to whoever meets this arrival.
Cluster::Arrival Cluster::release(bool waits) {
    Thread& thread = *current_;
    Arrival arrival = {&thread, thread.number, thread.epoch, thread.known, waits};
    next_epoch(thread, thread.epoch + 1);
    return arrival;
}

/// All that wait at a rendezvous now know what any that came to it knew.
void Cluster::order(const std::vector<Arrival>& arrivals) {
    if (!running.checking) return;
    const bool all_wait =
        std::all_of(arrivals.begin(), arrivals.end(), [](const Arrival& a) { return a.waits; });
    if (all_wait && arrivals.size() == threads_.size()) {
        order_everyone(arrivals);
        return;
    }
    const auto clock = joined(arrivals);
    for (const Arrival& arrival : arrivals) {
        if (arrival.waits) arrival.thread->known = clock;
    }
}

/// What all of these knew and did.
std::shared_ptr<const Clock> Cluster::joined(const std::vector<Arrival>& arrivals) const {
    auto clock = std::make_shared<Clock>(threads_.size() + engine_epochs_.size(), 0u);
    const Clock* previous = nullptr;
    for (const Arrival& arrival : arrivals) {
        if (arrival.known && arrival.known.get() != previous) {
            previous = arrival.known.get();
            merge(*clock, *previous);
        }
    }
    for (const Arrival& arrival : arrivals) {
        uint32_t& epoch = (*clock)[arrival.number];
        epoch = std::max(epoch, arrival.epoch);
    }
    return clock;
}

/// Everything so far is settled for everyone: cheaper to remember as one bound than thread by thread.
void Cluster::order_everyone(const std::vector<Arrival>& arrivals) {
    const auto of_engines = engines_used_ ? joined(arrivals) : nullptr;
    uint32_t latest = 0;
    for (const Thread& thread : threads_) latest = std::max(latest, thread.epoch);
    for (Thread& thread : threads_) {
        next_epoch(thread, latest + 1);
        thread.known = of_engines;
    }
    running.settled_span = (uint64_t{latest + 1} << kEpochShift) - 1;
    running.settled_lists = lists_.size();
}

// ---- Rendezvous
// ---------------------------------------------------------------------------------------------------

void Cluster::release_all(const std::vector<Arrival>& arrivals) {
    for (const Arrival& arrival : arrivals) {
        if (arrival.waits && arrival.thread != current_) make_ready(*arrival.thread);
    }
}

/// Counts the running thread in; true when it is the last, and the others may go on.
bool Cluster::complete_barrier(const Wait& wait, bool waits) {
    running.caller = nullptr;
    const bool of_cluster = wait.barrier == kClusterBarrier;
    Barrier& barrier = barriers_[{of_cluster ? 0 : current_->rank, wait.barrier}];
    if ((wait.threads == 0 || wait.threads % kWarp != 0) && wait.threads != block_threads_) {
        fault(text_of(wait) + ": the number of threads must be a multiple of 32");
    }
    if (barrier.arrivals.empty()) barrier.first = wait;
    const bool same_count = barrier.first.threads == wait.threads;
    // __syncthreads is one place in the program for the whole block, and so is cluster_sync; named barriers
    // may be met from several.
    if (!same_count || (wait.barrier <= 0 && !same_place(barrier.first.where, wait.where))) {
        fault("divergent barrier: " + text_of(wait) + ", but another thread came to " +
              text_of(barrier.first));
    }
    const bool again = std::any_of(barrier.arrivals.begin(),
                                   barrier.arrivals.begin() + static_cast<std::ptrdiff_t>(barrier.passers_by),
                                   [&](const Arrival& arrival) { return arrival.thread == current_; });
    if (again) fault(text_of(wait) + ": the same thread came to it before, and the others not yet");
    barrier.arrivals.push_back(release(waits));
    // Those that do not wait come first, so that the search above is short.
    if (!waits) std::swap(barrier.arrivals[barrier.passers_by++], barrier.arrivals.back());
    if (barrier.arrivals.size() < wait.threads) return false;
    const std::vector<Arrival> arrivals = std::move(barrier.arrivals);
    barrier.passers_by = 0;
    barrier.arrivals.clear();
    barrier.arrivals.reserve(arrivals.size());
    order(arrivals);
    release_all(arrivals);
    return true;
}

void Cluster::barrier(int id, unsigned threads, const char* name, std::source_location where) {
    const Wait wait = {name, 0, id, threads, where};
    if (complete_barrier(wait, true)) {
        yield_if_adversarial();
    } else {
        suspend(wait);
    }
}

void Cluster::cluster_barrier(std::source_location where) {
    barrier(kClusterBarrier, thread_count(), "cluster_sync", where);
}

void* Cluster::of_rank(void* mine, unsigned rank) {
    const size_t offset = static_cast<size_t>(static_cast<unsigned char*>(mine) - shared());
    if (offset >= launch_->shared_bytes) fault(describe(mine) + " is not of this block's shared memory");
    if (rank >= launch_->cluster) fault("the cluster has no block " + std::to_string(rank));
    if (has_returned(rank)) {
        fault("reaches for the shared memory of " + describe_block(rank) + ", which has returned");
    }
    return shared(rank) + offset;
}

void Cluster::arrive(int id, unsigned threads, const char* name, std::source_location where) {
    complete_barrier({name, 0, id, threads, where}, false);
    update_running(*current_);
}

Cluster::Meeting& Cluster::meeting(const char* name, unsigned mask, std::source_location where) {
    running.caller = nullptr;
    const Wait wait = {name, mask, -1, 0, where};
    const unsigned self = 1u << lane();
    if ((mask & self) == 0) fault(text_of(wait) + ": the mask leaves out the calling lane");
    auto& warp = meetings_[current_->number / kWarp];
    for (Meeting& open : warp) {
        if ((open.mask & mask) == 0) continue;
        // As on the device: one instruction, one mask. Only __syncwarp may be met from several places.
        const bool sync = std::strcmp(name, "__syncwarp") == 0;
        if (open.mask == mask && std::strcmp(open.name, name) == 0 &&
            (sync || same_place(open.where, where))) {
            return open;
        }
        fault(text_of(wait) + ", but lanes of the same warp wait at " +
              text_of(Wait{open.name, open.mask, -1, 0, open.where}));
    }
    warp.push_back({name, mask, 0, where, {}, {}});
    return warp.back();
}

void Cluster::sync_warp(unsigned mask, std::source_location where) {
    Meeting& open = meeting("__syncwarp", mask, where);
    open.arrived |= 1u << lane();
    open.arrivals.push_back(release(true));
    if (open.arrived != mask) {
        suspend({open.name, mask, -1, 0, where});
        return;
    }
    const std::vector<Arrival> arrivals = std::move(open.arrivals);
    auto& warp = meetings_[current_->number / kWarp];
    warp.erase(warp.begin() + (&open - warp.data()));
    order(arrivals);
    release_all(arrivals);
    yield_if_adversarial();
}

void Cluster::meet_warp(const char* name, unsigned mask, void* mine, void (*all)(void* const* lanes),
                        std::source_location where) {
    Meeting& open = meeting(name, mask, where);
    open.arrived |= 1u << lane();
    open.brought[lane()] = mine;
    if (open.arrived != mask) {
        suspend({name, mask, -1, 0, where});
        return;
    }
    void* lanes[kWarp];  // on a fiber's stack, where kernels' code may read it
    std::memcpy(lanes, open.brought, sizeof(lanes));
    auto& warp = meetings_[current_->number / kWarp];
    warp.erase(warp.begin() + (&open - warp.data()));
    all(lanes);
    const unsigned first = current_->number / kWarp * kWarp;
    for (unsigned i = 0; i < kWarp; ++i) {
        if ((mask >> i & 1) != 0 && i != lane()) make_ready(threads_[first + i]);
    }
    yield_if_adversarial();
}

// ---- Asynchronous copies: as late as is legal
// -----------------------------------------------------------------------

void Cluster::start_copy(const CopyInFlight& copy) {
    if (arena_offset(copy.to) % copy.bytes != 0 || arena_offset(copy.from) % copy.bytes != 0) {
        fault("misaligned: an asynchronous copy of " + std::to_string(copy.bytes) + " bytes from " +
              describe(copy.from) + " to " + describe(copy.to));
    }
    if (running.checking) {
        check_access(copy.from, copy.valid, Access::read);
        start_copy_in(copy.to, copy.bytes);
    }
    current_->open_copies.push_back(copy);
}

void Cluster::commit_copies() {
    current_->copy_groups.push_back(std::move(current_->open_copies));
    current_->open_copies.clear();
}

void Cluster::finish_copies(const std::vector<CopyInFlight>& copies) {
    for (const CopyInFlight& copy : copies) {
        std::memcpy(copy.to, copy.from, copy.valid);
        std::memset(static_cast<unsigned char*>(copy.to) + copy.valid, 0, copy.bytes - copy.valid);
        finish_copy_in(copy.to, copy.bytes, true);
    }
}

void Cluster::wait_copies(size_t allowed) {
    auto& groups = current_->copy_groups;
    if (groups.size() <= allowed) return;
    const auto last = groups.end() - static_cast<std::ptrdiff_t>(allowed);
    std::for_each(groups.begin(), last, [&](const auto& group) { finish_copies(group); });
    groups.erase(groups.begin(), last);
}

void Cluster::wait_all_copies() {
    wait_copies(0);
    finish_copies(current_->open_copies);
    current_->open_copies.clear();
}

// ---- Messages
// ---------------------------------------------------------------------------------------------------------

std::string Cluster::describe(const void* address) const {
    return describe_address(address, shared_, launch_->cluster, launch_->shared_bytes);
}

std::string Cluster::describe_block(unsigned rank) const {
    return "block " + position({first_index_.x + rank, first_index_.y, first_index_.z});
}

std::string Cluster::describe_thread(unsigned thread) const {
    if (thread >= thread_count()) {
        const unsigned number = thread - thread_count();
        const bool product = number % kEngines == static_cast<unsigned>(Engine::product);
        const std::string warp = std::to_string(number / kEngines);
        return (product ? "a matrix product of warp " : "the copy engine for warp ") + warp;
    }
    const std::string text = "thread " + position(threads_[thread].index);
    return launch_->cluster == 1 ? text
                                 : text + " of the cluster's block " + std::to_string(threads_[thread].rank);
}

std::string Cluster::text_of(const Wait& wait) const {
    std::string text = wait.what;
    if (wait.mbarrier != nullptr) {
        const MBarrier& mbarrier = *wait.mbarrier;
        text += " (phase " + std::to_string(mbarrier.phase) + ": " + std::to_string(mbarrier.pending) +
                " arrivals and " + std::to_string(mbarrier.bytes) + " bytes missing)";
    } else if (wait.barrier >= 0 || wait.barrier == kClusterBarrier) {
        const std::string which =
            wait.barrier == kClusterBarrier ? "of the cluster" : std::to_string(wait.barrier);
        text += " (barrier " + which + ", " + std::to_string(wait.threads) + " threads)";
    } else if (wait.mask == 0) {
        text += " (its warpgroup)";
    } else {
        text += " (lanes " + hexadecimal(wait.mask) + ")";
    }
    return text + " at " + wait.where.file_name() + ":" + std::to_string(wait.where.line());
}

/// Says of every thread where it waits, threads of a kind together.
void Cluster::report_deadlock() {
    std::string report;
    for (size_t i = 0; i < threads_.size();) {
        const auto state = [&](size_t n) {
            return threads_[n].stage == Stage::returned ? "returned" : "wait at " + text_of(threads_[n].wait);
        };
        size_t last = i;
        const std::string text = state(i);
        while (last + 1 < threads_.size() && state(last + 1) == text) ++last;
        report += (report.empty() ? "" : "; ") + std::string("threads ") + std::to_string(i) + " to " +
                  std::to_string(last) + " " + text;
        i = last + 1;
    }
    launch_->stop(describe_block(0), "no thread can go on: " + report);
}

}  // namespace objloc::host
