// Derivatives of references by central differences.
#pragma once

#include <functional>

#include "objloc/kernels/cases/inputs.h"

namespace objloc {

/// d value(in) / d in[input][element].
inline double difference_quotient(const std::function<double(const Arrays&)>& value, Arrays in, size_t input,
                                  int64_t element, double step) {
    const double here = in[input][element];
    in[input][element] = here + step;
    const double above = value(in);
    in[input][element] = here - step;
    return (above - value(in)) / (2 * step);
}

/// Image `n` of a batch, as a batch of one.
inline Array image_of(const Array& batch, int64_t n) {
    Shape shape = {1};
    for (int axis = 1; axis < batch.shape.rank(); ++axis) shape.push_back(batch.shape[axis]);
    Array image(shape);
    for (int64_t i = 0; i < image.count(); ++i) image[i] = batch[n * image.count() + i];
    return image;
}

}  // namespace objloc
