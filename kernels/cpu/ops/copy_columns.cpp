// to[n, to_column + j] = from[n, from_column + j]: a block of columns of one matrix into another.
#include <algorithm>

#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"

namespace objloc {

void CpuBackend::copy_columns(const Tensor& from, int64_t from_column, const Tensor& to, int64_t to_column,
                              int64_t columns) {
    const int64_t N = from.shape()[0], from_columns = from.count() / N, to_columns = to.count() / N;
    const int64_t grain = std::max<int64_t>(1, cpu::kElementGrain / columns);
    cpu::parallel_for(threads_, N, grain, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; ++n) {
            const float* source = from.data<float>() + n * from_columns + from_column;
            std::copy_n(source, columns, to.data<float>() + n * to_columns + to_column);
        }
    });
    to.storage().bump_version();
}

}  // namespace objloc
