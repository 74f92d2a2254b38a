#include "tests/emulator/arithmetic_loops.h"

#include "objloc/kernels/cuda/peak/arithmetic_peak.cuh"
#include "objloc/kernels/cuda/runtime/handles.cuh"
#include "tests/emulator/device_array.cuh"

namespace objloc {

using namespace OBJLOC_CUDA_NAMESPACE;

ArithmeticLoop run_arithmetic_loop(int unit, Precision precision, int blocks, int rounds) {
    const Stream stream = make_stream();
    const DeviceArray<float> sums(static_cast<size_t>(blocks) * kArithmeticThreads);
    const double operations = run_arithmetic(stream.get(), static_cast<ArithmeticUnit>(unit), precision,
                                             blocks, rounds, sums.data());
    return {operations, sums.download()};
}

}  // namespace objloc
