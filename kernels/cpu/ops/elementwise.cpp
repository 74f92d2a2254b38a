// The elementwise functions of engine/elementwise_ops.inc and their gradients: one loop for all of them, compiled for
// each. Inputs stretch to the output's shape; where none does, the output may be the same memory as an input.
#include "objloc/kernels/functions/elementwise.h"

#include "objloc/kernels/axes/broadcast.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"
#include "objloc/kernels/cpu/runtime/simd.h"

namespace objloc {
namespace {

/// y[i] = op(input[i], ...), or input[0] of an input that does not move.
template <bool kMoves, typename Op>
OBJLOC_SIMD void run1(Op op, int64_t count, const float* a, float* y) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) y[i] = op(a[kMoves ? i : 0]);
}

template <bool kMovesA, bool kMovesB, typename Op>
OBJLOC_SIMD void run2(Op op, int64_t count, const float* a, const float* b, float* y) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) y[i] = op(a[kMovesA ? i : 0], b[kMovesB ? i : 0]);
}

/// The first of three inputs is dy, which always moves.
template <bool kMovesA, bool kMovesB, typename Op>
OBJLOC_SIMD void run3(Op op, int64_t count, const float* dy, const float* a, const float* b, float* y) {
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) y[i] = op(dy[i], a[kMovesA ? i : 0], b[kMovesB ? i : 0]);
}

/// Calls `run` with std::true_type or std::false_type.
template <typename Run>
void with_constant(bool value, const Run& run) {
    if (value) {
        run(std::true_type{});
    } else {
        run(std::false_type{});
    }
}

template <typename Op>
void run(const Op& op, const axes::Broadcast<1>& shape, int64_t count, const std::array<const float*, 1>& in,
         float* y) {
    with_constant(shape.moves(0), [&](auto moves) { run1<decltype(moves)::value>(op, count, in[0], y); });
}

template <typename Op>
void run(const Op& op, const axes::Broadcast<2>& shape, int64_t count, const std::array<const float*, 2>& in,
         float* y) {
    with_constant(shape.moves(0), [&](auto a) {
        with_constant(shape.moves(1), [&](auto b) {
            run2<decltype(a)::value, decltype(b)::value>(op, count, in[0], in[1], y);
        });
    });
}

template <typename Op>
void run(const Op& op, const axes::Broadcast<3>& shape, int64_t count, const std::array<const float*, 3>& in,
         float* y) {
    with_constant(shape.moves(1), [&](auto a) {
        with_constant(shape.moves(2), [&](auto b) {
            run3<decltype(a)::value, decltype(b)::value>(op, count, in[0], in[1], in[2], y);
        });
    });
}

/// y = op(inputs...), element by element.
template <typename Op, typename... Inputs>
void map(int threads, const Op& op, const Tensor& y, const Inputs&... inputs) {
    constexpr int kInputs = sizeof...(Inputs);
    const auto shape = axes::broadcast<kInputs>(y.shape(), {inputs.shape()...});
    const std::array<const float*, size_t{kInputs}> from = {inputs.template data<float>()...};
    float* to = y.data<float>();
    cpu::parallel_for(threads, y.count(), cpu::kElementGrain, [&](int64_t begin, int64_t end) {
        shape.each_run(begin, end, [&](int64_t first, const auto& offsets, int64_t count) {
            auto at = from;
            for (size_t o = 0; o < at.size(); ++o) at[o] += offsets[o];
            run(op, shape, count, at, to + first);
        });
    });
}

}  // namespace

#define OBJLOC_UNARY(name, reads, ...)                                                                  \
    void CpuBackend::name##_forward(const Tensor& x, const Tensor& y __VA_OPT__(, float __VA_ARGS__)) { \
        map(threads_, functions::Value<functions::name>{{__VA_ARGS__}}, y, x);                          \
    }                                                                                                   \
    void CpuBackend::name##_backward(const Tensor& dy, const Tensor& read,                              \
                                     const Tensor& dx __VA_OPT__(, float __VA_ARGS__)) {                \
        const functions::Gradient<functions::name> gradient{{__VA_ARGS__}};                             \
        functions::with_reads<UnaryReads::reads>(                                                       \
            dy, read, [&](const auto&... inputs) { map(threads_, gradient, dx, inputs...); });          \
    }
#define OBJLOC_BINARY(name, for_a, for_b)                                                      \
    void CpuBackend::name(const Tensor& a, const Tensor& b, const Tensor& y) {                 \
        map(threads_, functions::Value<functions::name>{}, y, a, b);                           \
    }                                                                                          \
    void CpuBackend::name##_backward_a(const Tensor& dy, const Tensor& a, const Tensor& b,     \
                                       const Tensor& da) {                                     \
        const functions::GradientOf<functions::name, true, BinaryReads::for_a> gradient{};     \
        functions::with_reads<BinaryReads::for_a>(                                             \
            dy, a, b, [&](const auto&... inputs) { map(threads_, gradient, da, inputs...); }); \
    }                                                                                          \
    void CpuBackend::name##_backward_b(const Tensor& dy, const Tensor& a, const Tensor& b,     \
                                       const Tensor& db) {                                     \
        const functions::GradientOf<functions::name, false, BinaryReads::for_b> gradient{};    \
        functions::with_reads<BinaryReads::for_b>(                                             \
            dy, a, b, [&](const auto&... inputs) { map(threads_, gradient, db, inputs...); }); \
    }
#include "objloc/engine/elementwise_ops.inc"

}  // namespace objloc
