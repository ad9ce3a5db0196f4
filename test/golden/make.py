"""Writes the folders beside this file: model.onnx (but for the bundled model), input.npy and cases.json.

    python3 make.py            needs torch, numpy and onnx; written with torch 1.13, numpy 1.24, onnx 1.12

The small networks are drawn at random and given running statistics by passing data through them; the images are random
too. What the adapted network must
answer comes from the implementation of the method below, which is independent of the compiled graphs: it adapts a copy
of the PyTorch network with autograd, in float64.

Each row of a case has its tolerance: twenty times what float32 makes of the same row, and at least 1e-4. An activation next
to a kink may fall on either side of it in float32, and the row then takes another of a few definite ways. To know these
ways, float32 is also tried on copies of the images whose last bits differ; twice their largest difference is tolerated.
"""
import copy
import json
import math
import pathlib

import numpy as np
import onnx.numpy_helper
import torch
import torch.nn as nn
import torch.nn.functional as F

FOLDER = pathlib.Path(__file__).parent
DRAWS = 40

# ---- the method -------------------------------------------------------------------------------------------------------

SAMPLE_WISE = dict(scope="sample", optimizer="adamod", lr=6e-3, beta1=0.99, beta3=0.6)
DEFAULTS = dict(scope="batch", statistics="source", prior=16, objective="entropy", optimizer="adam", lr=1e-3, beta1=0.9,
                beta2=0.999, beta3=0.999, rows="batch", sigma="off", sigmaLr=0.25, affine="on", gate="off", floor="off", margin=0,
                divergence="off", divergenceRows=20)
CASES = {
    "static": dict(preset="static"),
    "norm": dict(preset="norm"),
    "blend": dict(preset="blend"),
    "tent": dict(preset="tent"),
    "dent": dict(preset="dent"),
    "dent+": dict(preset="dent+"),
    "isolated": dict(preset="isolated"),
    "sgd on blended statistics": dict(preset="blend", steps=4, optimizer="sgd", lr=1e-2, prior=5),
    "smoothing by row": dict(preset="isolated", sigma=0.7, steps=4),
    "smoothing alone": dict(preset="dent-smooth", affine="off", sigma=1.3, steps=4),
}
MORE_CASES = {
    "adam by row, infomax": dict(preset="dent+", steps=5, optimizer="adam", lr=1e-3, beta1=0.9),
    "sgd": dict(preset="dent", steps=5, optimizer="sgd", lr=1e-2),
    "dent on batch statistics": dict(preset="dent", statistics="batch"),
    "isolated on batch statistics": dict(preset="isolated", statistics="batch", rows="batch", steps=4),
    "dent on blended statistics": dict(preset="dent", statistics="blend"),
    "smoothing that stays": dict(preset="static", sigma=0.5, sigmaLr=0),
    "dent+ with smoothing": dict(preset="dent+", sigma=0.5),
}
# What came later stands last, so that the draws of the cases before it stay as they were.
LATER_CASES = {
    "brief": dict(preset="brief"),
    "brief, all rows stop at once": dict(preset="brief", gate=1),
    "brief, no row stops": dict(preset="brief", gate=0, floor=0),
    "rows that stop, with smoothing": dict(preset="isolated", floor=0.5, sigma=0.7, steps=4),
    "auto": dict(preset="auto"),
    "auto, source": dict(preset="auto", margin=-3),
    "auto, blend": dict(preset="auto", margin=3, prior=5),
    "dent on auto statistics, source": dict(preset="dent", statistics="auto", margin=-3, steps=3),
    "dent on auto statistics, blend": dict(preset="dent", statistics="auto", margin=3, steps=3),
    "auto with smoothing": dict(preset="auto", sigma=0.5, sigmaLr=0, margin=3),
    "auto by divergence": dict(preset="auto", divergence=1e-4, divergenceRows=3, margin=3),
    "auto by divergence, near": dict(preset="auto", divergence=9, margin=3),
    "auto by divergence, unsure": dict(preset="auto", divergence=1e-4, margin=-3),
    "dent on auto statistics by divergence": dict(preset="dent", statistics="auto", divergence=1e-4, margin=3, steps=3),
}
PRESETS = {
    "static": dict(steps=0),
    "norm": dict(steps=0, statistics="batch"),
    "blend": dict(steps=0, statistics="blend"),
    "tent": dict(steps=1, statistics="batch"),
    "dent": dict(steps=10),
    "dent+": dict(SAMPLE_WISE, steps=6, objective="infomax"),
    "isolated": dict(SAMPLE_WISE, steps=6, rows=128),
    "brief": dict(SAMPLE_WISE, steps=6, rows=128, gate=0.4, floor=0.2),
    "auto": dict(steps=0, statistics="auto"),
    "dent-smooth": dict(steps=10, sigma=0.5),
}


