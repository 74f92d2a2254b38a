#include "objloc/engine/initializers.h"

#include <cmath>
#include <numbers>

#include "objloc/engine/philox.h"

namespace objloc {
namespace {

struct Fans {
    double in, out;
};

Fans fans_of(const Shape& shape) {
    double field = 1;  // the taps of a convolution
    for (int axis = 0; axis < shape.rank() - 2; ++axis) field *= static_cast<double>(shape[axis]);
    return {field * static_cast<double>(shape[shape.rank() - 2]),
            field * static_cast<double>(shape[shape.rank() - 1])};
}

/// FNV-1a: a stream number for each name, the same on every machine. Scenes use small numbers; the top bit
/// keeps these apart from them.
uint32_t stream_of(const std::string& name) {
    uint32_t hash = 2166136261u;
    for (const char letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619u;
    return hash | 0x80000000u;
}

/// A standard normal by Box and Muller's transform; `block` counts the tries.
double normal_at(uint64_t seed, uint32_t stream, uint64_t index, uint32_t block) {
    const Philox4 random = philox_at(seed, stream, index, block);
    const double u = (random.word[0] + 0.5) * 0x1p-32, v = random.word[1] * 0x1p-32;
    return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

}  // namespace

std::vector<float> he_normal(const Shape& shape, uint64_t seed, const std::string& name) {
    // Cutting a normal at two standard deviations leaves this standard deviation.
    constexpr double kTruncated = 0.87962566103423978;
    const double deviation = std::sqrt(2.0 / fans_of(shape).in) / kTruncated;
    std::vector<float> values(static_cast<size_t>(shape.count()));
    for (size_t i = 0; i < values.size(); ++i) {
        uint32_t block = 0;
        double normal = normal_at(seed, stream_of(name), i, block);
        while (std::abs(normal) > 2) normal = normal_at(seed, stream_of(name), i, ++block);
        values[i] = static_cast<float>(normal * deviation);
    }
    return values;
}

std::vector<float> glorot_uniform(const Shape& shape, uint64_t seed, const std::string& name) {
    const Fans fans = fans_of(shape);
    const double limit = std::sqrt(6.0 / (fans.in + fans.out));
    std::vector<float> values(static_cast<size_t>(shape.count()));
    for (size_t i = 0; i < values.size(); ++i) {
        const double unit = (philox_at(seed, stream_of(name), i, 0).word[0] + 0.5) * 0x1p-32;
        values[i] = static_cast<float>((2 * unit - 1) * limit);
    }
    return values;
}

}  // namespace objloc
