#!/usr/bin/env bash
# For maintainers: times objloc and the yardsticks in turn, on this CPU, and keeps every number.
#   tools/compare_peers.sh PYTHON FOLDER [--batch N] [--threads N] [--steps N] [--warmup N] [--rounds N] [--slim]
#                          [--build FOLDER] [--out FILE]
# PYTHON has torch, and tensorflow too if Keras shall be timed. FOLDER holds the yardsticks, torch_vgg16_step.py and
# keras_vgg16_step.py: scripts that take --batch, --threads, --steps and --warmup (torch's also --width and
# --channels-last) and print a JSON object a line for a training step and for inference. They are not part of objloc.
# Writes tools/results/cpu-DATE.json: the processor, and all lines as they were printed. Leave the machine alone
# meanwhile; each of the rounds runs one program after the other, so that a slow minute meets all of them.
set -euo pipefail
usage() { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
(($# >= 2)) || usage
python=$1 folder=$2
shift 2
cd "$(dirname "$0")/.."

batch=16 threads=$(nproc) steps=5 warmup=2 rounds=3 model=vgg16 width=1 build=build/release out=""
while (($#)); do
    case $1 in
        --slim) model=vgg16-slim width=0.25; shift; continue ;;
        --batch | --threads | --steps | --warmup | --rounds | --build | --out) (($# >= 2)) || usage ;;
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
if [ "$model" = vgg16 ] && has tensorflow keras_vgg16_step.py; then keras=yes; fi

lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
common=(--batch "$batch" --threads "$threads" --steps "$steps" --warmup "$warmup")
note() { echo "Round $1 of $rounds: $2" >&2; }
for ((round = 1; round <= rounds; ++round)); do
    note "$round" objloc
    "$bench" --device cpu --model "$model" "${common[@]}" --json >>"$lines"
    "$bench" --device cpu --model "$model" "${common[@]}" --inference --json >>"$lines"
    note "$round" PyTorch
    "$python" "$folder/torch_vgg16_step.py" --device cpu --width "$width" --channels-last "${common[@]}" >>"$lines"
    [ $keras = yes ] || continue
    note "$round" Keras
    "$python" "$folder/keras_vgg16_step.py" "${common[@]}" >>"$lines"
done

"$python" - "$lines" "${out:-tools/results/cpu-$(date -u +%Y-%m-%d).json}" <<'END'
import json, os, platform, re, statistics, sys

source, target = sys.argv[1:]
runs = [json.loads(line) for line in open(source) if line.startswith("{")]
names = re.findall(r"model name\s*: (.*)", open("/proc/cpuinfo").read()) or [platform.processor()]
text = json.dumps({"processor": names[0], "cores": os.cpu_count(), "runs": runs}, indent=1)
os.makedirs(os.path.dirname(target) or ".", exist_ok=True)
with open(target + ".part", "w") as file:
    file.write(text + "\n")
os.replace(target + ".part", target)

groups = {}
for run in runs:
    groups.setdefault((run["what"], run.get("peer", "objloc")), []).append(run["images_per_s"])
print(f"{'':12} {'':20} images/s, median of rounds")
for (what, peer), speeds in sorted(groups.items()):
    print(f"{what:12} {peer:20} {statistics.median(speeds):.2f}")
print("Written:", target)
END
