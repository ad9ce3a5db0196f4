#!/usr/bin/env bash
# On the machine with the GPU, in the folder of the pieces: puts them together under WHERE and writes WHERE/dent/env.
#   bash unpack.sh WHERE
# Then: source WHERE/dent/env && cd WHERE/dent/app && $NODE bench/gpu/run.mjs --out results.jsonl
set -euo pipefail
pieces=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
cat "$pieces"/piece-[0-9][0-9] | tar xz
where=$PWD/dent
# CUDA 13 and cuDNN 9: those of the system, or of PyTorch's packages where it is installed with them.
found=$(python3 - <<'PYTHON' || true
import glob, os
try:
    import torch
    site = os.path.dirname(os.path.dirname(torch.__file__))
    print(":".join(sorted(glob.glob(os.path.join(site, "nvidia", "*", "lib")))))
except ImportError:
    pass
PYTHON
)
{
  echo "export NODE=$where/node"
  echo "export DENT_CACHE_DIR=$where/cache"
  echo "export LD_LIBRARY_PATH=${found}\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}"
} > dent/env
dent/node --version
nvidia-smi -L || echo "nvidia-smi is missing: run.mjs can only be tried with --device cpu here." >&2
