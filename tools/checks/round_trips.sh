#!/usr/bin/env bash
# Sends weights through the real Keras 2 and 3, ONNX Runtime and PyTorch, and back, and compares what they and
# objloc_predict make of the same pictures: for maintainers, and for CI machines that have pip. Not part of the tests,
# which need no Python.
#   tools/checks/round_trips.sh [BUILD]      BUILD: folder with tools/objloc_weights, objloc_predict and objloc_train;
#                                            default: build/release
#   PYTHON=/path/to/python                   with numpy and, as far as there: tensorflow tf_keras onnxruntime torch
#                                            safetensors onnx pillow
# A check whose library is missing is skipped, and said to be.
set -uo pipefail
cd "$(dirname "$0")/../.."
build="${1:-build/release}"
python="${PYTHON:-python3}"
tools="$build/tools"
for tool in weights predict train; do
    [ -x "$tools/objloc_$tool" ] && continue
    echo "error: $tools/objloc_$tool is missing; build first: tools/setup.sh" >&2
    exit 1
done
"$python" -c 'import numpy' 2>/dev/null || { echo "error: $python has no numpy: pip install numpy" >&2; exit 1; }

export CUDA_VISIBLE_DEVICES='' TF_CPP_MIN_LOG_LEVEL=3
passed=0 failed=0 skipped=0
for check in predict keras2 keras3 keras_onnx onnx safetensors votes_onnx votes_keras2 votes_keras3; do
    echo "== $check"
    "$python" tools/checks/round_trips.py "$check" --tools "$tools"
    case $? in
        0) passed=$((passed + 1)) ;;
        77) skipped=$((skipped + 1)) ;;
        *) failed=$((failed + 1)); echo "FAILED: $check" ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
