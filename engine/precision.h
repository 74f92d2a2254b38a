// What a program computes in, and what stays in fp32 whatever is asked.
//
//                        fp32        tf32                       bf16
//     activations        f32         f32                        bf16
//     their gradients    f32         f32                        bf16
//     convolutions       fp32        operands rounded to tf32   operands are bf16
//     their sums         fp32        fp32                       fp32
//
// Always in fp32:
//   - Parameters, gradients of parameters, the optimizer's moments. An update is some thousandths of a
//     weight: bf16, with 8 bits of mantissa, would round it away (Micikevicius et al., "Mixed precision
//     training", ICLR 2018, section 3.1). Convolutions in bf16 read a copy of the weights, rounded by
//     the update that writes them (the "bf16_copy", ParameterSet).
//   - Sums inside convolutions, and the slots that weight and bias gradients are split into: they have up
//     to a million terms.
//   - The head, the loss and the boxes' metrics: a few thousand values, where a rounding error of 2^-8
//     would be an error of the box. `ops::convert` is where the model crosses over.
//   - Biases, since they are added to sums in fp32 before these are rounded.
//
// On a CPU tensors are f32 in each of the three. With bf16 a processor that has instructions for it
// (AVX512_BF16) rounds what convolutions multiply, but for weight gradients of very few channels; tf32, and
// bf16 on another processor, compute in fp32, and the backend's description says so.
//
// bf16 has fp32's range, so gradients do not underflow and the loss needs no scaling. A convolution whose
// sizes tensor cores do not take multiplies in fp32, on tensors of the same type as the others'.
#pragma once

#include <string>

#include "objloc/engine/tensor.h"

namespace objloc {

enum class Precision { fp32, tf32, bf16 };

const char* name_of(Precision precision);
/// Throws Error for a name that there is not.
Precision parse_precision(const std::string& name);

}  // namespace objloc
