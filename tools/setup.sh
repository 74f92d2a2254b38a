#!/usr/bin/env bash
# Installs what objloc needs and builds it; does nothing that is done already, and asks nothing.
#   tools/setup.sh [--packages-only] [PRESET]      PRESET of CMakePresets.json; default: release
# Works as root and with sudo, on Debian 12 and later and Ubuntu 22.04 and later.
set -euo pipefail
cd "$(dirname "$0")/.."
build=yes
if [ "${1:-}" = --packages-only ]; then
    build=no
    shift
fi
preset="${1:-release}"

packages=(
    g++ cmake ninja-build pkg-config git ca-certificates
    libdnnl-dev libhdf5-dev libhwy-dev libstb-dev libfmt-dev libcli11-dev nlohmann-json3-dev
    libssl-dev libonnx-dev libprotobuf-dev protobuf-compiler
    doctest-dev libboost-context-dev
)

case $preset in clang | tsan) packages+=(clang clang-tidy libomp-dev) ;; esac
installed() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
# The version of the formatter that the project uses; not every distribution has it, and a fresh machine cannot tell
# before its first `apt-get update`.
formatter=clang-format-14
formatter_wanted() { ! installed "$formatter" && apt-cache show "$formatter" >/dev/null 2>&1; }

missing=()
for package in "${packages[@]}"; do
    installed "$package" || missing+=("$package")
done
if formatter_wanted; then missing+=("$formatter"); fi
if ((${#missing[@]})); then
    echo "Installing: ${missing[*]}"
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || { echo "error: not root and no sudo; install these packages: ${missing[*]}" >&2; exit 1; }
        as_root=(sudo)
    fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
    if formatter_wanted && [[ " ${missing[*]} " != *" $formatter "* ]]; then missing+=("$formatter"); fi
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

[ "$build" = yes ] || exit 0
echo "Building (preset $preset) in build/$preset"
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset"