class AdaptedNorm(nn.Module):
    """BatchNorm with scale and shift [R, C] in place of its own; R is 1 or the number of rows."""

    def __init__(self, norm, count, recipe):
        super().__init__()
        self.norm = norm
        self.share = {"source": 0.0, "batch": 1.0, "blend": count / (count + recipe["prior"])}[recipe["statistics"]]
        repeat = count if recipe["scope"] == "sample" else 1
        self.scale = nn.Parameter(norm.weight.detach().expand(repeat, -1).clone())
        self.shift = nn.Parameter(norm.bias.detach().expand(repeat, -1).clone())

    def forward(self, x):
        others = [axis for axis in range(x.dim()) if axis != 1]

        def spread(v):
            return v.reshape(v.shape + (1,) * (x.dim() - 2))

        mean = self.norm.running_mean * (1 - self.share)
        variance = self.norm.running_var * (1 - self.share)
        if self.share > 0:
            mean = mean + self.share * x.mean(others)
            variance = variance + self.share * x.var(others, unbiased=False)
        normal = (x - spread(mean[None])) / torch.sqrt(spread(variance[None]) + self.norm.eps)
        return normal * spread(self.scale) + spread(self.shift)


def with_adapted_norms(module, count, recipe):
    for name, child in module.named_children():
        if isinstance(child, (nn.BatchNorm1d, nn.BatchNorm2d)):
            setattr(module, name, AdaptedNorm(child, count, recipe))
        else:
            with_adapted_norms(child, count, recipe)
    return module


def blur(x, log_sigma):
    """A Gaussian of standard deviation exp(log_sigma) pixels [R], between 0.05 and 2: nine taps, of which those beyond
    max(1, ceil(2 sigma)) are zero, first along the width and then along the height; the border is replicated."""
    sigma = log_sigma.exp().clamp(0.05, 2.0)[:, None]
    at = torch.arange(-4, 5, dtype=x.dtype)[None]
    inside = at.abs() <= torch.ceil(2 * sigma.detach()).clamp(min=1)
    taps = torch.exp(-at ** 2 / (2 * sigma ** 2)) * inside
    taps = taps / taps.sum(1, keepdim=True)
    for axis in (3, 2):
        last = x.shape[axis] - 1
        moved = [x.index_select(axis, torch.arange(last + 1).add(k).clamp(0, last)) for k in range(-4, 5)]
        x = sum(taps[:, k, None, None, None] * moved[k] for k in range(9))
    return x


def row_entropy(logits):
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1)


def loss_of(logits, recipe):
    if recipe["objective"] == "entropy":
        return row_entropy(logits).sum() / (len(logits) if recipe["rows"] == "batch" else recipe["rows"])
    p = logits.softmax(1)
    q = p.mean(0)
    return (q * torch.log(q + 1e-5)).sum() - (p * torch.log(p + 1e-5)).sum(1).mean()


def update(p, state, t, lr, recipe):
    """One step of the recipe's optimizer on one tensor."""
    beta1, beta2, g = recipe["beta1"], recipe["beta2"], p.grad
    m, v, s = state.setdefault(p, [torch.zeros_like(p), torch.zeros_like(p), torch.zeros_like(p)])
    if recipe["optimizer"] == "sgd":
        m.mul_(beta1).add_(g)
        p.sub_(lr * m)
        return
    m.mul_(beta1).add_((1 - beta1) * g)
    v.mul_(beta2).add_((1 - beta2) * g * g)
    bias1, bias2 = 1 - beta1 ** t, 1 - beta2 ** t
    if recipe["optimizer"] == "adam":
        p.sub_(lr / bias1 * m / (v.sqrt() / math.sqrt(bias2) + 1e-8))
        return
    size = lr * math.sqrt(bias2) / bias1 / (v.sqrt() + 1e-8)
    s.mul_(recipe["beta3"]).add_((1 - recipe["beta3"]) * size)
    p.sub_(torch.min(size, s) * m)


