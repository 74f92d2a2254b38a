// weights/fetch.sh with a folder in place of the internet: whole, cut off, wrong and unreachable.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/source_path.h"
#include "tests/tools/tool.h"

namespace objloc {
namespace {

const std::string kFile = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5";
const std::string kMd5 = "6d6bbae143d832006294945121d1f1fc";

struct Shell {
    int status = -1;
    std::string text;
};

Shell shell(const std::string& line) {
    Shell result;
    FILE* pipe = popen(("(" + line + ") 2>&1").c_str(), "r");
    REQUIRE(pipe != nullptr);
    for (int c = 0; (c = std::fgetc(pipe)) != EOF;) result.text += static_cast<char>(c);
    result.status = pclose(pipe);
    return result;
}

bool has_curl() {
    if (shell("command -v curl").status == 0) return true;
    MESSAGE("SKIPPED: curl is not installed");
    return false;
}

/// A copy of the script that expects `md5`, in a folder without Keras's cache, with `mirror` to download
/// from.
class Place {
  public:
    explicit Place(const std::string& md5) {
        std::filesystem::create_directories(folder_.path() / "weights");
        std::filesystem::create_directories(folder_.path() / "server");
        std::string script = contents(source_path("../weights/fetch.sh"));
        const size_t at = script.find(kMd5);
        REQUIRE(at != std::string::npos);
        script.replace(at, kMd5.size(), md5);
        folder_.write("weights/fetch.sh", script);
    }

    Shell fetch(const std::string& server = "server") const {
        const std::string here = folder_.path().string();
        return shell("KERAS_HOME='" + here + "/keras' OBJLOC_WEIGHTS_MIRROR='file://" + here + "/" + server +
                     "' bash '" + here + "/weights/fetch.sh'");
    }
    void write(const std::string& name, const std::string& bytes) const { folder_.write(name, bytes); }
    std::string read(const std::string& name) const { return contents(folder_.path() / name); }
    bool has(const std::string& name) const { return std::filesystem::exists(folder_.path() / name); }
    const std::filesystem::path& path() const { return folder_.path(); }

  private:
    ScratchFolder folder_;
};

const std::string kWhole = "123456789";
const std::string kWholeMd5 = "25f9e794323b453885f5181f1b624d0b";

TEST_CASE("fetch.sh gets the file, goes on where a download stopped, and then has it") {
    if (!has_curl()) return;
    const Place place(kWholeMd5);
    place.write("server/" + kFile, "????56789");  // what is there already is not asked for again
    place.write("weights/" + kFile + ".part", "1234");
    const Shell first = place.fetch();
    CAPTURE(first.text);
    CHECK(first.status == 0);
    CHECK(place.read("weights/" + kFile) == kWhole);
    CHECK_FALSE(place.has("weights/" + kFile + ".part"));
    CHECK(place.fetch("nowhere").text.find("is there already") != std::string::npos);
}

TEST_CASE("fetch.sh takes the file that Keras has downloaded") {
    const Place place(kWholeMd5);
    std::filesystem::create_directories(place.path() / "keras/models");
    place.write("keras/models/" + kFile, kWhole);
    const Shell result = place.fetch("nowhere");
    CAPTURE(result.text);
    CHECK(result.status == 0);
    CHECK(place.read("weights/" + kFile) == kWhole);
}

TEST_CASE("fetch.sh removes what has another checksum, and names both") {
    if (!has_curl()) return;
    const Place place(kMd5);
    place.write("server/" + kFile, kWhole);
    const Shell result = place.fetch();
    CHECK(result.status != 0);
    CHECK(result.text.find("has the MD5 " + kWholeMd5 + ", not " + kMd5) != std::string::npos);
    CHECK_FALSE(place.has("weights/" + kFile));
    CHECK_FALSE(place.has("weights/" + kFile + ".part"));
}

TEST_CASE("fetch.sh says what to do without internet, and keeps what it has") {
    const Place place(kMd5);
    place.write("weights/" + kFile + ".part", "1234");
    const Shell result = place.fetch("nowhere");
    CHECK(result.status != 0);
    if (has_curl()) {
        CHECK(result.text.find("Without internet here, any of these does:") != std::string::npos);
        CHECK(result.text.find("objloc_train --weights none") != std::string::npos);
    }
    CHECK(place.read("weights/" + kFile + ".part") == "1234");
}

}  // namespace
}  // namespace objloc
