#include "objloc/generators/backgrounds.h"

#include <algorithm>
#include <filesystem>

#include "objloc/engine/error.h"
#include "objloc/engine/file.h"
#include "objloc/generators/embedded_assets.h"
#include "objloc/generators/resize.h"

namespace objloc {

namespace {

namespace fs = std::filesystem;

/// The regular files directly in a folder, by name, so that an index means the same picture on every machine.
std::vector<std::string> files_of(const std::string& folder) {
    std::vector<std::string> files;
    std::error_code failure;
    for (fs::directory_iterator entry(folder, failure), end; !failure && entry != end;
         entry.increment(failure)) {
        if (entry->is_regular_file(failure)) files.push_back(entry->path().string());
    }
    if (failure)
        throw Error(folder, "the folder cannot be read: " + failure.message(), "Check its permissions.");
    std::sort(files.begin(), files.end());
    return files;
}

class Collector {
  public:
    Collector(int side, const Augmentation& variety) : side_(side), variety_(variety) {}

    void add(const Image& photograph) {
        for (Image& cut :
             background_variants(photograph, side_, variety_.backgrounds, variety_.seed, photographs_++))
            set.images.push_back(std::move(cut));
    }
    void add_folder(const std::string& folder);

    BackgroundSet set;

  private:
    int side_;
    Augmentation variety_;
    uint64_t photographs_ = 0;
};

void Collector::add_folder(const std::string& folder) {
    const size_t before = set.images.size();
    for (const std::string& file : files_of(folder)) {
        const std::vector<uint8_t> bytes = read_file(file);
        if (is_image(bytes)) {
            add(decode_image(bytes, file));
        } else {
            set.skipped.push_back(file);
        }
    }
    if (set.images.size() == before) {
        throw Error(folder, "the folder holds no PNG or JPEG file", "Put at least one background into it.");
    }
}

}  // namespace

Image make_background(const Image& image, int side) {
    const int square = std::min(image.width, image.height);
    const int left = (image.width - square) / 2, top = (image.height - square) / 2;
    return resize(to_rgb(crop(image, left, top, square, square)), side, side);
}

BackgroundSet load_backgrounds(const std::vector<std::string>& paths, int side, bool held_out,
                               const Augmentation& variety) {
    Collector collector(side, variety);
    for (const std::string& path : paths) {
        std::error_code ignored;
        if (fs::is_directory(path, ignored)) {
            collector.add_folder(path);
        } else {
            collector.add(load_image(path));
        }
    }
    if (paths.empty()) {
        for (const EmbeddedFile& file : held_out ? embedded_held_out_backgrounds() : embedded_backgrounds())
            collector.add(decode_image(file.bytes, std::string(file.name)));
    }
    return std::move(collector.set);
}

}  // namespace objloc
