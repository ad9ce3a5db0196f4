#!/usr/bin/env bash
# Packs what run.mjs needs for a machine that has an NVIDIA GPU but reaches no registry: this checkout, built; its
# dependencies; Node.js; ONNX Runtime's CUDA build. In pieces, because such machines often take only small files.
#   bash bench/gpu/pack.sh OUT [FILE...]      OUT gets piece-00, piece-01, ... and unpack.sh; each FILE travels along
# PIECE_BYTES, 40 MB by default, is the size of a piece. With CAPABILITY=90, say, only the kernels for GPUs of that compute
# capability travel (9.0 are H100 and H200), and all becomes half as large. Needs npm and pip.
set -euo pipefail
[ $# -ge 1 ] || { echo "Usage: bash bench/gpu/pack.sh OUT [FILE...]" >&2; exit 2; }
checkout=$(cd "$(dirname "$0")/../.." && pwd)
[ -e "$checkout/dist/cli/main.js" ] || { echo "There is no build in $checkout: run npm run build first." >&2; exit 1; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

mkdir -p "$stage/dent/app" "$stage/wheel" "$stage/dent/files"
cd "$checkout"
cp -r dist models bench docker package.json package-lock.json clients "$stage/dent/app/"
mkdir "$stage/dent/app/test"
cp -r test/golden "$stage/dent/app/test/"
for file in "$@"; do cp -rL "$file" "$stage/dent/files/"; done
cp "$(realpath "$(command -v node)")" "$stage/dent/node"

cd "$stage/dent/app"
npm ci --omit=dev --ignore-scripts --no-audit --no-fund >&2
sh docker/prune-binaries.sh
pip download --quiet --no-deps --only-binary=:all: --require-hashes -d "$stage/wheel" -r docker/onnxruntime-gpu.txt
python3 -m zipfile -e "$stage"/wheel/onnxruntime_gpu-*.whl "$stage/wheel/all"
libraries=$stage/dent/app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64
rm -f "$libraries"/libonnxruntime.so*
cp "$stage"/wheel/all/onnxruntime/capi/libonnxruntime.so.* "$libraries/libonnxruntime.so.1"
cp "$stage"/wheel/all/onnxruntime/capi/libonnxruntime_providers_{shared,cuda}.so "$libraries/"
if [ -n "${CAPABILITY:-}" ]; then
  python3 "$checkout/bench/gpu/one_architecture.py" "$libraries/libonnxruntime_providers_cuda.so" "$CAPABILITY"
fi

rm -f "$out"/piece-[0-9][0-9]
tar c -C "$stage" dent | gzip -6 | split -b "${PIECE_BYTES:-40000000}" -d - "$out/piece-"
cp "$checkout/bench/gpu/unpack.sh" "$out/"
ls -l "$out"
