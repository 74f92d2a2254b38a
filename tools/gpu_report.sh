#!/usr/bin/env bash
# For whoever has an NVIDIA GPU: proves the CUDA kernels on it, times them, trains, and keeps every number as it was printed.
#   tools/gpu_report.sh [--python PYTHON --yardstick FOLDER] [--out NAME]
# Needs nvcc; cuDNN where its backend shall be timed. PYTHON has torch and FOLDER holds torch_vgg16_step.py (compare_peers.sh
# says what that is); without them PyTorch is left out, and the report says so. Writes NAME.txt (the GPU, the tests, the
# sanitizer, the trainings), NAME-kernels.json, on Hopper NAME-hopper.json, NAME-steps.jsonl, and NAME-table.inc (the fastest
# convolution kernels here, for kernels/cuda/conv2d_table.inc); NAME is tools/results/gpu-DATE unless given. Leave the
# machine alone meanwhile: half an hour at least.
set -euo pipefail
usage() { sed -n '3s/^# *//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/.."

python="" yardstick="" out=tools/results/gpu-$(date -u +%Y-%m-%d)
while (($#)); do
    case $1 in
        --python | --yardstick | --out) (($# >= 2)) || usage ;;
        *) usage ;;
    esac
    printf -v "${1#--}" %s "$2"
    shift 2
done
nvidia-smi -L >/dev/null 2>&1 || { echo "error: nvidia-smi finds no GPU here" >&2; exit 1; }
command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ] || { echo "error: nvcc is not here; install the CUDA Toolkit" >&2; exit 1; }
tools/setup.sh cuda
bin=build/cuda/tools tests=build/cuda/tests/objloc_tests

# A failure is part of the report: it is named at the end, and what comes after is still measured.
failed=()
step() {
    local name=$1
    shift
    printf '\n==== %s\n$ %s\n' "$name" "$*" | tee -a "$out.txt"
    "$@" 2>&1 | tee -a "$out.txt" || failed+=("$name")
}
lines() { "$@" --json | tr -d '\n' >>"$out-steps.jsonl" && echo >>"$out-steps.jsonl" || failed+=("$*"); }

mkdir -p "$(dirname "$out")"
: >"$out.txt"
: >"$out-steps.jsonl"
step "where" bash -c "date -u; git rev-parse HEAD; nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv; nvcc --version | tail -n 2"
step "backends" "$tests" --backends
step "tests" ctest --preset cuda
sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
if [ -x "$sanitizer" ]; then
    for tool in memcheck racecheck synccheck; do
        step "$tool" "$sanitizer" --tool "$tool" --error-exitcode 1 "$bin/kernel_bench" --device cuda --tier small --repeats 1
    done
else
    step "sanitizer" echo "skipped: there is no compute-sanitizer here"
fi
"$bin/kernel_bench" --device cuda --device cudnn --batch 64 --json >"$out-kernels.json" || failed+=("kernel_bench")
if nvidia-smi --query-gpu=compute_cap --format=csv,noheader | grep -q '^9'; then
    # Hopper's own kernels run for who asks only, until this has shown what they do.
    for tool in memcheck racecheck; do
        [ -x "$sanitizer" ] && step "$tool, Hopper" "$sanitizer" --tool "$tool" --error-exitcode 1 "$bin/kernel_bench" --device cuda \
            --hopper --op conv2d --shape 2,16,16,64,64 --repeats 1
    done
    "$bin/kernel_bench" --device cuda --device cudnn --hopper --op conv2d --batch 64 --json >"$out-hopper.json" || failed+=("kernel_bench --hopper")
fi
# Beside the table that is committed: that one is changed by a person who has looked at the difference.
rm -f "$out-table.inc"
step "tuning" "$bin/kernel_bench" --tune "$out-table.inc" --batch 64

for precision in fp32 tf32 bf16; do
    lines "$bin/step_bench" --device cuda --model vgg16 --batch 64 --steps 20 --precision "$precision"
    lines "$bin/step_bench" --device cuda --model vgg16 --batch 64 --steps 20 --precision "$precision" --inference
    lines "$bin/step_bench" --device cudnn --model vgg16 --batch 64 --steps 20 --precision "$precision"
    lines "$bin/step_bench" --device cudnn --model vgg16 --batch 64 --steps 20 --precision "$precision" --inference
done

for scene in blob cat natural; do
    step "training on $scene" "$bin/objloc_train" --device cuda --model vgg16 --weights none --scene "$scene" --seed 1 --out "$(mktemp -d)/run"
done

if [ -n "$python" ] && [ -f "$yardstick/torch_vgg16_step.py" ] && "$python" -c "import torch" 2>/dev/null; then
    for precision in tf32 bf16; do
        for how in "" --compile --graph; do
            # shellcheck disable=SC2086
            "$python" "$yardstick/torch_vgg16_step.py" --device cuda --precision "$precision" --batch 64 --channels-last \
                --steps 20 --warmup 5 $how >>"$out-steps.jsonl" || failed+=("PyTorch $precision $how")
        done
    done
else
    step "PyTorch" echo "skipped: give --python and --yardstick"
fi

echo
echo "Report: $out.txt, $out-kernels.json, $out-steps.jsonl"
if [ -f "$out-table.inc" ]; then
    echo "The convolution kernels that were the fastest here: $out-table.inc. To have them chosen from now on:"
    echo "    diff kernels/cuda/conv2d_table.inc $out-table.inc"
    echo "    cp $out-table.inc kernels/cuda/conv2d_table.inc && cmake --build --preset cuda && ctest --preset cuda"
    echo "and commit it together with this report."
fi
if ((${#failed[@]})); then
    printf 'FAILED: %s\n' "${failed[@]}" | tee -a "$out.txt" >&2
    exit 1
fi
