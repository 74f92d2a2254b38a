#include "objloc/engine/registry.h"

#include "objloc/engine/error.h"

namespace objloc {
namespace {

struct CudaConvName {
    CudaConv kernel;
    const char* name;
};
constexpr CudaConvName kCudaConvNames[] = {
    {CudaConv::automatic, "automatic"},
    {CudaConv::tiled, "tiled"},
    {CudaConv::mma, "mma"},
    {CudaConv::mma_wide, "mma_wide"},
    {CudaConv::mma_tall, "mma_tall"},
    {CudaConv::mma_small, "mma_small"},
    {CudaConv::first_layer, "first_layer"},
    {CudaConv::hopper, "hopper"},
    {CudaConv::hopper_shared_taps, "hopper_shared_taps"},
    {CudaConv::hopper_clusters, "hopper_clusters"},
};

}  // namespace

const char* name_of(CudaConv kernel) {
    for (const CudaConvName& at : kCudaConvNames) {
        if (at.kernel == kernel) return at.name;
    }
    return "?";
}

const std::vector<CudaConv>& cuda_conv_kernels() {
    static const std::vector<CudaConv> kernels = [] {
        std::vector<CudaConv> list;
        for (const CudaConvName& at : kCudaConvNames) {
            const bool stands_for_others = at.kernel == CudaConv::automatic || at.kernel == CudaConv::mma;
            if (!stands_for_others) list.push_back(at.kernel);
        }
        return list;
    }();
    return kernels;
}

CudaConv parse_cuda_conv(const std::string& name) {
    std::string known;
    for (const CudaConvName& at : kCudaConvNames) {
        if (name == at.name) return at.kernel;
        known += (known.empty() ? "" : ", ") + std::string(at.name);
    }
    throw Error("convolution kernel '" + name + "'", "there is no such kernel", "Known: " + known + ".");
}

std::unique_ptr<Backend> Registry::make(const std::string& name, const BackendOptions& options) const {
    std::string known;
    for (const BackendEntry& entry : entries_) {
        if (name == entry.name && !entry.missing.empty()) {
            throw Error("device '" + name + "'", entry.missing, entry.hint);
        }
        if (name == entry.name || (name == "auto" && entry.missing.empty())) return entry.make(options);
        known += (known.empty() ? "" : ", ") + entry.name;
    }
    throw Error("device '" + name + "'", "there is no such backend", "Known: auto, " + known + ".");
}

}  // namespace objloc
