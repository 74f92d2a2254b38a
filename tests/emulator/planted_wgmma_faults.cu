#include "objloc/kernels/cuda/primitives/vector.cuh"
#include "objloc/kernels/cuda/primitives/wgmma.cuh"
#include "tests/emulator/device_array.cuh"
#include "tests/emulator/planted_faults.h"

namespace objloc {
namespace OBJLOC_CUDA_NAMESPACE {
namespace {

constexpr int kPattern = 1024;  // bytes

std::vector<__nv_bfloat16> to_bf16(const std::vector<float>& values) {
    std::vector<__nv_bfloat16> result;
    for (const float value : values) result.push_back(__float2bfloat16(value));
    return result;
}

// ---- d = a * b with operands in shared memory, both stored there in 64-line columns of patterns ---------

template <typename Element>
struct ProductShared {
    alignas(1024) unsigned char a[64 * 128];
    alignas(1024) unsigned char b[256 * 128];
    MBarrier full;
};

/// Descriptor of the `step`-th 32 bytes of depth.
template <Layout kLayout>
__device__ uint64_t operand(const unsigned char* tile, int step) {
    if (kLayout == Layout::depth_inner) return wgmma_operand(tile + 32 * step, kPattern);
    return wgmma_operand(tile + 2 * kPattern * step, kPattern, 64 * 128);
}

/// a (64, 128 bytes) or, with depth_outer, its transpose; b (kColumns, 128 bytes) likewise; d (64, kColumns).
template <typename Element, size_t kColumns, Layout kLayoutA, Layout kLayoutB>
__global__ void product_kernel(const __grid_constant__ TensorMap map_a,
                               const __grid_constant__ TensorMap map_b, float* d) {
    ProductShared<Element>& shared = shared_memory<ProductShared<Element>>();
    if (threadIdx.x == 0) mbarrier_init(&shared.full, 1);
    __syncthreads();
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect(&shared.full, (64 + static_cast<int>(kColumns)) * 128);
        tma_load_2d(shared.a, map_a, &shared.full, 0, 0);
        for (int line = 0; line < static_cast<int>(kColumns); line += 64) {
            const bool outer = kLayoutB == Layout::depth_outer;
            tma_load_2d(shared.b + line * 128, map_b, &shared.full, outer ? line : 0, outer ? 0 : line);
        }
    }
    mbarrier_wait(&shared.full, 0);
    float sums[kColumns / 2];
    wgmma_fence();
    for (int step = 0; step < 4; ++step) {
        const uint64_t a = operand<kLayoutA>(shared.a, step), b = operand<kLayoutB>(shared.b, step);
        if constexpr (sizeof(Element) == 2) {
            wgmma_bf16<kColumns, kLayoutA, kLayoutB>(sums, a, b, step > 0);
        } else {
            wgmma_tf32<kColumns>(sums, a, b, step > 0);
        }
    }
    wgmma_commit();
    wgmma_wait<0>(sums);
    constexpr int kSums = static_cast<int>(kColumns / 2);
    for (int i = 0; i < kSums; ++i) d[wgmma_row(i) * 2 * kSums + wgmma_column(i)] = sums[i];
}

/// The (lines, depth) operand as it lies in memory.
template <typename Element>
TensorMap operand_map(const DeviceArray<Element>& values, Layout layout, int64_t lines) {
    constexpr int64_t kDepth = 128 / sizeof(Element);
    const TensorElement element = sizeof(Element) == 2 ? TensorElement::bf16 : TensorElement::f32;
    if (layout == Layout::depth_inner) {
        return make_tensor_map(values.data(), element, true, {{kDepth, 1, kDepth}, {lines, kDepth, 64}});
    }
    return make_tensor_map(values.data(), element, true, {{lines, 1, 64}, {kDepth, lines, kDepth}});
}

template <typename Element, size_t kColumns, Layout kLayoutA, Layout kLayoutB>
std::vector<float> run_product(const std::vector<Element>& a, const std::vector<Element>& b) {
    const DeviceArray<Element> da(a), db(b);
    const DeviceArray<float> d(64 * kColumns);
    launch(product_kernel<Element, kColumns, kLayoutA, kLayoutB>, dim3(1), dim3(128),
           sizeof(ProductShared<Element>), nullptr, operand_map(da, kLayoutA, 64),
           operand_map(db, kLayoutB, kColumns), d.data());
    return d.download();
}

// ---- The same in tf32 with a in registers -----------------------------------------------------------------

/// a (64, 32), b (kColumns, 32), d (64, kColumns). `too_early`: a's registers are used again before the wait.
template <size_t kColumns>
__global__ void register_product_kernel(const float* a, const __grid_constant__ TensorMap map_b, float* d,
                                        bool too_early) {
    constexpr int kDepth = 32, kSteps = 4, kWords = 4;
    ProductShared<float>& shared = shared_memory<ProductShared<float>>();
    if (threadIdx.x == 0) mbarrier_init(&shared.full, 1);
    __syncthreads();
    if (threadIdx.x == 0) {
        mbarrier_arrive_expect(&shared.full, static_cast<int>(kColumns) * 128);
        for (int line = 0; line < static_cast<int>(kColumns); line += 64) {
            tma_load_2d(shared.b + line * 128, map_b, &shared.full, 0, line);
        }
    }
    uint32_t of_a[kSteps][kWords];
    for (int step = 0; step < kSteps; ++step) {
        for (int i = 0; i < kWords; ++i) {
            const int depth = 8 * step + static_cast<int>(threadIdx.x) % 4 + i / 2 * 4;
            of_a[step][i] = to_tf32(a[wgmma_row(i % 2 * 2) * kDepth + depth]);
        }
    }
    mbarrier_wait(&shared.full, 0);
    float sums[kColumns / 2];
    wgmma_fence();
    for (int step = 0; step < kSteps; ++step) {
        wgmma_tf32<kColumns>(sums, of_a[step], operand<Layout::depth_inner>(shared.b, step), step > 0);
    }
    wgmma_commit();
    if (too_early && threadIdx.x == 77) of_a[2][1] = 1;
    wgmma_wait<0>(sums);
    constexpr int kSums = static_cast<int>(kColumns / 2);
    for (int i = 0; i < kSums; ++i) d[wgmma_row(i) * 2 * kSums + wgmma_column(i)] = sums[i];
}

template <size_t kColumns>
std::vector<float> run_register_product(const std::vector<float>& a, const std::vector<float>& b,
                                        bool too_early) {
    const DeviceArray<float> da(a), db(b), d(64 * kColumns);
    launch(register_product_kernel<kColumns>, dim3(1), dim3(128), sizeof(ProductShared<float>), nullptr,
           da.data(), operand_map(db, Layout::depth_inner, kColumns), d.data(), too_early);
    return d.download();
}

void run_register_reuse(bool faulty) {
    const std::vector<float> ones(64 * 32, 1.0f);
    run_register_product<64>(ones, ones, faulty);
}

// ---- A pipeline of two rounds, its result stored by the copy engine, with room for faults ---------------

constexpr int kRounds = 2, kSide = 64, kDepthOfRound = 64, kConsumers = 128;

struct RoundsShared {
    alignas(1024) __nv_bfloat16 a[kSide * kDepthOfRound];
    alignas(1024) __nv_bfloat16 b[kSide * kDepthOfRound];
    alignas(1024) __nv_bfloat16 d[kSide * kSide];
    MBarrier full, empty;
};

enum class Fault {
    none,
    operands_not_awaited,
    no_wait,
    no_commit,
    no_fence,
    released_too_early,
    written_too_early,
    sums_changed,
    sums_not_equal,
    warp_missing,
    pattern_misaligned,
    pattern_stride,
    plain_box,  // not swizzled
    operand_without_proxy_fence,
    result_without_proxy_fence,
    result_without_barrier,
    result_overwritten,
    result_not_awaited,
};

__device__ void produce(RoundsShared& shared, const TensorMap& map_a, const TensorMap& map_b) {
    for (int round = 0; round < kRounds; ++round) {
        if (round > 0) mbarrier_wait(&shared.empty, (round - 1) % 2);
        mbarrier_arrive_expect(&shared.full, sizeof(shared.a) + sizeof(shared.b));
        tma_load_2d(shared.a, map_a, &shared.full, round * kDepthOfRound, 0);
        tma_load_2d(shared.b, map_b, &shared.full, round * kDepthOfRound, 0);
    }
}

__device__ void multiply(RoundsShared& shared, Fault fault, float (&sums)[kSide / 2]) {
    const int thread = static_cast<int>(threadIdx.x);
    for (int round = 0; round < kRounds; ++round) {
        if (fault != Fault::operands_not_awaited) mbarrier_wait(&shared.full, round % 2);
        if (fault == Fault::operand_without_proxy_fence) {
            shared.a[thread] = __float2bfloat16(__bfloat162float(shared.a[thread]));
            named_barrier_sync(1, kConsumers);
        }
        if (fault == Fault::warp_missing && thread < 32) continue;
        if (fault != Fault::no_fence || round == 0) wgmma_fence();
        for (int step = 0; step < 4; ++step) {
            const int line = fault == Fault::pattern_misaligned ? 128 : 0;
            const auto* start = reinterpret_cast<const unsigned char*>(shared.a) + 32 * step + line;
            const int stride = fault == Fault::pattern_stride ? 2 * kPattern / 4 : kPattern;
            const int other = fault == Fault::sums_not_equal ? thread / 64 * 32 : 0;
            wgmma_bf16<kSide, Layout::depth_inner, Layout::depth_inner>(
                sums, wgmma_operand(start, stride),
                wgmma_operand(reinterpret_cast<const unsigned char*>(shared.b) + 32 * step + other, kPattern),
                round + step > 0);
            if (fault == Fault::sums_changed) sums[0] += 1;
        }
        if (fault != Fault::no_commit) wgmma_commit();
        if (fault == Fault::released_too_early) mbarrier_arrive(&shared.empty);
        if (fault == Fault::written_too_early && thread == 5) shared.b[0] = __float2bfloat16(0);
        if (fault != Fault::no_wait || round == 0) wgmma_wait<0>(sums);
        if (fault != Fault::released_too_early) mbarrier_arrive(&shared.empty);
    }
}

/// d as it lies in memory is transposed: (column, row).
__device__ void store(RoundsShared& shared, const TensorMap& map_d, Fault fault,
                      const float (&sums)[kSide / 2]) {
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32;
    auto* lines = reinterpret_cast<unsigned char*>(shared.d);
    for (int j = 0; j < kSide / 8; j += 2) {  // eight columns each
        const int column = 8 * (j + lane / 16) + lane % 8, piece = 2 * warp + lane / 8 % 2;
        const uint32_t words[] = {
            pack_bf16(sums[4 * j], sums[4 * j + 1]), pack_bf16(sums[4 * j + 2], sums[4 * j + 3]),
            pack_bf16(sums[4 * j + 4], sums[4 * j + 5]), pack_bf16(sums[4 * j + 6], sums[4 * j + 7])};
        stmatrix_x4_trans(lines + column * 128 + (piece ^ column % 8) * 16, words);
    }
    if (fault != Fault::result_without_proxy_fence) fence_proxy_async();
    if (fault != Fault::result_without_barrier) named_barrier_sync(1, kConsumers);
    if (thread == 0) {
        tma_store_4d(map_d, shared.d, 0, 0, 0, 0);
        tma_store_commit();
    }
    if (fault == Fault::result_overwritten && thread == 7) shared.d[0] = __float2bfloat16(0);
    if (thread == 0 && fault != Fault::result_not_awaited) tma_store_wait<0>();
}

__global__ void rounds_kernel(const __grid_constant__ TensorMap map_a,
                              const __grid_constant__ TensorMap map_b,
                              const __grid_constant__ TensorMap map_d, Fault fault) {
    RoundsShared& shared = shared_memory<RoundsShared>();
    if (threadIdx.x == 0) {
        mbarrier_init(&shared.full, 1);
        mbarrier_init(&shared.empty, kConsumers);
    }
    __syncthreads();
    if (threadIdx.x == kConsumers) {
        produce(shared, map_a, map_b);
    } else if (threadIdx.x < kConsumers) {
        float sums[kSide / 2];
        multiply(shared, fault, sums);
        store(shared, map_d, fault, sums);
    }
}

/// Throws Error when the result is wrong without the runtime having noticed.
template <Fault kFault>
void run_planted(bool faulty) {
    const Fault fault = faulty ? kFault : Fault::none;
    constexpr int kDepth = kRounds * kDepthOfRound;
    std::vector<float> a, b;
    for (int i = 0; i < kSide * kDepth; ++i) {
        a.push_back(static_cast<float>(i * 7 % 5 - 2));
        b.push_back(static_cast<float>(i * 11 % 7 - 3));
    }
    const DeviceArray<__nv_bfloat16> da(to_bf16(a)), db(to_bf16(b)), d(kSide * kSide);
    const auto map = [&](const DeviceArray<__nv_bfloat16>& values) {
        return make_tensor_map(values.data(), TensorElement::bf16, fault != Fault::plain_box,
                               {{kDepth, 1, kDepthOfRound}, {kSide, kDepth, kSide}});
    };
    const TensorMap map_d = make_tensor_map(
        d.data(), TensorElement::bf16, true,
        {{kSide, 1, kSide}, {kSide, kSide, kSide}, {1, kSide * kSide, 1}, {1, kSide * kSide, 1}});
    launch(rounds_kernel, dim3(1), dim3(kConsumers + 32), sizeof(RoundsShared), nullptr, map(da), map(db),
           map_d, fault);
    const std::vector<__nv_bfloat16> got = d.download();
    for (int row = 0; row < kSide; ++row) {
        for (int column = 0; column < kSide; ++column) {
            float sum = 0;
            for (int k = 0; k < kDepth; ++k) {
                sum += a[static_cast<size_t>(row * kDepth + k)] * b[static_cast<size_t>(column * kDepth + k)];
            }
            const float value = __bfloat162float(got[static_cast<size_t>(column * kSide + row)]);
            if (value != __bfloat162float(__float2bfloat16(sum))) throw Error("product", "wrong result");
        }
    }
}

}  // namespace

const std::vector<PlantedFault> wgmma_faults = {
    {"operands not waited for", "", false, run_planted<Fault::operands_not_awaited>},
    {"sums read before their wait", "returned before its warpgroup's matrix products were waited for", true,
     run_planted<Fault::no_wait>},
    {"products not committed", "", true, run_planted<Fault::no_commit>},
    {"no fence after a wait", "with no wgmma_fence since the last wait", true, run_planted<Fault::no_fence>},
    {"operands released before the wait", "", false, run_planted<Fault::released_too_early>},
    {"operand written before the wait", "a matrix product of warp 0 read", false,
     run_planted<Fault::written_too_early>},
    {"sums changed before the wait", "were changed before its wait", true, run_planted<Fault::sums_changed>},
    {"an operand's registers used again before the wait", "a were changed before its wait", true,
     run_register_reuse},
    {"threads that disagree about operands", "disagree about a matrix product's operands", true,
     run_planted<Fault::sums_not_equal>},
    {"a warp missing", "no thread can go on", true, run_planted<Fault::warp_missing>},
    {"operand within a pattern", "starts within a pattern", true, run_planted<Fault::pattern_misaligned>},
    {"wrong stride of patterns", "wrong result", true, run_planted<Fault::pattern_stride>},
    {"box without swizzle", "wrong result", true, run_planted<Fault::plain_box>},
    {"operand without proxy fence", "wrote with no fence_proxy_async after it", false,
     run_planted<Fault::operand_without_proxy_fence>},
    {"result without proxy fence", "wrote with no fence_proxy_async after it", false,
     run_planted<Fault::result_without_proxy_fence>},
    {"result without barrier", "", false, run_planted<Fault::result_without_barrier>},
    {"result overwritten before it is stored", "", false, run_planted<Fault::result_overwritten>},
    {"store not waited for", "returned before its stores from shared memory were waited for", true,
     run_planted<Fault::result_not_awaited>},
};

}  // namespace OBJLOC_CUDA_NAMESPACE

