// What the gradient of an elementwise function reads beside the gradient of its result. The list of the functions,
// elementwise_ops.inc, says it of each; nothing else is kept until the backward pass and nothing else is read.
#pragma once

namespace objloc {

/// Of y = f(x).
enum class UnaryReads { nothing, input, output };

/// Of y = f(a, b).
enum class BinaryReads { nothing, a, b, both };

constexpr bool reads_a(BinaryReads reads) {
    return reads == BinaryReads::a || reads == BinaryReads::both;
}
constexpr bool reads_b(BinaryReads reads) {
    return reads == BinaryReads::b || reads == BinaryReads::both;
}

}  // namespace objloc
