"""Where ONNX Runtime's CUDA provider would run the nodes of graphs, on a machine without a GPU.

  pip download --no-deps --only-binary=:all: --require-hashes -d wheel -r docker/onnxruntime-gpu.txt
  npx dent compile MODEL.onnx -o graph.onnx --device cuda --recipe brief
  python3 bench/gpu/plan.py wheel/onnxruntime_gpu-*.whl graph.onnx ...

Opening a session is enough: nothing is run. NVIDIA's libraries are replaced by ones whose functions all succeed and
do nothing, so that the provider itself decides. It prints a line of JSON for each graph: how many nodes are on CUDA,
which are on the CPU, and the copies between both, by the loop or branch that they are in. A node on the CPU inside a
loop costs copies in each step, unless it is shape arithmetic, which the provider leaves to the CPU on purpose.

Needs gcc, nm, strings, and the packages numpy, onnx, flatbuffers and protobuf.
"""
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile

# Those that must give something.
BODIES = {
    **{name: f"int {name}(void **p, size_t n) {{ return (*p = malloc(n + 256)) == 0; }}"
       for name in ("cudaMalloc", "cudaHostAlloc", "cudaMallocHost")},
    **{name: f"int {name}(void *p) {{ free(p); return 0; }}" for name in ("cudaFree", "cudaFreeHost")},
    **{name: f"int {name}(void *to, const void *from, size_t n) {{ memcpy(to, from, n); return 0; }}"
       for name in ("cudaMemcpy", "cudaMemcpyAsync")},
    **{name: f"int {name}(void *p, int v, size_t n) {{ memset(p, v, n); return 0; }}"
       for name in ("cudaMemset", "cudaMemsetAsync")},
    **{name: f"int {name}(void **p) {{ static long x[8]; *p = x; return 0; }}"
       for name in ("cudaStreamCreate", "cudaStreamCreateWithFlags", "cudaEventCreate", "cudaEventCreateWithFlags",
                    "cublasCreate_v2", "cublasLtCreate", "cudnnCreate")},
    **{name: f'const char *{name}(int e) {{ return "stand-in"; }}'
       for name in ("cudaGetErrorName", "cudaGetErrorString", "cublasGetStatusName", "cublasGetStatusString",
                    "cudnnGetErrorString")},
    **{name: f"int {name}(int *n) {{ *n = 13000; return 0; }}"
       for name in ("cudaRuntimeGetVersion", "cudaDriverGetVersion")},
    "cudaGetDeviceCount": "int cudaGetDeviceCount(int *n) { *n = 1; return 0; }",
    "cudaGetDevice": "int cudaGetDevice(int *n) { *n = 0; return 0; }",
    "cudaMemGetInfo": "int cudaMemGetInfo(size_t *free, size_t *all) { *free = *all = 80ul << 30; return 0; }",
    "cudnnGetVersion": "size_t cudnnGetVersion(void) { return 91300; }",
    "cudaStreamIsCapturing": "int cudaStreamIsCapturing(void *s, int *c) { *c = 0; return 0; }",
    "__cudaRegisterFatBinary": "void **__cudaRegisterFatBinary(void *x) { static void *h[4]; return h; }",
    # Compute capability 9.0 with 132 processors, where cudaDeviceProp of CUDA 13 has them.
    "cudaGetDeviceProperties": """int cudaGetDeviceProperties(char *p, int d) {
      memset(p, 0, 700); *(size_t *)(p + 288) = 80ul << 30; *(size_t *)(p + 296) = 49152; *(int *)(p + 304) = 65536;
      *(int *)(p + 308) = 32; *(int *)(p + 320) = 1024; *(int *)(p + 360) = 9; *(int *)(p + 384) = 132; return 0; }""",
}


