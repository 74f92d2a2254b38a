// Drawing scenes, with the cat and the photographs that come with the program.
#include "objloc/generators/scene_generator.h"
#include "objloc/kernels/localizer/localizer_kernels.h"

#include <cstring>

#include "objloc/kernels/backends.h"
#include "objloc/kernels/reference/draw_scenes.h"
#include "tools/bench/kernel_cases.h"
#include "tools/bench/sizes.h"

namespace objloc::bench {
namespace {

constexpr int kOutputs = 3;

SceneSpec spec_of(SceneKind kind, int32_t side) {
    SceneSpec spec;
    spec.kind = kind;
    spec.side = side;
    spec.outputs = kOutputs;
    return spec;
}

/// A tensor of pictures as an input that always holds just these bytes.
Input picture_input(const std::string& name, const std::vector<std::byte>& bytes, const Tensor& like) {
    const Array values = array_of(bytes, like.shape(), like.type());
    return {.name = name,
            .shape = like.shape(),
            .fill = [values](Random&, Array& array) { array = values; },
            .type = like.type()};
}

template <typename T>
std::vector<T> elements(const std::vector<std::byte>& bytes) {
    std::vector<T> list(bytes.size() / sizeof(T));
    std::memcpy(list.data(), bytes.data(), bytes.size());
    return list;
}

KernelCase draw_scenes(SceneKind kind, int64_t N, int32_t side) {
    const auto host = builtin_backends().make("cpu", {});
    SceneGenerator scenes(*host, spec_of(kind, side));
    const SceneSpec spec = scenes.spec();
    KernelCase op;
    op.op = "draw_scenes";
    op.shape = std::string(name_of(kind)) + " " + sizes_text(Shape{N, side, side, 3});
    op.inputs = {{.name = "first_index", .shape = {1}, .fill = these({5}), .type = DType::i64}};
    op.outputs = {{{N, side, side, 3}}, {{N, kOutputs}}};
    op.terms = 4;
    op.read_in_full = 1;  // a scene needs one photograph and one size of the sprite
    reference::ScenePictures pictures;
    for (const Tensor& tensor :
         {scenes.assets().sprites, scenes.assets().atlas, scenes.assets().backgrounds}) {
        if (!tensor) continue;
        const std::vector<std::byte> bytes = download_bytes(*host, tensor);
        if (op.inputs.size() == 1) pictures.sprites = elements<SpriteEntry>(bytes);
        if (op.inputs.size() == 2) pictures.atlas = elements<uint8_t>(bytes);
        if (op.inputs.size() == 3) pictures.backgrounds = elements<uint8_t>(bytes);
        op.inputs.push_back(picture_input("pictures", bytes, tensor));
    }
    op.run = [spec](Backend& backend, const auto& in, const auto& out) {
        SceneAssets assets;
        if (in.size() > 2) assets.sprites = in[1], assets.atlas = in[2];
        if (in.size() > 3) assets.backgrounds = in[3];
        localizer_kernels(backend).draw_scenes(spec, assets, in[0], out[0], out[1]);
    };
    op.reference = [spec, pictures](const Arrays& in, Arrays& out) {
        reference::draw_scenes(spec, pictures, static_cast<uint64_t>(in[0][0]), out[0], out[1]);
    };
    return op;
}

}  // namespace

std::vector<KernelCase> scene_cases(int64_t N, int32_t side) {
    return {draw_scenes(SceneKind::blob, N, side), draw_scenes(SceneKind::cat, N, side),
            draw_scenes(SceneKind::natural, N, side)};
}

}  // namespace objloc::bench