def divergence_of(network, x):
    """The geometric mean over layers of the mean over channels of KL(N(batch) || N(training run)) by torch.distributions,
    each variance with the layer's epsilon."""
    net, found = copy.deepcopy(network).eval(), []

    def measure(norm, given):
        others = [axis for axis in range(given[0].dim()) if axis != 1]
        normal = torch.distributions.Normal
        batch = normal(given[0].mean(others), (given[0].var(others, unbiased=False) + norm.eps).sqrt())
        source = normal(norm.running_mean, (norm.running_var + norm.eps).sqrt())
        found.append(torch.distributions.kl_divergence(batch, source).mean())

    for norm in net.modules():
        if isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d)):
            norm.register_forward_pre_hook(measure)
    with torch.no_grad():
        net(x)
    return torch.stack(found).log().mean().exp().item()


def chosen_statistics(network, x, recipe):
    """The blend where the unadapted network is surer of the batch with it, or less sure by less than the margin. With a limit
    to the divergence, only where the batch is beyond it."""
    if recipe["divergence"] != "off":
        if divergence_of(network, x) <= recipe["divergence"] * (1 + recipe["divergenceRows"] / len(x)):
            return "source"
    def uncertainty(statistics):
        net = with_adapted_norms(copy.deepcopy(network).eval(), len(x), dict(recipe, statistics=statistics))
        with torch.no_grad():
            return row_entropy(net(x)).mean().item()
    return "blend" if uncertainty("blend") < uncertainty("source") + recipe["margin"] else "source"


def least_entropy(recipe, step, classes):
    """The entropy that a row must have to make update `step`, counted from 0."""
    shares = [recipe["floor"]] + ([recipe["gate"]] if step == 0 else [])
    return max(0.0 if share == "off" else share for share in shares) * math.log(classes)


def adapt(network, x, recipe):
    """Logits [N, K], entropies [steps + 1, N] and sigma [R] (or None) of `network` adapted to the batch x."""
    if recipe["statistics"] == "auto":
        recipe = dict(recipe, statistics=chosen_statistics(network, x, recipe))
    net = with_adapted_norms(copy.deepcopy(network).eval().requires_grad_(False), len(x), recipe)
    norms = [m for m in net.modules() if isinstance(m, AdaptedNorm)]
    rates = []
    if recipe["affine"] == "on":
        rates = [(p, recipe["lr"]) for m in norms for p in (m.scale, m.shift)]
    smooths = recipe["sigma"] != "off"
    if smooths:
        count = len(x) if recipe["scope"] == "sample" else 1
        log_sigma = nn.Parameter(torch.full((count,), math.log(recipe["sigma"]), dtype=x.dtype))
        rates.append((log_sigma, recipe["sigmaLr"]))

    def forward():
        return net(blur(x, log_sigma) if smooths else x)

    state, trace = {}, []
    for p, _ in rates:
        p.requires_grad_(True)
    stops = recipe["gate"] != "off" or recipe["floor"] != "off"
    going = torch.ones(len(x), dtype=torch.bool)
    for t in range(1, recipe["steps"] + 1):
        for p, _ in rates:
            p.grad = None
        logits = forward()
        trace.append(row_entropy(logits).detach())
        loss_of(logits, recipe).backward()
        if stops:
            going &= trace[-1] >= least_entropy(recipe, t - 1, logits.shape[1])
        with torch.no_grad():
            for p, lr in rates:
                before = p.detach().clone()
                update(p, state, t, lr, recipe)
                if stops:
                    p[~going] = before[~going]
    with torch.no_grad():
        logits = forward()
        trace.append(row_entropy(logits))
        sigma = log_sigma.exp().clamp(0.05, 2.0) if smooths else None
    return logits.detach(), torch.stack(trace), sigma


# ---- the networks -----------------------------------------------------------------------------------------------------

def block(*layers):
    return nn.Sequential(*layers)


class Residual(nn.Module):
    def __init__(self, way, shortcut, after):
        super().__init__()
        self.way, self.shortcut, self.after = way, shortcut, after

    def forward(self, x):
        return self.after(self.way(x) + self.shortcut(x))


