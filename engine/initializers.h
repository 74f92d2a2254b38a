// How weights start. Values are drawn on the host from Philox, one counter a value, so that a seed gives the
// same model on every backend.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "objloc/engine/shape.h"

namespace objloc {

/// He, Zhang, Ren, Sun, "Delving deep into rectifiers", ICCV 2015: a normal of variance 2 / fan_in, truncated
/// at two standard deviations and rescaled to that variance, as keras.initializers.HeNormal. `shape` is
/// (R,S,C,K) or (inputs, outputs). `name` picks the stream of random numbers.
std::vector<float> he_normal(const Shape& shape, uint64_t seed, const std::string& name);

/// Glorot, Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010:
/// uniform in +-sqrt(6 / (fan_in + fan_out)), as keras.initializers.GlorotUniform.
std::vector<float> glorot_uniform(const Shape& shape, uint64_t seed, const std::string& name);

}  // namespace objloc
