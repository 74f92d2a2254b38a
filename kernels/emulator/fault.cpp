#include "objloc/kernels/emulator/fault.h"

#include <dlfcn.h>
#include <link.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <mutex>
#include <sstream>
#include <vector>

namespace objloc::host {
namespace {

/// Two lines: function and file:line. Empty when they cannot be found.
std::vector<std::string> ask_addr2line(uintptr_t address) {
    Dl_info info = {};
    link_map* map = nullptr;
    if (dladdr1(reinterpret_cast<void*>(address), &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) ==
        0) {
        return {};
    }
    std::error_code failed;
    const std::string own = std::filesystem::read_symlink("/proc/self/exe", failed).string();
    const std::string binary = map->l_name[0] == '\0' ? own : map->l_name;
    if (failed || binary.find('\'') != std::string::npos) return {};
    std::ostringstream command;
    command << "addr2line -C -f -e '" << binary << "' 0x" << std::hex << address - map->l_addr
            << " 2>/dev/null";
    FILE* output = popen(command.str().c_str(), "r");
    if (output == nullptr) return {};
    std::string text;
    std::array<char, 512> piece;
    while (fgets(piece.data(), static_cast<int>(piece.size()), output) != nullptr) text += piece.data();
    if (pclose(output) != 0) return {};
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        if (line.find("??") == std::string::npos) lines.push_back(line);
    }
    return lines;
}

/// Asked once for each address: addr2line reads all of the program's debug information anew.
std::vector<std::string> look_up(uintptr_t address) {
    static std::mutex mutex;
    static std::map<uintptr_t, std::vector<std::string>> known;
    std::lock_guard lock(mutex);
    const auto found = known.find(address);
    return found != known.end() ? found->second
                                : known.emplace(address, ask_addr2line(address)).first->second;
}

}  // namespace

std::string source_line(const void* return_address) {
    if (return_address == nullptr) return "";
    const auto lines = look_up(reinterpret_cast<uintptr_t>(return_address) - 1);
    if (lines.size() < 2) return "";
    return " (" + lines[1].substr(0, lines[1].find(" (discriminator")) + ")";
}

std::string function_name(const void* address) {
    const auto lines = look_up(reinterpret_cast<uintptr_t>(address));
    if (lines.empty()) return "(unnamed: no debug information or no addr2line)";
    std::string name = lines[0];
    for (const char* scope : {"objloc::", "cuda_host::", "(anonymous namespace)::"}) {
        for (size_t at; (at = name.find(scope)) != std::string::npos;)
            name.erase(at, std::string(scope).size());
    }
    if (name.starts_with("void ")) name.erase(0, 5);
    return name.substr(0, name.find('('));
}

}  // namespace objloc::host