def vgg():
    """Plain convolutions and max pooling, on images that are wider than high."""
    return block(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Conv2d(12, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(12 * 3 * 4, 16), nn.ReLU(), nn.Linear(16, 7))


def mobilenet():
    """Inverted residuals: 1x1 convolutions around depthwise ones, ReLU6 between them."""
    def inverted(i, o, stride):
        hidden = 3 * i
        way = block(nn.Conv2d(i, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(),
                    nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(),
                    nn.Conv2d(hidden, o, 1, bias=False), nn.BatchNorm2d(o))
        return Residual(way, nn.Identity(), nn.Identity()) if stride == 1 and i == o else way
    return block(nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), nn.ReLU6(),
                 inverted(6, 6, 1), inverted(6, 10, 2), inverted(10, 10, 1),
                 nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, 5))


def bottleneck():
    """A strided stem with overlapping max pooling, grouped bottlenecks, and a head that normalises vectors."""
    def grouped(i, o, stride):
        way = block(nn.Conv2d(i, 8, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
                    nn.Conv2d(8, 8, 3, stride, 1, groups=4, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
                    nn.Conv2d(8, o, 1, bias=False), nn.BatchNorm2d(o))
        return Residual(way, block(nn.Conv2d(i, o, 1, stride, bias=False), nn.BatchNorm2d(o)), nn.ReLU())
    return block(nn.Conv2d(3, 8, 5, 2, 2, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
                 grouped(8, 16, 1), grouped(16, 16, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                 nn.Linear(16, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, 6))


def averaging():
    """Average pooling with windows that hang over the border, leaky and smooth activations, a closing Softmax."""
    return block(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.LeakyReLU(0.1),
                 nn.AvgPool2d(3, 2, ceil_mode=True), nn.Conv2d(8, 10, 3, dilation=2), nn.BatchNorm2d(10), nn.SiLU(),
                 nn.AvgPool2d(2, 2, padding=1, count_include_pad=False), nn.Flatten(), nn.Linear(10 * 4, 8))


class Bundled(nn.Module):
    """A network read from an ONNX file of the few ops that the bundled classifier has."""

    def __init__(self, path):
        super().__init__()
        graph = onnx.load(path).graph
        self.weights = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()) for t in graph.initializer}
        self.nodes, self.output = graph.node, graph.output[0].name
        self.norms = nn.ModuleDict()
        for node in graph.node:
            if node.op_type == "Identity":
                self.weights[node.output[0]] = self.weights[node.input[0]]
        for i, node in enumerate(graph.node):
            if node.op_type == "BatchNormalization":
                scale, shift, mean, variance = (self.weights[name] for name in node.input[1:])
                norm = self.norms[str(i)] = nn.BatchNorm2d(len(scale)).eval()
                norm.load_state_dict(dict(weight=scale, bias=shift, running_mean=mean, running_var=variance), strict=False)

    def forward(self, x):
        values = {name: weight.to(x.dtype) for name, weight in self.weights.items()}
        values["input"] = x
        for i, node in enumerate(self.nodes):
            given = [values[name] for name in node.input]
            attribute = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            values[node.output[0]] = self.compute(str(i), node.op_type, given, attribute)
        return values[self.output]

    def compute(self, i, op, given, attribute):
        if op == "Conv":
            return F.conv2d(*given, stride=attribute["strides"], padding=attribute["pads"][:2])
        if op == "BatchNormalization":
            return self.norms[i](given[0])
        if op == "ReduceMean":
            return given[0].mean(attribute["axes"])
        if op == "Gemm":
            return F.linear(*given)
        return dict(Identity=lambda v: v, Relu=torch.relu, Sub=torch.sub, Div=torch.div, Add=torch.add)[op](*given)


def ease(network, x):
    """Running statistics that fit the data, affine parameters that are not 1 and 0, and logits of a middling confidence."""
    for norm in network.modules():
        if isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(norm.weight, 0.6, 1.4)
            nn.init.uniform_(norm.bias, -0.3, 0.3)
            norm.momentum = 0.2
    network.train()
    with torch.no_grad():
        for _ in range(40):
            network(x + 0.05 * torch.randn_like(x))
        network.eval()
        last = [m for m in network.modules() if isinstance(m, nn.Linear)][-1]
        last.weight *= 1.5 / network(x).std()
    return network


def images(count, height, width):
    coarse = torch.rand(count, 3, 4, 4)
    return (F.interpolate(coarse, (height, width), mode="bilinear") + 0.15 * torch.randn(count, 3, height, width)).clamp(0, 1)


def insert_dropout(model):
    """Dropout before the last layer as old exporters write it: with a ratio, and a mask that nothing reads."""
    last = [node for node in model.graph.node if node.op_type == "Gemm"][-1]
    dropout = onnx.helper.make_node("Dropout", [last.input[0]], ["dropped", "mask"], name="dropout", ratio=0.5)
    last.input[0] = "dropped"
    model.graph.node.insert(list(model.graph.node).index(last), dropout)


def append_softmax(model):
    logits = model.graph.output[0]
    model.graph.node.append(onnx.helper.make_node("Softmax", [logits.name], ["probabilities"], name="softmax", axis=1))
    logits.name = "probabilities"


def export(folder, network, x, opset, edit):
    path = str(folder / "model.onnx")
    torch.onnx.export(network, x[:2], path, opset_version=opset, training=torch.onnx.TrainingMode.PRESERVE,
                      do_constant_folding=False, input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}})
    model = onnx.load(path)
    if edit:
        edit(model)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def tolerances(network, x, recipe, exact):
    """[N], and the largest difference that was met."""
    def gap(images):
        return (adapt(network, images, recipe)[0] - exact).abs().amax(1)

    ordinary = gap(x)
    worst = torch.stack([gap(x + 1e-7 * torch.randn_like(x)) for _ in range(DRAWS)] + [ordinary]).amax(0)
    tolerated = torch.maximum(20 * ordinary, 2 * worst).clamp(min=1e-4)
    return [float("%.3g" % t) for t in tolerated.tolist()], worst.max().item()


