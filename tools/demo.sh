#!/usr/bin/env bash
# The main job: sets up what is missing, trains a localizer for a minute on a cat in scenes like life, puts a box on a
# picture that it has never seen, and judges the model under 27 conditions. On the GPU if there is one, else on the CPU.
#   tools/demo.sh [objloc_train's flags]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=release
if command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1 &&
    { command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ]; }; then
    preset=cuda
fi
tools/setup.sh "$preset"
bin="build/$preset/tools"
run=runs/demo

"$bin/objloc_train" --recipe detect --minutes 1 --seed 1 --out "$run" "$@"
echo
"$bin/objloc_predict" --model "$run/model.h5" --out "$run" generators/assets/demo.jpg
echo
"$bin/objloc_conditions" --model "$run/model.h5" --count 4 --sheet "$run/conditions.png" | tee "$run/conditions.md"
cat <<END

What it trained on      $run/samples.png
Held-out predictions    $run/predictions.png      (white: truth, green: prediction)
A picture never seen    $run/demo.jpg.box.png
Best and worst          $run/conditions.png       (of the conditions in the table above)
The model               $run/model.h5
END
