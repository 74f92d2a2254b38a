#!/usr/bin/env bash
# For maintainers: what each ingredient of objloc_train's recipe is worth. Trains vgg16-slim with each one taken away or
# added, over several seeds, and evaluates on scenes never trained on.
#   tools/ablation.sh [--seeds "1 2 3"] [--rows REGEX] [--side 128] [--build FOLDER] [--out FILE]
# Writes FILE (default: tools/results/ablation-DATE.jsonl), a line a run; tools/ablation_table.py makes the table of it.
# Runs that FILE holds already are not repeated. Two at a time, half of the processors each: about a minute a run on
# two cores, a quarter of that at --side 64.
set -euo pipefail
cd "$(dirname "$0")/.."

seeds="1 2 3" rows=. side=128 build=build/release out=tools/results/ablation-$(date -u +%Y-%m-%d).jsonl
while (($#)); do
    case $1 in
        --seeds | --rows | --side | --build | --out) (($# >= 2)) || { sed -n '4s/^# *//p' "$0" >&2; exit 2; } ;;
        *) sed -n '4s/^# *//p' "$0" >&2; exit 2 ;;
    esac
    printf -v "${1#--}" %s "$2"
    shift 2
done
tools=$build/tools
[ -x "$tools/objloc_eval" ] || { echo "error: there is no $tools/objloc_eval; build it: tools/setup.sh" >&2; exit 1; }

# scene | what the row is | flags beyond the recipe's
# scene | what the row is | flags beyond the recipe's
table='blob | recipe best |
cat | recipe best |
natural | recipe best |
blob | recipe tutorial | --recipe tutorial
natural | recipe tutorial | --recipe tutorial
blob | head flatten | --head flatten
blob | loss bce | --loss bce
blob | constant rate | --schedule constant
blob | no clipping | --clip-norm 0
blob | one rate for all parts | --lr 1e-3 --backbone-lr-multiplier 1
natural | backgrounds as they are | --background-variants 1
natural | 8 variants of the sprite | --sprite-variants 8'

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export OMP_WAIT_POLICY=passive
threads=$(($(nproc) > 1 ? $(nproc) / 2 : 1))

# One run: train, evaluate, one line. `flags` may be empty.
run() {
    local scene=$1 row=$2 flags=$3 seed=$4
    local key="\"scene\":\"$scene\",\"side\":$side,\"row\":\"$row\",\"seed\":$seed"
    if grep -qsF "$key" "$out"; then return; fi
    local at="$folder/$scene-${row// /_}-$seed"
    # shellcheck disable=SC2086
    "$tools/objloc_train" --device cpu --threads "$threads" --model vgg16-slim --weights none --scene "$scene" --side "$side" --seed "$seed" \
        $flags --out "$at" >"$at.log" 2>&1 || { tail -n 3 "$at.log" >&2; return 1; }
    local json
    json=$("$tools/objloc_eval" --device cpu --threads "$threads" --model "$at/model.h5" --scene "$scene" --seed "$((1000 + seed))" \
        --count 1024 --json | python3 tools/ablation_table.py --shorten)
    printf '{%s,"flags":"%s","commit":"%s","eval":%s}\n' "$key" "$flags" "$(git rev-parse --short HEAD)" "$json" >>"$out"
    rm -rf "$at" "$at.log"
    echo "$scene, $row, seed $seed: done"
}

for seed in $seeds; do
    while IFS='|' read -r scene row flags; do
        scene=$(echo $scene) row=$(echo $row) flags=$(echo $flags)
        [[ "$scene $row" =~ $rows ]] || continue
        while (($(jobs -rp | wc -l) >= 2)); do wait -n; done
        run "$scene" "$row" "$flags" "$seed" &
    done <<<"$table"
done
wait
