#!/bin/sh
# Fails where ONNX Runtime's CUDA library, $1, asks for a library that is not there. Only that of the driver comes with the node.
set -eu
links=$(ldd "$1")
missing=$(echo "$links" | awk '/not found/ && $1 != "libcuda.so.1" { print $1 }')
# Not linked, but opened when a session begins.
ldconfig -p | grep -q 'libcudnn\.so\.9' || missing="$missing libcudnn.so.9"
[ -z "$missing" ] || { echo "The base image does not have what ONNX Runtime needs:" $missing >&2; exit 1; }
