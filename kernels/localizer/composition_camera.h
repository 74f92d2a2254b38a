// Camera effects on tiles of 8x8 pixels: blur, noise and JPEG artefacts. composition.h describes the plan.
#pragma once

#include "objloc/kernels/localizer/composition_pixels.h"

namespace objloc {

constexpr int32_t kTile = 8;

/// The discrete cosine transform's matrix: rows are frequencies.
struct CosineTable {
    float value[kTile][kTile];
};
inline CosineTable cosine_table() {
    // cos(k pi / 16), halved; frequency 0 has 1 / sqrt(8) instead.
    const float half[] = {0.5f,        0.49039264f, 0.46193977f, 0.41573481f, 0.35355339f,
                          0.27778512f, 0.19134172f, 0.09754516f, 0.f};
    CosineTable table{};
    for (int32_t frequency = 0; frequency < kTile; ++frequency) {
        for (int32_t i = 0; i < kTile; ++i) {
            int32_t angle = (2 * i + 1) * frequency % 32;
            if (angle > 16) angle = 32 - angle;
            const float value = angle > 8 ? -half[16 - angle] : half[angle];
            table.value[frequency][i] = frequency == 0 ? 0.35355339f : value;
        }
    }
    return table;
}

/// Element `at` of the (inverse) transform of 8 values, `step` apart.
OBJLOC_HOST_DEVICE inline float transformed(const CosineTable& table, const float* line, int32_t step,
                                            int32_t at) {
    float sum = 0;
    for (int32_t i = 0; i < kTile; ++i) sum += line[i * step] * table.value[at][i];
    return sum;
}
OBJLOC_HOST_DEVICE inline float transformed_back(const CosineTable& table, const float* line, int32_t step,
                                                 int32_t at) {
    float sum = 0;
    for (int32_t i = 0; i < kTile; ++i) sum += line[i * step] * table.value[i][at];
    return sum;
}

/// Steps like those of the JPEG standard's tables: coarser for colour and for fine detail.
OBJLOC_HOST_DEVICE inline float quantised(float coefficient, float compression, int32_t channel, int32_t row,
                                          int32_t column) {
    const auto frequency = static_cast<float>(row + column);
    const float step = compression * (channel == 0 ? 12 + 6 * frequency : 17 + 12 * frequency);
    return floorf(coefficient / step + 0.5f) * step;
}

struct CameraPixel {
    float channel[3];
};

/// Luma and the two colour differences of BT.601, and back.
OBJLOC_HOST_DEVICE inline CameraPixel to_luma(const CameraPixel& rgb) {
    const float luma = 0.299f * rgb.channel[0] + 0.587f * rgb.channel[1] + 0.114f * rgb.channel[2];
    return {{luma - 128, 0.564f * (rgb.channel[2] - luma), 0.713f * (rgb.channel[0] - luma)}};
}
OBJLOC_HOST_DEVICE inline CameraPixel from_luma(const CameraPixel& at) {
    const float luma = at.channel[0] + 128, red = luma + 1.403f * at.channel[2],
                blue = luma + 1.773f * at.channel[1];
    return {{red, luma - 0.344f * at.channel[1] - 0.714f * at.channel[2], blue}};
}

/// A hash of 32 bits. Source: Wellons, "Prospecting for hash functions", 2018 (lowbias32).
OBJLOC_HOST_DEVICE inline uint32_t hashed(uint32_t x) {
    x = (x ^ x >> 16) * 0x7FEB352Du;
    x = (x ^ x >> 15) * 0x846CA68Bu;
    return x ^ x >> 16;
}

/// Approximately normal with standard deviation 1: the sum of four uniform bytes.
OBJLOC_HOST_DEVICE inline float noise_value(uint32_t seed, uint32_t number) {
    const uint32_t word = hashed(number * 0x9E3779B9u ^ seed);
    const uint32_t sum = (word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24);
    return (static_cast<float>(sum) - 510) / 147.8f;
}

/// A pixel of the picture after blur and noise, as the plan has them. `bytes` (side, side, 3).
OBJLOC_HOST_DEVICE inline CameraPixel camera_pixel(const CompositionPlan& plan, int32_t side,
                                                   const uint8_t* bytes, int32_t row, int32_t column) {
    CameraPixel pixel;
    const auto at = [&](int32_t r, int32_t c) { return bytes + 3 * (int64_t{r} * side + c); };
    if (plan.blurred == 0) {
        for (int c = 0; c < 3; ++c) pixel.channel[c] = at(row, column)[c];
    } else {
        int32_t sum[3] = {};
        for (int32_t i = 0; i < kBlurTaps; ++i) {
            int32_t r = row + i - kBlurReach;
            r = r < plan.top ? plan.top : r < plan.bottom ? r : plan.bottom - 1;
            for (int32_t j = 0; j < kBlurTaps; ++j) {
                const int32_t weight = plan.blur[i][j];
                if (weight == 0) continue;
                int32_t c = column + j - kBlurReach;
                c = c < plan.left ? plan.left : c < plan.right ? c : plan.right - 1;
                for (int k = 0; k < 3; ++k) sum[k] += weight * at(r, c)[k];
            }
        }
        for (int c = 0; c < 3; ++c) pixel.channel[c] = static_cast<float>((sum[c] + kBlurOne / 2) / kBlurOne);
    }
    if (plan.noise > 0) {
        const auto number = static_cast<uint32_t>(3 * (row * side + column));
        for (uint32_t c = 0; c < 3; ++c)
            pixel.channel[c] += plan.noise * noise_value(plan.noise_seed, number + c);
    }
    for (float& channel : pixel.channel) channel = clamped(channel, 0, 255);
    return pixel;
}

/// The network's input in channel `c` of a pixel. Bars get no camera effects.
OBJLOC_HOST_DEVICE inline float camera_value(const CompositionSpec& spec, const CompositionPlan& plan,
                                             const CameraPixel& pixel, int32_t row, int32_t column,
                                             int32_t c) {
    const bool inside = in_picture(plan, row, column);
    const int32_t source = source_channel(spec.preprocess, c);
    return network_value(spec.preprocess, inside ? to_byte(pixel.channel[source]) : kBar, c);
}

}  // namespace objloc
