#!/usr/bin/env bash
# Builds the consumer in one of its ways and runs it; fails if it does not learn, or if what it links includes HDF5.
#   run.sh find_package|add_subdirectory|FetchContent SOURCE BUILD [cmake's options]
# SOURCE is objloc's source tree, BUILD the tree it was built in.
set -euo pipefail
uses=$1 source=$2 built=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

options=("$@" -DCONSUMER_USES="$uses")
if [ "$uses" = find_package ]; then
    tree=$work/build
    cmake --install "$built" --component objloc_development --prefix "$work/prefix" >/dev/null
    options+=(-DCMAKE_PREFIX_PATH="$work/prefix")
else
    tree=$built/tests/consumer_sources
    options+=(-DOBJLOC_SOURCE="$source")
fi

# Prints a step's output only when it fails.
quietly() {
    "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
}
quietly cmake -S "$source/tests/consumer" -B "$tree" "${options[@]}"
rm -f "$tree/consumer"  # it must be linked in this way, not found
quietly cmake --build "$tree" --target consumer --parallel 2
"$tree/consumer"

# Not `ldd | grep -q`: a failure of ldd must not read as "no HDF5".
libraries=$(ldd "$tree/consumer")
grep -q dnnl <<<"$libraries" || { echo "error: oneDNN is not in what the consumer links: $libraries"; exit 1; }
if grep -qi hdf5 <<<"$libraries"; then
    echo "error: the consumer links HDF5: $libraries"
    exit 1
fi
if grep -iE '^(HDF5_|fmt_DIR|CLI11_DIR|nlohmann_json_DIR|OPENSSL_|stb_)' "$tree/CMakeCache.txt"; then
    echo "error: the engine alone looked for what only models and tools need"
    exit 1
fi
