#include "objloc/engine/precision.h"

#include "objloc/engine/error.h"

namespace objloc {

const char* name_of(Precision precision) {
    switch (precision) {
        case Precision::fp32:
            return "fp32";
        case Precision::tf32:
            return "tf32";
        case Precision::bf16:
            return "bf16";
    }
    return "?";
}

Precision parse_precision(const std::string& name) {
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
        if (name == name_of(precision)) return precision;
    }
    throw Error("precision '" + name + "'", "there is no such precision", "Known: fp32, tf32, bf16.");
}

}  // namespace objloc
