#!/usr/bin/env bash
# For maintainers: times objloc and the yardsticks in turn, on this CPU, and keeps every number.
#   tools/compare_peers.sh PYTHON FOLDER [--threads N] [--steps N] [--warmup N] [--rounds N] [--build FOLDER] [--out NAME]
# PYTHON has torch, and tensorflow too if Keras shall be timed. FOLDER holds the yardsticks, torch_vgg16_step.py and
# keras_vgg16_step.py: scripts that take --batch, --threads, --steps, --warmup and --freeze (torch's also --width and
# --channels-last, Keras's --jit) and print a JSON object a line for a training step and for inference. They are not
# part of objloc. Writes NAME.json, the processor and all lines as they were printed, and NAME.md, the table made of
# them; NAME is tools/results/cpu-DATE unless given. Leave the machine alone meanwhile.
set -euo pipefail
usage() { sed -n '3s/^# \{0,1\}//p' "$0" >&2; exit 2; }
(($# >= 2)) || usage
python=$1 folder=$2
shift 2
cd "$(dirname "$0")/.."

threads=$(nproc) steps=5 warmup=1 rounds=1 build=build/release out=tools/results/cpu-$(date -u +%Y-%m-%d)
while (($#)); do
    case $1 in
        --threads | --steps | --warmup | --rounds | --build | --out) (($# >= 2)) || usage ;;
        *) usage ;;
    esac
    printf -v "${1#--}" %s "$2"
    shift 2
done
bench=$build/tools/step_bench
[ -x "$bench" ] || { echo "error: there is no $bench; build it: tools/setup.sh" >&2; exit 1; }
has() { [ -f "$folder/$2" ] && "$python" -c "import $1" 2>/dev/null; }
has torch torch_vgg16_step.py || { echo "error: no torch in $python, or no $folder/torch_vgg16_step.py" >&2; exit 1; }
keras=no
if has tensorflow keras_vgg16_step.py; then keras=yes; fi

lines=$(mktemp)
trap 'rm -f "$lines"' EXIT

# model, width, batch, freeze: one row of the table each; a training step and inference are timed in all of them.
cases=("vgg16 1 16 none" "vgg16 1 64 none" "vgg16 1 1 none" "vgg16-slim 0.25 64 none" "vgg16 1 64 backbone")
time_case() {
    local model=$1 width=$2 freeze=()
    local common=(--batch "$3" --threads "$threads" --steps "$steps" --warmup "$warmup")
    [ "$4" = none ] || freeze=(--freeze)
    "$bench" --device cpu --model "$model" "${common[@]}" --freeze "$4" --json
    "$bench" --device cpu --model "$model" "${common[@]}" --inference --json
    "$python" "$folder/torch_vgg16_step.py" --device cpu --width "$width" "${common[@]}" "${freeze[@]}"
    "$python" "$folder/torch_vgg16_step.py" --device cpu --width "$width" --channels-last "${common[@]}" "${freeze[@]}"
    if [ $keras = yes ] && [ "$model" = vgg16 ]; then
        "$python" "$folder/keras_vgg16_step.py" "${common[@]}" "${freeze[@]}"
        "$python" "$folder/keras_vgg16_step.py" "${common[@]}" "${freeze[@]}" --jit
    fi
}
for ((round = 1; round <= rounds; ++round)); do
    for case in "${cases[@]}"; do
        echo "Round $round of $rounds: $case" >&2
        # shellcheck disable=SC2086  # a case is four words
        time_case $case >>"$lines"
    done
done
"$python" tools/peers_table.py "$lines" "$out"
