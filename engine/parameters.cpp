#include "objloc/engine/parameters.h"

#include <algorithm>
#include <utility>

#include "objloc/engine/error.h"

namespace objloc {
namespace {

constexpr int64_t kAlignment = 16;  // floats: 64 bytes, a cache line and the widest vector load

int64_t aligned(int64_t count) {
    return (count + kAlignment - 1) / kAlignment * kAlignment;
}

/// One flat buffer of the parameters whose `trainable` is as asked, with their initial values and zero gaps.
Tensor place_flat(Backend& backend, std::vector<Parameter>& parameters, bool trainable) {
    int64_t total = 0;
    for (const Parameter& parameter : parameters) {
        if (parameter.trainable == trainable) total += aligned(parameter.shape.count());
    }
    if (total == 0) return {};
    const Tensor flat = backend.allocate({total});
    std::vector<float> host(static_cast<size_t>(total), 0.0f);
    int64_t at = 0;
    for (Parameter& parameter : parameters) {
        if (parameter.trainable != trainable) continue;
        std::copy(parameter.initial.begin(), parameter.initial.end(), host.begin() + at);
        parameter.value = flat.slice(at, parameter.shape);
        std::vector<float>().swap(parameter.initial);
        at += aligned(parameter.shape.count());
    }
    backend.upload(host.data(), flat);
    return flat;
}

/// The bf16_copy of `flat`, of which every parameter of its kind gets a view; empty where there is none.
Tensor make_bf16_copies(Backend& backend, std::vector<Parameter>& parameters, const Tensor& flat,
                        bool trainable) {
    if (!flat || backend.activation_type() == DType::f32) return {};
    const Tensor bf16_copies = backend.allocate(flat.shape(), backend.activation_type());
    backend.convert(flat, bf16_copies);
    for (Parameter& parameter : parameters) {
        if (parameter.trainable != trainable) continue;
        const int64_t at = static_cast<int64_t>(parameter.value.byte_offset() / sizeof(float));
        parameter.bf16_copy = bf16_copies.slice(at, parameter.shape);
    }
    return bf16_copies;
}

}  // namespace

void ParameterSet::add(const std::string& name, const Shape& shape, std::vector<float> initial) {
    if (initial.empty()) initial.assign(static_cast<size_t>(shape.count()), 0.0f);
    if (static_cast<int64_t>(initial.size()) != shape.count()) {
        throw Error("parameter " + name, "has " + std::to_string(initial.size()) +
                                             " initial values for the shape " + shape.text());
    }
    parameters_.push_back({name, shape, std::move(initial), true, {}, {}, {}});
}

Parameter& ParameterSet::find(const std::string& name) {
    const auto found = std::find_if(parameters_.begin(), parameters_.end(),
                                    [&](const Parameter& parameter) { return parameter.name == name; });
    if (found == parameters_.end()) throw Error("parameter " + name, "is not in this model");
    return *found;
}

int64_t ParameterSet::count() const {
    int64_t total = 0;
    for (const Parameter& parameter : parameters_) total += parameter.shape.count();
    return total;
}

int64_t ParameterSet::trainable_count() const {
    int64_t total = 0;
    for (const Parameter& parameter : parameters_) total += parameter.trainable ? parameter.shape.count() : 0;
    return total;
}

void ParameterSet::freeze(const std::function<bool(const Parameter&)>& frozen) {
    if (backend_)
        throw Error("freeze", "the parameters are placed already", "Freeze before ParameterSet::to_device.");
    for (Parameter& parameter : parameters_) parameter.trainable = !frozen(parameter);
}

void ParameterSet::to_device(Backend& backend) {
    if (backend_) throw Error("place", "the parameters are placed already");
    backend_ = &backend;
    flat_frozen_ = place_flat(backend, parameters_, false);
    flat_values_ = place_flat(backend, parameters_, true);
    make_bf16_copies(backend, parameters_, flat_frozen_, false);  // for good: the views keep it
    flat_bf16_copies_ = make_bf16_copies(backend, parameters_, flat_values_, true);
    if (!flat_values_) return;
    flat_gradients_ = backend.allocate(flat_values_.shape());
    backend.fill(flat_gradients_, 0.0f);
    for (Parameter& parameter : parameters_) {
        if (!parameter.trainable) continue;
        const int64_t at = static_cast<int64_t>(parameter.value.byte_offset() / sizeof(float));
        parameter.gradient = flat_gradients_.slice(at, parameter.shape);
    }
}

Variable ParameterSet::on(const Tape& tape, const std::string& name) {
    const Parameter& parameter = find(name);
    return parameter.trainable ? tape.leaf(parameter.value, parameter.gradient, parameter.bf16_copy)
                               : tape.constant(parameter.value, parameter.bf16_copy);
}

std::vector<OptimizerSegment> ParameterSet::segments(
    const std::function<void(const Parameter&, OptimizerSegment&)>& configure) const {
    std::vector<OptimizerSegment> list;
    for (const Parameter& parameter : parameters_) {
        if (!parameter.trainable) continue;
        OptimizerSegment segment;
        segment.begin = static_cast<int64_t>(parameter.value.byte_offset() / sizeof(float));
        segment.end = segment.begin + parameter.shape.count();
        configure(parameter, segment);
        list.push_back(segment);
    }
    return list;
}

std::vector<float> ParameterSet::download(const Parameter& parameter) const {
    if (!backend_) return parameter.initial;
    std::vector<float> host(static_cast<size_t>(parameter.shape.count()));
    backend_->download(parameter.value, host.data());
    return host;
}

}  // namespace objloc
