#!/usr/bin/env bash
# For whoever has an NVIDIA GPU: proves the CUDA kernels on it, times them, trains, and keeps every number as it was printed.
#   tools/gpu_report.sh [--python PYTHON --yardstick FOLDER] [--parts "PART ..."] [--precisions "bf16 ..."] [--build FOLDER] [--out NAME]
# PYTHON has torch and FOLDER holds torch_vgg16_step.py (compare_peers.sh says what that is); without them PyTorch is left
# out, and the report says so. Needs nvcc, or a FOLDER where `cmake --preset cuda` was built before, to be run as it is;
# cuDNN where it shall be timed, too. NAME is tools/results/gpu-DATE unless given. Parts, all of them unless named:
#   prove    NAME.txt: the GPU, every test, the sanitizer            kernels  NAME-kernels-PRECISION.json: each beside cuDNN
#   tune     NAME-table.inc, for kernels/cuda/conv2d/conv2d_table.inc       steps    NAME-steps.jsonl: whole training steps, PyTorch's too
#   train    NAME.txt: all three scenes
# Named parts add to NAME.txt, all of them begin it anew. Leave the machine alone meanwhile: an hour, a good part of which
# cuDNN looks for its fastest plans. No single program runs longer than OBJLOC_REPORT_LIMIT seconds (1800 unless set); what
# kernels and tune have measured until then is kept.
set -euo pipefail
usage() { sed -n '3s/^# *//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/.."

python="" yardstick="" build="" parts="" precisions="bf16 tf32 fp32" out=tools/results/gpu-$(date -u +%Y-%m-%d)
while (($#)); do
    case $1 in
        --python | --yardstick | --parts | --precisions | --build | --out) (($# >= 2)) || usage ;;
        *) usage ;;
    esac
    printf -v "${1#--}" %s "$2"
    shift 2
done
all_parts="prove kernels tune steps train"
for part in $parts; do
    [[ " $all_parts " == *" $part "* ]] || { echo "error: there is no part '$part'" >&2; usage; }
done
nvidia-smi -L >/dev/null 2>&1 || { echo "error: nvidia-smi finds no GPU here" >&2; exit 1; }
if [ -z "$build" ]; then
    command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ] || { echo "error: nvcc is not here; install the CUDA Toolkit, or give --build" >&2; exit 1; }
    tools/setup.sh cuda
fi
bin=${build:-build/cuda}/tools tests=${build:-build/cuda}/tests/objloc_tests
[ -x "$bin/kernel_bench" ] || { echo "error: there is no $bin/kernel_bench" >&2; exit 1; }

# A failure is part of the report: it is named at the end, and what comes after is still measured. A kernel that never
# ends would hold up all the rest.
failed=()
limited() { timeout --kill-after=10 "${OBJLOC_REPORT_LIMIT:-1800}" "$@"; }
step() {
    local name=$1
    shift
    printf '\n==== %s\n$ %s\n' "$name" "$*" | tee -a "$out.txt"
    limited "$@" 2>&1 | tee -a "$out.txt" || failed+=("$name")
}
line() { limited "$@" 2> >(tee -a "$out.txt" >&2) | tr -d '\n' >>"$out-steps.jsonl" && echo >>"$out-steps.jsonl" || failed+=("$*"); }

hopper=()
nvidia-smi --query-gpu=compute_cap --format=csv,noheader | grep -q '^9' && hopper=(--hopper)
devices=(--device cuda)
"$bin/kernel_bench" --device cudnn --list >/dev/null 2>&1 && devices+=(--device cudnn)

# The portable kernels first: Hopper's own, which no GPU has proven, might take the rest with them.
prove() {
    local sanitizer tool
    step "backends" "$tests" --backends
    if [ -z "$build" ]; then
        step "tests" ctest --preset cuda
    else
        step "tests of the ops" "$tests" "--source-file=*/ops/*"
    fi
    sanitizer=$(command -v compute-sanitizer || echo /usr/local/cuda/bin/compute-sanitizer)
    if [ -x "$sanitizer" ]; then
        for tool in memcheck racecheck synccheck; do
            step "$tool" "$sanitizer" --tool "$tool" --error-exitcode 1 "$bin/kernel_bench" --device cuda --tier small --repeats 1
        done
    else
        step "sanitizer" echo "skipped: there is no compute-sanitizer here"
    fi
    if ((${#hopper[@]} == 0)); then return; fi
    step "Hopper's kernels, once" "$bin/kernel_bench" --device cuda --hopper --op conv2d --shape 2,16,16,64,128 --repeats 1
    if [ -x "$sanitizer" ]; then
        for tool in memcheck racecheck synccheck; do
            step "$tool, Hopper" "$sanitizer" --tool "$tool" --error-exitcode 1 \
                "$bin/kernel_bench" --device cuda --hopper --op conv2d --shape 2,16,16,64,128 --repeats 1
        done
    fi
    step "tests of Hopper's kernels" env OBJLOC_TEST_HOPPER=1 "$tests" "--source-file=*/ops/conv2d*"
}

kernels() {
    local precision file
    for precision in $precisions; do
        file=$out-kernels-$precision.json
        rm -f "$file"
        if [ "$precision" = fp32 ] || ((${#hopper[@]} == 0)); then
            step "kernels in $precision" "$bin/kernel_bench" "${devices[@]}" --precision "$precision" --batch 64 --json-file "$file"
            continue
        fi
        step "kernels in $precision" "$bin/kernel_bench" "${devices[@]}" --hopper --precision "$precision" --batch 64 --json-file "$file"
        # A kernel for Hopper that brings the GPU to a halt takes the rest of its table with it.
        if [ ! -f "$file" ]; then
            step "kernels in $precision, without Hopper's" "$bin/kernel_bench" "${devices[@]}" --precision "$precision" --batch 64 --json-file "$file"
        fi
    done
}

# Beside the table that is committed: that one is changed by a person who has looked at the difference.
tune() {
    local table=kernels/cuda/conv2d/conv2d_table.inc
    cp "$table" "$out-table.inc"
    step "tuning" "$bin/kernel_bench" --tune "$out-table.inc" "${hopper[@]}" --batch 64
    if cmp -s "$table" "$out-table.inc" && ((${#hopper[@]})); then
        step "tuning, without Hopper's" "$bin/kernel_bench" --tune "$out-table.inc" --batch 64
    fi
    if cmp -s "$table" "$out-table.inc"; then rm "$out-table.inc"; fi
}

steps() {
    local device precision how
    : >"$out-steps.jsonl"
    for precision in $precisions; do
        for device in cuda cudnn; do
            [[ " ${devices[*]} " == *" $device "* ]] || continue
            line "$bin/step_bench" --device "$device" --model vgg16 --batch 64 --steps 20 --precision "$precision" --json
            line "$bin/step_bench" --device "$device" --model vgg16 --batch 64 --steps 20 --precision "$precision" --inference --json
        done
    done
    if [ -z "$python" ] || [ ! -f "$yardstick/torch_vgg16_step.py" ] || ! "$python" -c "import torch" 2>/dev/null; then
        step "PyTorch" echo "skipped: give --python and --yardstick"
        return
    fi
    for precision in $precisions; do
        for how in "" --compile --graph; do
            # shellcheck disable=SC2086
            line "$python" "$yardstick/torch_vgg16_step.py" --device cuda --precision "$precision" --batch 64 --channels-last --steps 20 --warmup 5 $how
        done
    done
}

train() {
    local scene precision
    for scene in blob cat natural; do
        step "training on $scene" "$bin/objloc_train" --device cuda --model vgg16 --weights none --scene "$scene" --seed 1 --out "$(mktemp -d)/run"
    done
    for precision in tf32 bf16; do
        step "training in $precision" "$bin/objloc_train" --device cuda --model vgg16 --weights none --scene natural --seed 1 --precision "$precision" --out "$(mktemp -d)/run"
    done
}

mkdir -p "$(dirname "$out")"
if [ -z "$parts" ]; then : >"$out.txt"; fi
commit=$(git rev-parse HEAD 2>/dev/null || echo "commit unknown")
step "where" bash -c "date -u; echo '$commit'; nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv"
for part in ${parts:-$all_parts}; do "$part" || failed+=("$part"); done

echo
echo "Report: $out.txt, and what it names"
if [ -f "$out-table.inc" ]; then
    echo "The convolution kernels that were the fastest here: $out-table.inc. To have them chosen from now on:"
    echo "    diff kernels/cuda/conv2d/conv2d_table.inc $out-table.inc"
    echo "    cp $out-table.inc kernels/cuda/conv2d/conv2d_table.inc && cmake --build --preset cuda && ctest --preset cuda"
    echo "and commit it together with this report."
fi
if ((${#failed[@]})); then
    printf 'FAILED: %s\n' "${failed[@]}" | tee -a "$out.txt" >&2
    exit 1
fi
