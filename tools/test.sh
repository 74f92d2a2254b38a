#!/usr/bin/env bash
# Sets up what is missing, builds, and runs every test. On a machine without a GPU the CUDA kernels run on the CPU.
#   tools/test.sh
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh release
tools/check_format.sh
tools/check_cuda.sh
echo "Backends of the op suite:"
build/release/tests/objloc_tests --backends
ctest --preset release --parallel "$(nproc)"