using namespace OBJLOC_CUDA_NAMESPACE;

const std::vector<PlantedFault>& planted_wgmma_faults() {
    return wgmma_faults;
}

std::vector<float> run_wgmma_bf16(const std::vector<float>& a, const std::vector<float>& b, bool outer_a,
                                  bool outer_b) {
    constexpr Layout kInner = Layout::depth_inner, kOuter = Layout::depth_outer;
    const std::vector<__nv_bfloat16> from_a = to_bf16(a), from_b = to_bf16(b);
    const auto run = [&]<size_t kColumns>() {
        if (outer_a && outer_b) return run_product<__nv_bfloat16, kColumns, kOuter, kOuter>(from_a, from_b);
        if (outer_a) return run_product<__nv_bfloat16, kColumns, kOuter, kInner>(from_a, from_b);
        if (outer_b) return run_product<__nv_bfloat16, kColumns, kInner, kOuter>(from_a, from_b);
        return run_product<__nv_bfloat16, kColumns, kInner, kInner>(from_a, from_b);
    };
    switch (b.size() / 64) {
        case 64:
            return run.operator()<64>();
        case 128:
            return run.operator()<128>();
        default:
            return run.operator()<256>();
    }
}

std::vector<float> run_wgmma_tf32(const std::vector<float>& a, const std::vector<float>& b) {
    constexpr Layout kInner = Layout::depth_inner;
    switch (b.size() / 32) {
        case 64:
            return run_product<float, 64, kInner, kInner>(a, b);
        case 128:
            return run_product<float, 128, kInner, kInner>(a, b);
        default:
            return run_product<float, 256, kInner, kInner>(a, b);
    }
}

std::vector<float> run_wgmma_tf32_registers(const std::vector<float>& a, const std::vector<float>& b) {
    return b.size() / 32 == 64 ? run_register_product<64>(a, b, false)
                               : run_register_product<128>(a, b, false);
}

}  // namespace objloc
