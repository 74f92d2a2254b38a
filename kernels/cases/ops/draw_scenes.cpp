// draw_scenes, with the cat and the photographs that come with the program. tests/generators has its other tests.
#include "objloc/kernels/reference/draw_scenes.h"

#include <cstring>

#include "objloc/generators/scene_generator.h"
#include "objloc/kernels/backends.h"
#include "objloc/kernels/cases/op_cases.h"
#include "objloc/kernels/cases/sizes_text.h"
#include "objloc/kernels/localizer/localizer_kernels.h"

namespace objloc {
namespace {

/// A tensor of pictures as an input that always holds just these bytes.
Input picture_input(const std::vector<std::byte>& bytes, const Tensor& like) {
    const Array values = array_of(bytes, like.shape(), like.type());
    return {.name = "pictures",
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

OpCase draw_scenes(SceneKind kind, int64_t N, int32_t side, int outputs) {
    const auto host = builtin_backends().make("cpu", {});
    SceneSpec wanted;
    wanted.kind = kind, wanted.side = side, wanted.outputs = outputs;
    SceneGenerator scenes(*host, wanted);
    OpCase op{.op = "draw_scenes",
              .shape = std::string(name_of(kind)) + " " + sizes_text(Shape{N, side, side, 3})};
    op.inputs = {{.name = "first_index", .shape = {1}, .fill = these({5}), .type = DType::i64}};
    op.outputs = {{"images", {N, side, side, 3}}, {"boxes", {N, outputs}}};
    op.tolerance = summed(4);
    op.exact = false;
    op.read_in_full = 1;  // a scene needs one photograph and one size of the sprite
    reference::ScenePictures pictures;
    for (const Tensor& tensor :
         {scenes.assets().sprites, scenes.assets().atlas, scenes.assets().backgrounds}) {
        if (!tensor) continue;
        const std::vector<std::byte> bytes = download_bytes(*host, tensor);
        if (op.inputs.size() == 1) pictures.sprites = elements<SpriteEntry>(bytes);
        if (op.inputs.size() == 2) pictures.atlas = elements<uint8_t>(bytes);
        if (op.inputs.size() == 3) pictures.backgrounds = elements<uint8_t>(bytes);
        op.inputs.push_back(picture_input(bytes, tensor));
    }
    op.run = [spec = scenes.spec()](Backend& backend, const auto& in, const auto& out) {
        SceneAssets assets;
        if (in.size() > 2) assets.sprites = in[1], assets.atlas = in[2];
        if (in.size() > 3) assets.backgrounds = in[3];
        localizer_kernels(backend).draw_scenes(spec, assets, in[0], out[0], out[1]);
    };
    op.reference = [spec = scenes.spec(), pictures](const Arrays& in, Arrays& out) {
        reference::draw_scenes(spec, pictures, static_cast<uint64_t>(in[0][0]), out[0], out[1]);
    };
    return op;
}

std::vector<OpCase> bench(const BenchSizes& sizes) {
    std::vector<OpCase> cases;
    for (const SceneKind kind : {SceneKind::blob, SceneKind::cat, SceneKind::natural}) {
        cases.push_back(draw_scenes(kind, sizes.batch, static_cast<int32_t>(sizes.side),
                                    static_cast<int>(sizes.outputs)));
    }
    return cases;
}

}  // namespace

const OpCases op_cases::draw_scenes = {nullptr, bench};

}  // namespace objloc
