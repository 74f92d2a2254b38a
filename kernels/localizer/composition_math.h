// Arithmetic whose results have the same bits on every backend: sums, products, quotients and square roots alone, which
// IEEE 754 rounds alike everywhere, and no fused multiply-add (the sources that use it are compiled without).
#pragma once

#include <cmath>
#include <cstdint>

#include "objloc/engine/philox.h"
#include "objloc/kernels/localizer/composition.h"

namespace objloc {

OBJLOC_HOST_DEVICE inline float clamped(float value, float low, float high) {
    return value < low ? low : value > high ? high : value;
}

/// 2^x within 0.01%, for |x| < 30.
OBJLOC_HOST_DEVICE inline float exp2_of(float x) {
    const float whole = floorf(x), part = x - whole;
    float power = 1 + part * (0.69315f + part * (0.24023f + part * (0.05550f + part * 0.01112f)));
    int32_t exponent = static_cast<int32_t>(whole);
    for (; exponent > 0; --exponent) power *= 2;
    for (; exponent < 0; ++exponent) power *= 0.5f;
    return power;
}

/// Cosine and sine of nearly `turns` turns: the angle is off by less than 0.2 degrees, the length by rounding alone.
struct Direction {
    float cosine, sine;
};
OBJLOC_HOST_DEVICE inline float near_sine(float turns) {
    const float x = turns - floorf(turns + 0.5f);
    const float y = 8 * x * (1 - 2 * fabsf(x));
    return y * (0.775f + 0.225f * fabsf(y));
}
OBJLOC_HOST_DEVICE inline Direction direction(float turns) {
    const float cosine = near_sine(turns + 0.25f), sine = near_sine(turns);
    const float length = sqrtf(cosine * cosine + sine * sine);
    return {cosine / length, sine / length};
}

OBJLOC_HOST_DEVICE inline float strength_at(const CompositionSpec& spec, uint64_t index) {
    if (spec.ramp <= 0 || index >= static_cast<uint64_t>(spec.ramp)) return spec.strength;
    const float share = static_cast<float>(index) / static_cast<float>(spec.ramp);
    return spec.strength * (kFirstStrength + (1 - kFirstStrength) * share);
}

/// The sequence of random numbers of one image.
class CompositionRandom {
  public:
    OBJLOC_HOST_DEVICE CompositionRandom(const CompositionSpec& spec, uint64_t index)
        : seed_(spec.seed), index_(index), stream_(spec.stream), strength_(strength_at(spec, index)) {}

    OBJLOC_HOST_DEVICE uint32_t word() {
        if (used_ == 4) {
            words_ = philox_at(seed_, stream_, index_, block_++);
            used_ = 0;
        }
        return words_.word[used_++];
    }
    OBJLOC_HOST_DEVICE float unit() { return uniform01(word()); }
    OBJLOC_HOST_DEVICE float between(const Range& range) {
        return range.low + (range.high - range.low) * unit();
    }
    /// The same, scaled by the spec's strength.
    OBJLOC_HOST_DEVICE float within(const Range& range) { return strength_ * between(range); }
    OBJLOC_HOST_DEVICE float around(float reach) { return within({-reach, reach}); }
    OBJLOC_HOST_DEVICE bool chance(float probability) { return unit() < probability; }
    /// True with this probability times the spec's strength.
    OBJLOC_HOST_DEVICE bool often(float probability) { return unit() < strength_ * probability; }
    OBJLOC_HOST_DEVICE int32_t below(int32_t count) { return randint(word(), 0, count); }

  private:
    uint64_t seed_, index_;
    uint32_t stream_, block_ = 0;
    int used_ = 4;
    float strength_;
    Philox4 words_{};
};

// ---- Colour maps ------------------------------------------------------------------------------------------------

OBJLOC_HOST_DEVICE inline ColourMap same_colours() {
    return {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {0, 0, 0}};
}

/// The map that applies `first`, then `second`.
OBJLOC_HOST_DEVICE inline ColourMap after(const ColourMap& second, const ColourMap& first) {
    ColourMap result;
    for (int i = 0; i < 3; ++i) {
        result.offset[i] = second.offset[i];
        for (int j = 0; j < 3; ++j) {
            result.offset[i] += second.matrix[i][j] * first.offset[j];
            result.matrix[i][j] = 0;
            for (int k = 0; k < 3; ++k) result.matrix[i][j] += second.matrix[i][k] * first.matrix[k][j];
        }
    }
    return result;
}

OBJLOC_HOST_DEVICE inline ColourMap gains(float red, float green, float blue) {
    return {{{red, 0, 0}, {0, green, 0}, {0, 0, blue}}, {0, 0, 0}};
}

/// 0: grey of the same luma (BT.601); 1: as it is.
OBJLOC_HOST_DEVICE inline ColourMap saturation(float amount) {
    const float luma[3] = {0.299f * (1 - amount), 0.587f * (1 - amount), 0.114f * (1 - amount)};
    ColourMap result = same_colours();
    for (int i = 0; i < 3; ++i) {
        for (int j = 0; j < 3; ++j) result.matrix[i][j] = luma[j] + (i == j ? amount : 0);
    }
    return result;
}

/// Colours turned about the grey axis.
OBJLOC_HOST_DEVICE inline ColourMap hue(float turns) {
    const Direction by = direction(turns);
    const float same = by.cosine + (1 - by.cosine) / 3, third = (1 - by.cosine) / 3,
                root = 0.57735f * by.sine;
    return {{{same, third - root, third + root},
             {third + root, same, third - root},
             {third - root, third + root, same}},
            {0, 0, 0}};
}

}  // namespace objloc
