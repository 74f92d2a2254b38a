// HDF5 files: what is written comes back, and files that are not whole say so.
#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "objloc/engine/error.h"
#include "objloc/models/formats/hdf5_file.h"
#include "tests/tools/tool.h"

namespace objloc {
namespace {

/// A file with one array of 0, 1, 2, ... in it.
void write_example(const std::string& path, const Shape& shape) {
    std::vector<float> values(static_cast<size_t>(shape.count()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    Hdf5Writer writer(path);
    writer.root().write("numbers", shape, values);
    writer.save();
}

/// Files may not grow beyond `bytes` while this lives, as on a disk that is full.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) {
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        handler_ = std::signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() {
        setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

  private:
    rlimit before_{};
    void (*handler_)(int) = nullptr;
};

/// Root may write anywhere, so it becomes nobody while this lives.
class NotRoot {
  public:
    NotRoot() {
        if (user_ == 0) REQUIRE(seteuid(65534) == 0);
    }
    ~NotRoot() {
        if (user_ == 0) CHECK(seteuid(0) == 0);
    }
    NotRoot(const NotRoot&) = delete;
    NotRoot& operator=(const NotRoot&) = delete;

  private:
    uid_t user_ = geteuid();
};

size_t files_in(const std::string& folder) {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST_CASE("arrays, texts and groups come back as they were written") {
    const ScratchFolder folder;
    const std::string path = folder.file("some.h5");
    const std::vector<float> values = {1.5F, -2.25F, 0.0F, 3e-38F, 7e30F, 1.0F / 3.0F};
    {
        Hdf5Writer writer(path);
        Hdf5Group inner = writer.root().create_group("a/b");
        inner.write("kernel:0", {1, 2, 3}, values);
        inner.write("scalar", {}, std::vector<float>{4});
        inner.write("none", {0, 3}, {});
        writer.root().write_strings("names", {"one", "", "three"});
        writer.root().write_strings("nothing", {});
        writer.root().write_string("text", "Größe {\"a\": 1}");
        writer.save();
    }
    const Hdf5Group root = open_hdf5(path);
    CHECK(root.children() == std::vector<std::string>{"a"});
    CHECK(root.is_group("a"));
    CHECK(root.has("a/b/kernel:0"));
    CHECK_FALSE(root.has("a/c/kernel:0"));
    CHECK_FALSE(root.has_attribute("absent"));
    CHECK(root.read_strings("names") == std::vector<std::string>{"one", "", "three"});
    CHECK(root.read_strings("nothing").empty());
    CHECK(root.read_string("text") == "Größe {\"a\": 1}");

    const Hdf5Group inner = root.group("a").group("b");
    CHECK(inner.info("kernel:0").extents == std::vector<int64_t>{1, 2, 3});
    CHECK(inner.info("kernel:0").type == "float32");
    CHECK(inner.read<float>("kernel:0") == values);
    CHECK(inner.read<double>("kernel:0")[0] == 1.5);
    CHECK(inner.read<float>("scalar") == std::vector<float>{4});
    CHECK(inner.read<float>("none").empty());
}

TEST_CASE("names with numbers are listed by the numbers") {
    const ScratchFolder folder;
    Hdf5Writer writer(folder.file("some.h5"));
    for (const char* name : {"conv2d_10", "conv2d", "conv2d_2", "conv2d_1", "a9b2", "a9b10"}) {
        writer.root().create_group(name);
    }
    CHECK(writer.root().children() ==
          std::vector<std::string>{"a9b2", "a9b10", "conv2d", "conv2d_1", "conv2d_2", "conv2d_10"});
}

TEST_CASE("equal contents make equal files") {
    const ScratchFolder folder;
    write_example(folder.file("a.h5"), {5, 7});
    write_example(folder.file("b.h5"), {5, 7});
    CHECK(contents(folder.file("a.h5")) == contents(folder.file("b.h5")));
}

TEST_CASE("files that are not whole HDF5 files are refused with the reason") {
    const ScratchFolder folder;
    const std::string path = folder.file("some.h5");
    CHECK_THROWS_WITH_AS(open_hdf5(path), doctest::Contains("No such file"), Error);
    CHECK_THROWS_WITH_AS(open_hdf5(folder.path().string()), doctest::Contains("a folder"), Error);
    folder.write("some.h5", "");
    CHECK_THROWS_WITH_AS(open_hdf5(path), doctest::Contains("is empty"), Error);
    folder.write("some.h5", "<!DOCTYPE html><html>");
    CHECK_THROWS_WITH_AS(open_hdf5(path), doctest::Contains("begins with \"<!DOCTYPE html><\""), Error);
    folder.write("some.h5", std::string("PK\3\4") + "model.weights.h5");
    CHECK_THROWS_WITH_AS(open_hdf5(path), doctest::Contains("save_weights"), Error);
}

TEST_CASE("a file cut short anywhere is refused") {
    const ScratchFolder folder;
    write_example(folder.file("whole.h5"), {100, 7});
    const std::string bytes = contents(folder.file("whole.h5"));
    for (const size_t length : {9UL, 200UL, bytes.size() / 2, bytes.size() - 1}) {
        CAPTURE(length);
        folder.write("cut.h5", bytes.substr(0, length));
        CHECK_THROWS_AS(open_hdf5(folder.file("cut.h5")).read<float>("numbers"), Error);
    }
    folder.write("cut.h5", bytes.substr(0, bytes.size() - 1));
    CHECK_THROWS_WITH_AS(open_hdf5(folder.file("cut.h5")), doctest::Contains("is cut short"), Error);
}

TEST_CASE("a flipped bit in our arrays is noticed by the checksum") {
    const ScratchFolder folder;
    write_example(folder.file("whole.h5"), {100, 7});
    std::string bytes = contents(folder.file("whole.h5"));
    const float some = 321;  // as the file holds it
    const size_t at = bytes.find(std::string(reinterpret_cast<const char*>(&some), sizeof some));
    REQUIRE(at != std::string::npos);
    bytes[at + 1] = static_cast<char>(bytes[at + 1] ^ 1);
    folder.write("flipped.h5", bytes);
    const Hdf5Group root = open_hdf5(folder.file("flipped.h5"));
    CHECK_THROWS_WITH_AS(root.read<float>("numbers"), doctest::Contains("/numbers: could not be read"),
                         Error);
}

TEST_CASE("what cannot be written leaves the older file alone and nothing half written") {
    const ScratchFolder folder;
    const std::string path = folder.file("some.h5");
    write_example(path, {3});
    const std::string before = contents(path);
    {
        const FileSizeLimit full(10000);
        CHECK_THROWS_WITH_AS(write_example(path, {10000}), doctest::Contains("cannot be written"), Error);
    }
    CHECK(contents(path) == before);
    CHECK(files_in(folder.path().string()) == 1);
    CHECK_THROWS_WITH_AS(write_example(folder.file("absent/some.h5"), {3}),
                         doctest::Contains("folder on the way"), Error);
    CHECK_THROWS_WITH_AS(write_example(folder.path().string(), {3}), doctest::Contains("a folder"), Error);
}

TEST_CASE("a folder without leave to write is an error") {
    const ScratchFolder folder;
    std::filesystem::permissions(folder.path(), std::filesystem::perms::owner_read);
    const NotRoot not_root;
    CHECK_THROWS_WITH_AS(write_example(folder.file("some.h5"), {3}), doctest::Contains("Permission denied"),
                         Error);
}

}  // namespace
}  // namespace objloc
