// Matrix products in fp32, as dense layers and `matmul` need them.
#pragma once

#include <cstdint>

namespace objloc::cpu {

/// Of each of `batch` matrices, which lie one behind the other: c (rows, columns) = op(a) op(b) + beta * c, where op
/// transposes if asked, and sums run over `depth`.
struct Product {
    int64_t batch, rows, columns, depth;
    const float* a;
    bool transpose_a;
    const float* b;
    bool transpose_b;
    float beta;
    float* c;
};

/// The same bits for any number of threads. Throws Error when oneDNN fails.
void multiply(int threads, const Product& product);

}  // namespace objloc::cpu
