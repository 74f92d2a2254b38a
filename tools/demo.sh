#!/usr/bin/env bash
# The main job: sets up what is missing, trains a localizer from scratch on cats over photographs, and puts a box on a
# picture that it has never seen. On the GPU if there is one, else on the CPU.
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

"$bin/objloc_train" --scene natural --model vgg16-slim --weights none --seed 1 --out "$run" "$@"
echo
"$bin/objloc_predict" --model "$run/model.h5" --out "$run" generators/assets/demo.jpg
cat <<END

What it trained on      $run/samples.png
Held-out predictions    $run/predictions.png      (white: truth, green: prediction)
A picture never seen    $run/demo.jpg.box.png
The model               $run/model.h5
END
