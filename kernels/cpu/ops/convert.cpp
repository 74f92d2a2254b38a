// y = x in another type: between f32 and bf16, either way, or a copy.
#include "objloc/engine/bf16.h"
#include "objloc/kernels/cpu/runtime/cpu_backend.h"
#include "objloc/kernels/cpu/runtime/parallel.h"

namespace objloc {

void CpuBackend::convert(const Tensor& from, const Tensor& to) {
    if (from.type() == to.type()) return copy(from, to);
    const bool narrows = to.type() == DType::bf16;
    cpu::parallel_for(threads_, to.count(), cpu::kElementGrain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            if (narrows) {
                to.data<uint16_t>()[i] = to_bf16(from.data<float>()[i]);
            } else {
                to.data<float>()[i] = from_bf16(from.data<uint16_t>()[i]);
            }
        }
    });
    to.storage().bump_version();
}

}  // namespace objloc
