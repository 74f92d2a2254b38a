#include "objloc/generators/composition_generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "objloc/engine/error.h"
#include "objloc/generators/collages.h"
#include "objloc/generators/distractors.h"
#include "objloc/generators/embedded_assets.h"
#include "objloc/generators/photographs.h"
#include "objloc/generators/picture_atlas.h"
#include "objloc/generators/sprite_atlas.h"

namespace objloc {
namespace {

constexpr int32_t kMinSide = 32, kMaxSide = 1024;
constexpr int kDrawnDistractors = 48;
constexpr int kFewestCollages = 4, kMostCollages = 12;  // one for two photographs

Image object_of(const std::string& path) {
    if (!path.empty()) return trim_sprite(load_image(path), path);
    const EmbeddedFile cat = embedded_sprite();
    const std::string where(cat.name);
    return trim_sprite(decode_image(cat.bytes, where), where);
}

}  // namespace

std::vector<ObjectPicture> object_pictures(const std::vector<std::string>& arguments) {
    namespace fs = std::filesystem;
    std::vector<ObjectPicture> pictures;
    for (const std::string& argument : arguments) {
        const size_t equals = argument.find('=');
        const std::string path = equals == std::string::npos ? argument : argument.substr(equals + 1);
        const std::string name = equals == std::string::npos ? "" : argument.substr(0, equals);
        for (const std::string& file : picture_files(path)) {
            pictures.push_back({name.empty() ? fs::path(file).stem().string() : name, file});
        }
    }
    return pictures;
}

std::vector<std::string> class_names(const std::vector<ObjectPicture>& pictures) {
    std::vector<std::string> names;
    for (const ObjectPicture& picture : pictures) {
        if (std::find(names.begin(), names.end(), picture.name) == names.end()) names.push_back(picture.name);
    }
    return names;
}

CompositionGenerator::CompositionGenerator(Backend& backend, const CompositionSpec& spec,
                                           const CompositionSources& sources)
    : backend_(backend), spec_(spec), next_index_(backend.allocate({1}, DType::i64)) {
    if (spec.side < kMinSide || spec.side > kMaxSide) {
        throw Error("scene", fmt::format("an image side of {} pixels is not possible", spec.side),
                    fmt::format("Sides run from {} to {}.", kMinSide, kMaxSide));
    }
    // An object may fill the image; of a photograph a quarter's detail may be shown as large as that.
    const int longest_object = 2 * spec.side, longest_place = std::min(4 * spec.side, 1024);
    PictureAtlas atlas;
    std::vector<ObjectPicture> objects = sources.objects;
    if (objects.empty()) objects.emplace_back();
    const std::vector<std::string> names = class_names(objects);
    for (const ObjectPicture& object : objects) {
        const auto label = std::find(names.begin(), names.end(), object.name) - names.begin();
        add_picture(atlas, object_of(object.path), longest_object, static_cast<int32_t>(label));
    }
    spec_.objects = static_cast<int32_t>(objects.size());
    for (const Image& image : draw_distractors(kDrawnDistractors, spec.seed)) {
        add_picture(atlas, image, longest_object, 0);
    }
    if (!sources.others.empty()) {
        PhotographSet others = load_photographs(sources.others);
        for (const Image& image : others.images) add_picture(atlas, image, longest_object, 0);
        skipped_ = std::move(others.skipped);
    }
    spec_.others = static_cast<int32_t>(atlas.entries.size()) - spec_.objects;
    PhotographSet places = load_photographs(sources.places, sources.held_out);
    const int collages =
        std::clamp(static_cast<int>(places.images.size()) / 2, kFewestCollages, kMostCollages);
    for (Image& image : make_collages(places.images, collages, spec.seed))
        places.images.push_back(std::move(image));
    for (const Image& image : places.images) add_picture(atlas, to_rgb(image), longest_place, 0);
    skipped_.insert(skipped_.end(), places.skipped.begin(), places.skipped.end());
    spec_.places = static_cast<int32_t>(places.images.size());

    const auto count = static_cast<int64_t>(atlas.entries.size());
    assets_.entries = backend.allocate({count, 6}, DType::i32);
    backend.upload(atlas.entries.data(), assets_.entries);
    assets_.atlas = backend.allocate({static_cast<int64_t>(atlas.pixels.size())}, DType::u8);
    backend.upload(atlas.pixels.data(), assets_.atlas);
    seek(0);
}

void CompositionGenerator::draw(const Tensor& images, const Tensor& truth) {
    const int64_t count = images.shape()[0], side = spec_.side;
    if (images.shape() != Shape{count, side, side, 3} ||
        truth.shape() != Shape{count, kMaxObjects, kTruthFields}) {
        throw Error("scene", fmt::format("images {} and truth {} do not suit a side of {}",
                                         images.shape().text(), truth.shape().text(), side));
    }
    localizer_kernels(backend_).compose_scenes(spec_, assets_, next_index_, images, truth);
    backend_.advance(next_index_, count);
}

void CompositionGenerator::seek(uint64_t index) {
    const auto next = static_cast<int64_t>(index);
    backend_.upload(&next, next_index_);
}

}  // namespace objloc
