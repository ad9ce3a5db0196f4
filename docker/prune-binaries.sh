#!/bin/sh
# Takes away the binaries of ONNX Runtime that this platform cannot load. Run in the folder that holds node_modules.
set -eu
cd node_modules/onnxruntime-node/bin/napi-v6
own="linux/$(node -p process.arch)"
[ -d "$own" ] || { echo "ONNX Runtime has no binaries for $own." >&2; exit 1; }
find . -mindepth 2 -maxdepth 2 -type d ! -path "./$own" -exec rm -r {} +
find . -mindepth 1 -maxdepth 1 -type d -empty -delete
