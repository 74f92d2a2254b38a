// Whole files: read, written beside and renamed, and what happens when that fails.
#include "objloc/engine/file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "objloc/engine/error.h"
#include "tests/tools/tool.h"

namespace objloc {
namespace {

std::string text_of(const std::string& path) {
    const std::vector<uint8_t> bytes = read_file(path);
    return {bytes.begin(), bytes.end()};
}

size_t files_in(const std::string& folder) {
    size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
    return count;
}

/// No file of this process may grow beyond `bytes`: to a program this looks like a full disk.
class SmallDisk {
  public:
    explicit SmallDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit small = {bytes, before_.rlim_max};
        setrlimit(RLIMIT_FSIZE, &small);
    }
    ~SmallDisk() {
        setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

  private:
    void (*handler_)(int);
    rlimit before_{};
};

}  // namespace

TEST_CASE("a file comes back as it was written, and is replaced whole") {
    const ScratchFolder folder;
    const std::string path = folder.file("file"), first("one\0two", 7);
    write_file_atomically(path, std::string_view(first));
    CHECK(text_of(path) == first);
    write_file_atomically(path, std::string_view("second"));
    CHECK(text_of(path) == "second");
    write_file_atomically(path, std::string_view());
    CHECK(text_of(path).empty());
    CHECK(files_in(folder.path().string()) == 1);
}

TEST_CASE("a full disk leaves the old file and nothing else") {
    const ScratchFolder folder;
    const std::string path = folder.file("file"), large(10000, 'x');
    write_file_atomically(path, std::string_view("old"));
    {
        const SmallDisk disk(4096);
        CHECK_THROWS_AS(write_file_atomically(path, std::string_view(large)), Error);
        CHECK_THROWS_AS(write_file_atomically(folder.file("new"), std::string_view(large)), Error);
    }
    CHECK(text_of(path) == "old");
    CHECK(files_in(folder.path().string()) == 1);
}

TEST_CASE("places that cannot be written are refused") {
    const ScratchFolder folder;
    write_file_atomically(folder.file("file"), std::string_view("old"));
    for (const std::string& path :
         {folder.file("missing/file"), folder.file("file/below"), folder.path().string(), folder.file(""),
          std::string("/proc/objloc"), std::string("/dev/null"), std::string()}) {
        INFO(path);
        CHECK_THROWS_AS(write_file_atomically(path, std::string_view("text")), Error);
    }
    CHECK(files_in(folder.path().string()) == 1);
    CHECK(text_of("/dev/../" + folder.file("file")) == "old");
}

TEST_CASE("what is not a file cannot be read") {
    const ScratchFolder folder;
    REQUIRE(mkfifo((folder.file("pipe")).c_str(), 0600) == 0);
    for (const std::string& path : {folder.file("missing"), folder.path().string(), folder.file("pipe"),
                                    std::string("/dev/zero"), std::string()}) {
        INFO(path);
        CHECK_THROWS_AS(read_file(path), Error);
    }
}

}  // namespace objloc
