// Marks functions that run in CUDA kernels as well as on the CPU, so that both give the same bits.
#pragma once

#if defined(__CUDACC__)
#define OBJLOC_HOST_DEVICE __host__ __device__
#else
#define OBJLOC_HOST_DEVICE
#endif
