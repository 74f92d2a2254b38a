#!/usr/bin/env bash
# Runs clang-tidy, with .clang-tidy's checks, over the engine and the models. Any finding fails.
#   tools/check_tidy.sh [FOLDER ...]      default: engine models
set -euo pipefail
cd "$(dirname "$0")/.."
folders=("$@")
((${#folders[@]})) || folders=(engine models)
tool=$(command -v clang-tidy-14 || command -v clang-tidy || true)
if [ -z "$tool" ]; then
    echo "error: clang-tidy is not here: apt-get install clang-tidy-14" >&2
    exit 1
fi
# With clang's own compile commands: g++'s have warning flags that clang-tidy does not know.
cmake --preset clang >/dev/null
git ls-files "${folders[@]/%//*.cpp}" | xargs -n 1 -P "$(nproc)" "$tool" --quiet -p build/clang
echo "clang-tidy: no findings in ${folders[*]}"
