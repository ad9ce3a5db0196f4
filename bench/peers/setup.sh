#!/bin/sh
# Makes the Python environment of the peers: LitServe and BentoML, latest, beside a torch that is there already.
#
#   bench/peers/setup.sh FOLDER [PYTHON]
#
# PYTHON (python3 where it is not given) may have torch, onnx and pillow: they are used from there. What it lacks is installed.
set -eu
folder=$1
python=${2:-python3}
"$python" -m venv "$folder"
# The packages of PYTHON itself, which may be an environment too.
"$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])' >"$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/theirs.pth"
"$folder/bin/pip" install --quiet --disable-pip-version-check --upgrade litserve bentoml
"$folder/bin/python" -c 'import torch, onnx, PIL' 2>/dev/null || "$folder/bin/pip" install --quiet torch onnx pillow
"$folder/bin/python" -c 'import litserve, torch; from importlib.metadata import version as v; print("litserve", v("litserve"), "bentoml", v("bentoml"), "torch", torch.__version__)'
