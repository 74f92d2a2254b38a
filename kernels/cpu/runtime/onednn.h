// oneDNN 2 and 3 under one spelling. Version 3 dropped the operation descriptors and the post-ops' scale.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <utility>

namespace objloc::cpu {

/// The primitive descriptor of `Operation` (dnnl::convolution_forward and so on): `attributes`, then what the
/// operation's own descriptor takes; `hint` is nothing, or the forward descriptor that a gradient belongs to.
template <typename Operation, typename... Hint>
struct PrimitiveDesc {
    template <typename... Arguments>
    static typename Operation::primitive_desc make(const dnnl::engine& engine,
                                                   const dnnl::primitive_attr& attributes,
                                                   const Hint&... hint, Arguments&&... arguments) {
#if DNNL_VERSION_MAJOR >= 3
        return {engine, std::forward<Arguments>(arguments)..., hint..., attributes};
#else
        return {typename Operation::desc(std::forward<Arguments>(arguments)...), attributes, engine, hint...};
#endif
    }
};

/// "2.6.3", of the library that is loaded.
inline std::string onednn_version() {
    const dnnl_version_t* version = dnnl::version();
    return std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
           std::to_string(version->patch);
}

/// Appends max(0, .) to what a primitive computes.
inline void append_relu(dnnl::post_ops& operations) {
#if DNNL_VERSION_MAJOR >= 3
    operations.append_eltwise(dnnl::algorithm::eltwise_relu, 0.f, 0.f);
#else
    operations.append_eltwise(1.f, dnnl::algorithm::eltwise_relu, 0.f, 0.f);
#endif
}

}  // namespace objloc::cpu
