// How descriptors of cuDNN's graph interface are made, filled and asked.
#include "objloc/kernels/cudnn/graph_descriptors.cuh"

#include <algorithm>

namespace objloc::OBJLOC_CUDA_NAMESPACE {

GraphDescriptor::GraphDescriptor(cudnnBackendDescriptorType_t type, const char* what) : what_(what) {
    cudnnBackendDescriptor_t descriptor = nullptr;
    check_cudnn(cudnnBackendCreateDescriptor(type, &descriptor), "making a descriptor", what);
    descriptor_.reset(descriptor);
}

void GraphDescriptor::set(cudnnBackendAttributeName_t name, const GraphDescriptor& part) {
    const cudnnBackendDescriptor_t descriptor = part.get();
    set_elements(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &descriptor);
}

void GraphDescriptor::set(cudnnBackendAttributeName_t name,
                          const std::vector<const GraphDescriptor*>& parts) {
    std::vector<cudnnBackendDescriptor_t> descriptors;
    for (const GraphDescriptor* part : parts) descriptors.push_back(part->get());
    set_elements(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<int64_t>(descriptors.size()),
                 descriptors.data());
}

GraphDescriptor GraphDescriptor::get_part(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type,
                                          const char* what) const {
    GraphDescriptor part(type, what);
    cudnnBackendDescriptor_t descriptor = part.get();
    get_elements(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &descriptor);
    return part;
}

std::vector<GraphDescriptor> GraphDescriptor::get_parts(cudnnBackendAttributeName_t name,
                                                        cudnnBackendDescriptorType_t type,
                                                        const char* what) const {
    return get_parts(name, type, what, get_elements(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, nullptr));
}

std::vector<GraphDescriptor> GraphDescriptor::get_parts(cudnnBackendAttributeName_t name,
                                                        cudnnBackendDescriptorType_t type, const char* what,
                                                        int64_t most) const {
    std::vector<GraphDescriptor> parts;
    std::vector<cudnnBackendDescriptor_t> descriptors;
    for (int64_t i = 0; i < most; ++i) {
        parts.emplace_back(type, what);
        descriptors.push_back(parts.back().get());
    }
    if (parts.empty()) return parts;
    // cuDNN counts what it may offer and then leaves out what does not run here.
    const int64_t given = get_elements(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, descriptors.data());
    while (static_cast<int64_t>(parts.size()) > given) parts.pop_back();
    return parts;
}

void GraphDescriptor::finalize() {
    check_cudnn(cudnnBackendFinalize(get()), "finalizing", what_);
}

bool GraphDescriptor::try_finalize() {
    return cudnnBackendFinalize(get()) == CUDNN_STATUS_SUCCESS;
}

void GraphDescriptor::set_elements(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                                   int64_t count, const void* elements) {
    check_cudnn(cudnnBackendSetAttribute(get(), name, type, count, elements), "describing", what_);
}

int64_t GraphDescriptor::get_elements(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                                      int64_t count, void* elements) const {
    int64_t there = 0;
    check_cudnn(cudnnBackendGetAttribute(get(), name, type, count, &there, elements), "asking about", what_);
    return count > 0 ? std::min(there, count) : there;
}

}  // namespace objloc::OBJLOC_CUDA_NAMESPACE
