// Products of numbers that are there already, over and over: what the arithmetic units give when no memory
// keeps them waiting.
//
//     fma    each thread has 16 sums, so that no multiply-add waits for the one before
//     mma    each warp has eight tiles of sums and takes their operands from registers
//     wgmma  two warpgroups, each with 64 x 256 sums, take theirs from shared memory, of which a product of
//            this size, the largest, asks least
//
// Operands have random digits. Sums are written at the end, or the compiler would see that nobody wants them.
#include "objloc/kernels/cuda/peak/arithmetic_peak.cuh"

#include <algorithm>
#include <array>

#include "objloc/kernels/cuda/conv2d/hopper/conv2d_hopper.cuh"
#include "objloc/kernels/cuda/peak/arithmetic_peak.h"
#include "objloc/kernels/cuda/primitives/vector.cuh"
#include "objloc/kernels/cuda/primitives/wgmma.cuh"
#include "objloc/kernels/cuda/runtime/handles.cuh"

namespace objloc::OBJLOC_CUDA_NAMESPACE {
namespace {

// ---- Operands ---------------------------------------------------------------------------------------------

/// Seven random digits and a sign: exact in bf16, and so are sums of some of their products in fp32.
__device__ float operand(unsigned number) {
    unsigned hash = number * 2654435761u;
    hash ^= hash >> 15;
    return static_cast<float>(static_cast<int>(hash * 2246822519u >> 24) - 127) * 0x1p-7f;
}

/// 32 bits of operands.
template <typename Element>
__device__ uint32_t operand_word(unsigned number) {
    if constexpr (sizeof(Element) == 2) return pack_bf16(operand(2 * number), operand(2 * number + 1));
    return __float_as_uint(operand(number));
}

// ---- Kernels ----------------------------------------------------------------------------------------------

constexpr int kFmaSums = 16;

__global__ void __launch_bounds__(kArithmeticThreads) fma_loop_kernel(int rounds, float* sums) {
    const unsigned thread = blockIdx.x * kArithmeticThreads + threadIdx.x;
    float factor[kFmaSums], sum[kFmaSums] = {};
#pragma unroll
    for (int j = 0; j < kFmaSums; ++j) factor[j] = operand(thread + static_cast<unsigned>(j));
    const float x = operand(thread + kFmaSums);
    for (int round = 0; round < rounds; ++round) {
#pragma unroll
        for (int j = 0; j < kFmaSums; ++j) sum[j] = __fmaf_rn(x, factor[j], sum[j]);
    }
    float total = 0;
#pragma unroll
    for (int j = 0; j < kFmaSums; ++j) total += sum[j];
    sums[thread] = total;
}

constexpr int kMmaRows = 2, kMmaColumns = 4;  // tiles of a warp

template <typename Element>
constexpr int kMmaDepth = sizeof(Element) == 2 ? 16 : 8;

template <typename Element>
__global__ void __launch_bounds__(kArithmeticThreads) mma_loop_kernel(int rounds, float* sums) {
    const unsigned thread = blockIdx.x * kArithmeticThreads + threadIdx.x;
    uint32_t a[kMmaRows][4], b[kMmaColumns][2];
    Sums4 sum[kMmaRows][kMmaColumns] = {};
#pragma unroll
    for (unsigned i = 0; i < kMmaRows * 4; ++i) a[i / 4][i % 4] = operand_word<Element>(thread * 16 + i);
#pragma unroll
    for (unsigned i = 0; i < kMmaColumns * 2; ++i) b[i / 2][i % 2] = operand_word<Element>(~thread * 8 + i);
    for (int round = 0; round < rounds; ++round) {
#pragma unroll
        for (int i = 0; i < kMmaRows * kMmaColumns; ++i) {
            Sums4& tile = sum[i / kMmaColumns][i % kMmaColumns];
            if constexpr (sizeof(Element) == 2) {
                mma_m16n8k16_bf16(tile, a[i / kMmaColumns], b[i % kMmaColumns]);
            } else {
                mma_m16n8k8_tf32(tile, a[i / kMmaColumns], b[i % kMmaColumns]);
            }
        }
    }
    float total = 0;
#pragma unroll
    for (int i = 0; i < kMmaRows * kMmaColumns * 4; ++i) {
        total += sum[i / 4 / kMmaColumns][i / 4 % kMmaColumns].value[i % 4];
    }
    sums[thread] = total;
}

constexpr int kWgmmaColumns = 256, kWgmmaSteps = 4, kPattern = 1024;  // 128 bytes of depth a round

struct WgmmaOperands {
    uint32_t a[kWgmmaRows * 32], b[kWgmmaColumns * 32];  // lines of 128 bytes
};

template <typename Element>
__global__ void __launch_bounds__(kArithmeticThreads) wgmma_loop_kernel(int rounds, float* sums) {
    WgmmaOperands& operands = shared_memory<WgmmaOperands>();
    for (unsigned i = threadIdx.x; i < sizeof(WgmmaOperands) / 4; i += kArithmeticThreads) {
        const uint32_t word = operand_word<Element>(i);
        if (i < kWgmmaRows * 32) operands.a[i] = word;
        if (i >= kWgmmaRows * 32) operands.b[i - kWgmmaRows * 32] = word;
    }
    fence_proxy_async();
    __syncthreads();
    float sum[kWgmmaColumns / 2];
    const auto* a = reinterpret_cast<const unsigned char*>(operands.a);
    const auto* b = reinterpret_cast<const unsigned char*>(operands.b);
    for (int round = 0; round < rounds; ++round) {
        wgmma_fence();
#pragma unroll
        for (int step = 0; step < kWgmmaSteps; ++step) {
            const uint64_t lines = wgmma_operand(a + 32 * step, kPattern);
            const uint64_t columns = wgmma_operand(b + 32 * step, kPattern);
            const bool accumulate = round + step > 0;
            if constexpr (sizeof(Element) == 2) {
                wgmma_bf16<kWgmmaColumns, Layout::depth_inner, Layout::depth_inner>(sum, lines, columns,
                                                                                    accumulate);
            } else {
                wgmma_tf32<kWgmmaColumns>(sum, lines, columns, accumulate);
            }
        }
        wgmma_commit();
        wgmma_wait<1>(sum);
    }
    wgmma_wait<0>(sum);
    float total = 0;
#pragma unroll
    for (int i = 0; i < kWgmmaColumns / 2; ++i) total += sum[i];
    sums[blockIdx.x * kArithmeticThreads + threadIdx.x] = total;
}

}  // namespace

// ---- Launcher ---------------------------------------------------------------------------------------------

namespace {

template <typename Element>
double run_tensor_cores(cudaStream_t stream, ArithmeticUnit unit, int blocks, int rounds, float* sums) {
    const dim3 grid(static_cast<unsigned>(blocks)), threads(kArithmeticThreads);
    const double all = double{2} * blocks * rounds * kMmaDepth<Element>;
    if (unit == ArithmeticUnit::mma) {
        launch(mma_loop_kernel<Element>, grid, threads, 0, stream, rounds, sums);
        return all * (kArithmeticThreads / 32) * kMmaRows * kMmaColumns * 16 * 8;
    }
    launch(wgmma_loop_kernel<Element>, grid, threads, sizeof(WgmmaOperands), stream, rounds, sums);
    return all * (kArithmeticThreads / kWarpgroupThreads) * kWgmmaSteps * kWgmmaRows * kWgmmaColumns;
}

}  // namespace

double run_arithmetic(cudaStream_t stream, ArithmeticUnit unit, Precision precision, int blocks, int rounds,
                      float* sums) {
    if (unit == ArithmeticUnit::fma) {
        launch(fma_loop_kernel, dim3(static_cast<unsigned>(blocks)), dim3(kArithmeticThreads), 0, stream,
               rounds, sums);
        return double{2} * blocks * kArithmeticThreads * rounds * kFmaSums;
    }
    return precision == Precision::bf16 ? run_tensor_cores<__nv_bfloat16>(stream, unit, blocks, rounds, sums)
                                        : run_tensor_cores<float>(stream, unit, blocks, rounds, sums);
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE

#if !defined(OBJLOC_CUDA_ON_HOST)

namespace objloc::cuda {
namespace {

constexpr float kLongEnough = 20;  // milliseconds: far beyond what a launch costs
constexpr int kRuns = 7, kBlocksPerProcessor = 8;

Event make_event() {
    cudaEvent_t event = nullptr;
    check_cuda(cudaEventCreate(&event), "making an event");
    return Event(event);
}

struct DeviceFloats {
    float* data = nullptr;

    explicit DeviceFloats(size_t count) {
        check_cuda(cudaMalloc(reinterpret_cast<void**>(&data), count * sizeof(float)),
                   "taking device memory");
    }
    ~DeviceFloats() { (void)cudaFree(data); }
    DeviceFloats(const DeviceFloats&) = delete;
    DeviceFloats& operator=(const DeviceFloats&) = delete;
};

/// The median rate of some runs, each long enough.
double rate_of(ArithmeticUnit unit, Precision precision, int processors) {
    const int blocks = processors * (unit == ArithmeticUnit::wgmma ? 1 : kBlocksPerProcessor);
    const DeviceFloats sums(static_cast<size_t>(blocks) * kArithmeticThreads);
    const Stream stream = make_stream();
    const Event start = make_event(), stop = make_event();
    std::array<double, kRuns> rates{};
    for (int run = 0, rounds = 256; run < kRuns;) {
        check_cuda(cudaEventRecord(start.get(), stream.get()), "timing arithmetic");
        const double operations = run_arithmetic(stream.get(), unit, precision, blocks, rounds, sums.data);
        check_cuda(cudaEventRecord(stop.get(), stream.get()), "timing arithmetic");
        check_cuda(cudaEventSynchronize(stop.get()), "timing arithmetic");
        float milliseconds = 0;
        check_cuda(cudaEventElapsedTime(&milliseconds, start.get(), stop.get()), "timing arithmetic");
        if (milliseconds < kLongEnough) {
            rounds *= 2;
        } else {
            rates[static_cast<size_t>(run++)] = operations / (milliseconds * 1e-3);
        }
    }
    std::nth_element(rates.begin(), rates.begin() + kRuns / 2, rates.end());
    return rates[kRuns / 2];
}

}  // namespace

double measure_arithmetic(Precision precision, bool hopper) {
    int device = 0, processors = 0;
    check_cuda(cudaGetDevice(&device), "asking for the device");
    check_cuda(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device),
               "asking for the device's properties");
    if (precision == Precision::fp32) return rate_of(ArithmeticUnit::fma, precision, processors);
    const double portable = rate_of(ArithmeticUnit::mma, precision, processors);
    if (!hopper || !hopper_missing().empty()) return portable;
    return std::max(portable, rate_of(ArithmeticUnit::wgmma, precision, processors));
}

}  // namespace objloc::cuda

#endif
