#!/usr/bin/env bash
# Compiles every CUDA kernel for its real targets and fails on any warning and on registers spilled to memory: what
# the tests, which run the kernels on the CPU, cannot see. Needs nvcc, no GPU. Usage: tools/check_cuda.sh [FILE.cu ...]
set -euo pipefail
cd "$(dirname "$0")/.."

nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
if [[ ! -x $nvcc ]]; then
  echo "nvcc is not here: the kernels are tested on the host runtime only"
  exit 0
fi

files=("$@")
if ((${#files[@]} == 0)); then
  mapfile -t files < <(find kernels/cuda -name '*.cu' | sort)
  [[ -e $(dirname "$nvcc")/../include/cudnn.h ]] && files+=(kernels/cudnn/*.cu)
fi
work=$(mktemp -d)
ln -s "$PWD" "$work/objloc"  # headers are "objloc/kernels/..."
trap 'rm -rf "$work"' EXIT

# One source's log, and its verdict in the exit status. C7508: setmaxnreg is ignored; C7510: wgmma is serialised.
check_file() {
  local file=$1 log=$3/${1//\//_}.log
  if ! "$2" -std=c++20 -O3 -I"$3" -DOBJLOC_CUDA_OLDEST=80 -Werror all-warnings -Xcompiler -Wall,-Wextra,-Wshadow,-Werror \
    -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90a,code=sm_90a \
    -gencode arch=compute_90,code=compute_90 -Xptxas -v -c "$file" -o "$log.o" >"$log" 2>&1; then
    printf 'FAILED to compile %s\n%s\n' "$file" "$(grep -v '^ptxas info' "$log" || true)"
    return 1
  fi
  rm -f "$log.o"
  if grep -E 'warning|C7508|C7510' "$log"; then
    echo "FAILED: $file compiles with warnings"
    return 1
  fi
  if grep -B2 -E ' [1-9][0-9]* bytes spill (stores|loads)' "$log"; then
    echo "FAILED: $file spills registers to memory"
    return 1
  fi
  local registers
  registers=$(grep -oE 'Used [0-9]+ registers' "$log" | grep -oE '[0-9]+' | sort -n | tail -1 || true)
  printf '%-45s %s\n' "$file" "${registers:+at most }${registers:-no kernels}${registers:+ registers}"
}
export -f check_file

printf '%s\0' "${files[@]}" |
  xargs -0 -P "$(nproc)" -I{} bash -c 'check_file "$@"' check_file {} "$nvcc" "$work"
echo "${#files[@]} kernel sources compile for sm_80, sm_90a and PTX, without warnings or spills"