def make_stand_ins(provider, folder):
    """Libraries with all functions that the provider links to, or looks up by name."""
    def output(*command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    libraries = {"libcudnn.so.9": [], "libcufft.so.12": [], "libcuda.so.1": ["cuTensorMapEncodeTiled"],
                 "libcurand.so.10": ["curandCreateGenerator"]}
    for symbol in output("nm", "-D", "--undefined-only", provider):
        found = re.fullmatch(r"(\w+)@(lib(?:cublas|cublasLt|cudart)\.so\.\d+)", symbol)
        if found:
            libraries.setdefault(found[2], []).append(found[1])
    for text in set(output("strings", "-a", provider)):
        for prefix in ("cudnn", "cufft"):
            if re.fullmatch(prefix + r"[A-Z]\w+", text):
                libraries[f"lib{prefix}.so.{9 if prefix == 'cudnn' else 12}"].append(text)
    for library, names in libraries.items():
        path = os.path.join(folder, library)
        with open(path + ".c", "w") as file:
            file.write("#include <stdlib.h>\n#include <string.h>\n")
            file.writelines(BODIES.get(name, f"int {name}(void) {{ return 0; }}") + "\n" for name in sorted(set(names)))
        with open(path + ".map", "w") as file:
            file.write(f"{library} {{ global: *; }};\n")
        versions = [f"-Wl,--version-script={path}.map"] if re.search("cublas|cudart", library) else []
        subprocess.run(["gcc", "-w", "-shared", "-fPIC", "-o", path, path + ".c", f"-Wl,-soname,{library}", *versions],
                       check=True)
    os.symlink("libcudnn.so.9", os.path.join(folder, "libcudnn.so"))


def copies_of(graph, onnx, inside="graph", counts=None):
    counts = collections.Counter() if counts is None else counts
    for node in graph.node:
        if node.op_type.startswith("Memcpy"):
            counts[f"{inside} {node.op_type}"] += 1
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                copies_of(attribute.g, onnx, node.name or node.op_type, counts)
    return counts


def plan(path, folder):
    """Opens the graph with the log on, and reads where its nodes were placed."""
    import onnx
    import onnxruntime
    log, keep = tempfile.TemporaryFile(), os.dup(2)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 0
    options.optimized_model_filepath = os.path.join(folder, "placed.onnx")
    os.dup2(log.fileno(), 2)
    try:
        onnxruntime.InferenceSession(path, options, providers=["CUDAExecutionProvider", "CPUExecutionProvider"])
    finally:
        os.dup2(keep, 2)
    log.seek(0)
    provider, counts, on_cpu = None, collections.Counter(), collections.Counter()
    for line in log.read().decode("utf8", "replace").splitlines():
        _, is_placement, text = line.partition("VerifyEachNodeIsAssignedToAnEp]")
        header = re.search(r"placed on \[(\w+)\]\. Number of nodes: (\d+)", text)
        node = re.match(r"\s*(\w+) \((.*)\)", text)
        if header:
            provider = header[1]
            counts[provider] += int(header[2])
        elif is_placement and node and provider == "CPUExecutionProvider":
            on_cpu[f"{node[2]} {node[1]}"] += 1
    copies = copies_of(onnx.load(options.optimized_model_filepath, load_external_data=False).graph, onnx)
    return dict(graph=path, cuda=counts["CUDAExecutionProvider"], cpu=list(on_cpu), copies=copies)


def main(wheel, *graphs):
    stand_ins, unpacked = os.environ.get("DENT_STAND_INS"), os.environ.get("DENT_WHEEL")
    if stand_ins:
        sys.path.insert(0, unpacked)
        with tempfile.TemporaryDirectory() as folder:
            for path in graphs:
                print(json.dumps(plan(path, folder)), flush=True)
        return
    # The dynamic linker reads LD_LIBRARY_PATH when a program starts.
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(wheel).extractall(folder)
        libraries = os.path.join(folder, "stand-ins")
        os.mkdir(libraries)
        make_stand_ins(os.path.join(folder, "onnxruntime/capi/libonnxruntime_providers_cuda.so"), libraries)
        environment = dict(os.environ, DENT_STAND_INS=libraries, DENT_WHEEL=folder, LD_LIBRARY_PATH=libraries)
        sys.exit(subprocess.run([sys.executable, __file__, wheel, *graphs], env=environment).returncode)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