def write_cases(folder, model, network, x, cases):
    np.save(str(folder / "input.npy"), x.numpy())
    lines = []
    for case, options in cases.items():
        overrides = {key: value for key, value in options.items() if key != "preset"}
        recipe = {**DEFAULTS, **PRESETS[options["preset"]], **overrides}
        logits, entropy, sigma = adapt(copy.deepcopy(network).double(), x.double(), recipe)
        tolerance, gap = tolerances(network, x, recipe, logits)
        content = dict(recipe=options, tolerance=tolerance, logits=plain(logits), entropy=plain(entropy),
                       **({} if sigma is None else dict(sigma=plain(sigma))))
        if recipe["statistics"] == "auto":
            content["blended"] = int(chosen_statistics(copy.deepcopy(network).double(), x.double(), recipe) == "blend")
        if recipe["divergence"] != "off":
            content["divergence"] = divergence_of(copy.deepcopy(network).double(), x.double())
        lines.append("%s: %s" % (json.dumps(case), json.dumps(content)))
        moved = (logits - network(x)).abs().max().item()
        print("%-18s %-28s gap %.1e  moved %.3f  entropy %.3f -> %.3f"
              % (folder.name, case, gap, moved, entropy[0].mean(), entropy[-1].mean()))
    with open(folder / "cases.json", "w") as file:
        file.write('{"model": "%s", "cases": {\n%s\n}}\n' % (model, ",\n".join(lines)))


def plain(tensor):
    return json.loads(json.dumps(tensor.tolist()), parse_float=lambda number: float("%.7g" % float(number)))


if __name__ == "__main__":
    # Seeds under which few activations lie so near a kink that float32 and float64 fall on different sides of it.
    for seed, name, network, size, opset, edit in [
            (8, "vgg", vgg, (20, 12, 16), 11, insert_dropout),
            (2, "mobilenet", mobilenet, (12, 16, 16), 13, None),
            (3, "bottleneck", bottleneck, (10, 24, 24), 15, None),
            (4, "averaging", averaging, (12, 16, 16), 12, append_softmax)]:
        torch.manual_seed(seed)
        folder = FOLDER / name
        folder.mkdir(exist_ok=True)
        drawn, x = network(), images(*size)
        export(folder, ease(drawn, x), x, opset, edit)
        write_cases(folder, "model.onnx", drawn, x, {**CASES, **LATER_CASES})
    torch.manual_seed(7)
    folder = FOLDER / "bundled"
    folder.mkdir(exist_ok=True)
    path = "../../../models/cifar10-resnet14/1/model.onnx"
    write_cases(folder, path, Bundled(str(folder / path)), images(8, 32, 32), {**CASES, **MORE_CASES, **LATER_CASES})
