"""The peer of bench/against-pytorch.mjs: the seconds that PyTorch takes to adapt one batch to an ONNX classifier.

    python3 bench/pytorch_peer.py MODEL.onnx --scope batch --optimizer adam --steps 10 --rows 128 --threads 2
        [--device cuda --precision fp32|tf32|fp16]

Prints a line for each line read from standard input, so that its runs can alternate with those of another program. The network is
executed node by node with torch.nn.functional, its BatchNormalization with scale and shift of its own for the batch or for each row;
the entropy's gradient is autograd's. On a GPU the time includes copying the rows there and the logits back; fp16 is autocast with a
scaled loss, and cuDNN measures its algorithms before. Needs torch, onnx and numpy (Debian: python3-torch python3-onnx)."""
import argparse
import contextlib
import sys
import time

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper


class Network:
    """A feed-forward ONNX classifier of the ops that a ResNet uses."""

    def __init__(self, path, memory_format, device="cpu"):
        graph = onnx.load(path).graph
        self.weights = {}
        for tensor in graph.initializer:
            weight = torch.tensor(numpy_helper.to_array(tensor).copy()).to(device)
            self.weights[tensor.name] = weight.to(memory_format=memory_format) if weight.dim() == 4 else weight
        self.nodes = [(n, {a.name: onnx.helper.get_attribute_value(a) for a in n.attribute}) for n in graph.node]
        self.input, self.output = graph.input[0].name, graph.output[0].name
        self.size = [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim][1:]

    def norms(self):
        names = {n.output[0]: n.input[0] for n, _ in self.nodes if n.op_type == "Identity"}
        real = lambda name: names.get(name, name)  # noqa: E731
        return [[self.weights[real(i)] for i in n.input[1:5]] for n, _ in self.nodes if n.op_type == "BatchNormalization"]

    def __call__(self, x, affine):
        values, layer = dict(self.weights), 0
        values[self.input] = x
        for node, a in self.nodes:
            i = [values[name] for name in node.input if name]
            op = node.op_type
            if op == "Conv":
                y = F.conv2d(i[0], i[1], i[2] if len(i) > 2 else None, a["strides"], a["pads"][:2], a["dilations"], a["group"])
            elif op == "BatchNormalization":
                (scale, shift), mean, var = affine[layer], i[3], i[4]
                s = scale * (var + a.get("epsilon", 1e-5)).rsqrt()[None]
                y = i[0] * s[..., None, None] + (shift - mean[None] * s)[..., None, None]
                layer += 1
            elif op == "ReduceMean":
                y = i[0].mean(tuple(a["axes"]), keepdim=bool(a.get("keepdims", 1)))
            elif op == "MaxPool":
                y = F.max_pool2d(i[0], a["kernel_shape"], a["strides"], a["pads"][:2])
            elif op == "GlobalAveragePool":
                y = i[0].mean((2, 3), keepdim=True)
            elif op == "Flatten":
                y = i[0].flatten(a.get("axis", 1))
            elif op == "Gemm":
                y = F.linear(i[0], i[1], i[2])
            elif op == "Constant":
                y = torch.tensor(numpy_helper.to_array(a["value"]).copy()).to(x.device)
            else:
                y = {"Identity": lambda v: v, "Relu": F.relu, "Add": torch.add, "Sub": torch.sub, "Div": torch.div}[op](*i)
            values[node.output[0]] = y
        return values[self.output]


class AdaMod(torch.optim.Optimizer):
    """Adam whose step sizes are bounded by their exponential average (Ding et al. 2019)."""

    def __init__(self, params, lr, betas, beta3):
        super().__init__(params, dict(lr=lr, betas=betas, beta3=beta3))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            (b1, b2), b3 = group["betas"], group["beta3"]
            for p in group["params"]:
                s = self.state[p]
                if not s:
                    s.update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p), size=torch.zeros_like(p))
                s["t"] += 1
                s["m"].mul_(b1).add_(p.grad, alpha=1 - b1)
                s["v"].mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
                step = group["lr"] * (1 - b2 ** s["t"]) ** 0.5 / (1 - b1 ** s["t"]) / (s["v"].sqrt() + 1e-8)
                s["size"].mul_(b3).add_(step, alpha=1 - b3)
                p.sub_(torch.min(step, s["size"]) * s["m"])


def adapt(network, x, arguments):
    n = len(x) if arguments.scope == "sample" else 1
    affine = [[t[None].repeat(n, 1).requires_grad_() for t in norm[:2]] for norm in network.norms()]
    flat = [t for pair in affine for t in pair]
    if arguments.optimizer == "adamod":
        optimizer = AdaMod(flat, 6e-3, (0.99, 0.999), 0.6)
    else:
        optimizer = torch.optim.Adam(flat, lr=1e-3)
    for _ in range(arguments.steps):
        logits = network(x, affine)
        loss = -(logits.softmax(1) * logits.log_softmax(1)).sum() / len(x)
        optimizer.zero_grad()
        # Adam and AdaMod do not see the scale of a loss.
        (loss * arguments.loss_scale).backward()
        optimizer.step()
    with torch.no_grad():
        return network(x, affine)


def use_precision(arguments):
    """TF32 or not, cuDNN's fastest algorithms, and what the network runs in."""
    tf32 = arguments.precision != "fp32"
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
    half = arguments.precision == "fp16"
    arguments.loss_scale = 1024 if half else 1
    return torch.autocast("cuda", torch.float16) if half else contextlib.nullcontext()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--scope", choices=["batch", "sample"], required=True)
    parser.add_argument("--optimizer", choices=["adam", "adamod"], required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["fp32", "tf32", "fp16"], default="fp32")
    parser.add_argument("--data", help="float32 rows, one batch after the other; random ones where absent")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    formats = [torch.contiguous_format, torch.channels_last]
    networks = [Network(arguments.model, f, arguments.device) for f in formats]
    rows = (arguments.rows, *networks[0].size)
    if arguments.data:
        batches = torch.from_numpy(np.fromfile(arguments.data, np.float32)).reshape(-1, *rows)
    else:
        batches = torch.rand(1, *rows)
    print("ready", flush=True)
    with use_precision(arguments):
        for run, _ in enumerate(sys.stdin):
            best = float("inf")
            x = batches[run % len(batches)]
            for network, batch in [(n, x.to(memory_format=f)) for n, f in zip(networks, formats)]:
                start = time.perf_counter()
                adapt(network, batch.to(arguments.device), arguments).cpu()
                best = min(best, time.perf_counter() - start)
            print(best, flush=True)


if __name__ == "__main__":
    main()
