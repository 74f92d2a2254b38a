#include "tests/arithmetic_loops.h"

#include "kernels/cuda/arithmetic_peak.cuh"
#include "kernels/cuda/handles.cuh"
#include "tests/device_array.cuh"

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
