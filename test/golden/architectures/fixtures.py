"""Classifiers with random weights that behave like trained ones, and files that say what dent makes of them."""
import inspect
import json
import os
import warnings

import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F

from reference import RECIPES, dent


def images(n, size, seed=1):
    """[n, 3, size, size]: random colours in large blobs, with noise on top."""
    g = torch.Generator().manual_seed(seed)
    blobs = F.interpolate(torch.rand(n, 3, 4, 4, generator=g), size=(size, size), mode="bilinear")
    return blobs + 0.1 * torch.randn(n, 3, size, size, generator=g)


def randomise(model, x, seed=0):
    """
    Random weights with which every layer matters: scales and shifts away from 1 and 0, running statistics near those
    that the layers see, and logits that differ between rows.
    """
    g = torch.Generator().manual_seed(seed)

    def uniform(p, low, high):
        p.data.copy_(low + (high - low) * torch.rand(p.shape, generator=g))

    def normal(p, deviation):
        p.data.copy_(deviation * torch.randn(p.shape, generator=g))
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d)):
            uniform(module.weight, 0.6, 1.4)
            normal(module.bias, 0.2)
        elif isinstance(module, (nn.Conv2d, nn.Linear)) and module.bias is not None:
            normal(module.bias, 0.05)
    for name, p in model.named_parameters():
        if "layer_scale" in name:
            uniform(p, 0.2, 0.6)
        elif "bias_table" in name or "class_token" in name:
            normal(p, 0.3)
    settle_statistics(model, x, g)
    spread_logits(model, x, g)
    return model.eval()


def settle_statistics(model, x, g):
    layers = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    model.eval()
    for m in layers:
        m.momentum = None
        m.reset_running_stats()
        m.train()
    with torch.no_grad():
        model(x)
    for m in layers:
        m.eval()
        m.momentum = 0.1
        deviation = m.running_var.sqrt()
        m.running_mean += 0.1 * deviation * torch.randn(deviation.shape, generator=g)
        m.running_var *= 0.8 + 0.5 * torch.rand(deviation.shape, generator=g)


def spread_logits(model, x, g):
    last = [m for m in model.modules() if isinstance(m, (nn.Linear, nn.Conv2d))][-1]
    last.weight.data.copy_(0.1 * torch.randn(last.weight.shape, generator=g))
    with torch.no_grad():
        for _ in range(2):
            logits = model(x)
            factor = 2 / logits.std()
            last.weight *= factor
            if last.bias is not None:
                last.bias.copy_((last.bias - logits.mean(0)) * factor)
            # A ReLU follows where the last layer is a convolution.
            if isinstance(last, nn.Conv2d):
                last.bias += 1


def export(model, x, path, opset=14, folded=False, fixed_batch=False, dynamo=False):
    """
    Writes an ONNX file: BatchNormalization kept, or folded into the convolutions as exports for inference do. `dynamo` takes
    torch's newer exporter, which folds, and writes operator set 18 or later.
    """
    if dynamo:
        shapes = None if fixed_batch else ({0: torch.export.Dim("batch", max=1024)},)
        torch.onnx.export(model.eval(), (x[:1] if fixed_batch else x[:2],), path, dynamo=True, opset_version=opset,
                          optimize=folded, dynamic_shapes=shapes, input_names=["input"], output_names=["logits"],
                          external_data=False, verbose=False)
        compact(path)
        return
    folded = folded or not any(isinstance(m, nn.BatchNorm2d) for m in model.modules())
    mode = torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE
    old_exporter = dict(dynamo=False) if "dynamo" in inspect.signature(torch.onnx.export).parameters else {}
    axes = {} if fixed_batch else {"input": {0: "batch"}, "logits": {0: "batch"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model.eval(), x[:1] if fixed_batch else x[:2], path, opset_version=opset, training=mode,
                          do_constant_folding=folded, input_names=["input"], output_names=["logits"],
                          dynamic_axes=axes, **old_exporter)
    compact(path)


def compact(path):
    """Drops where in the Python code each node comes from, and gives short names: both outweigh a tiny model's weights."""
    model = onnx.load(path)
    graph = model.graph
    kept = {value.name for value in [*graph.input, *graph.output]}
    names = {"": "", **{name: name for name in kept}}

    def short(name):
        return names.setdefault(name, f"v{len(names)}")
    def shorten(graph):
        """Branches too, which read the values around them by name."""
        del graph.value_info[:]
        for item in [*graph.node, *graph.input, *graph.output]:
            item.doc_string = ""
            if hasattr(item, "metadata_props"):
                del item.metadata_props[:]
        for tensor in [*graph.initializer, *graph.output]:
            tensor.name = short(tensor.name)
        for i, node in enumerate(graph.node):
            node.name = f"{node.op_type}_{i}"
            node.input[:] = [short(name) for name in node.input]
            node.output[:] = [short(name) for name in node.output]
            for attribute in node.attribute:
                if attribute.type == onnx.AttributeProto.GRAPH:
                    shorten(attribute.g)
    shorten(graph)
    onnx.save(model, path)


def settled(settings, model, x, folded):
    """The settings with `descent`, the wanted first change of the mean entropy, turned into a learning rate."""
    if "descent" not in settings:
        return settings
    rate = 1e-9
    _, (before, after) = dent(model.double(), x.double(), folded=folded, steps=1, optimizer="sgd", lr=rate)
    model.float()
    rest = {key: value for key, value in settings.items() if key != "descent"}
    return dict(rest, lr=float(f"{settings['descent'] * rate / (before.mean() - after.mean()).item():.3g}"))


def expectations(model, x, recipes, folded=False):
    """
    For each recipe the settings, the float64 logits and entropies, what float32 loses against them (`gap`), the tolerance
    (twenty times that, at least 1e-4), and how far adaptation moves the logits (`effect`).
    """
    cases = {}
    for name in recipes:
        settings = settled(RECIPES[name], model, x, folded)
        rounded, _ = dent(model, x, folded=folded, **settings)
        logits, entropies = dent(model.double(), x.double(), folded=folded, **settings)
        static, _ = dent(model, x.double(), folded=folded, steps=0)
        model.float()
        gap = (logits - rounded).abs().max().item()
        effect = (logits - static).abs().max().item()
        cases[name] = dict(settings=settings, gap=gap, tolerance=max(20 * gap, 1e-4), effect=effect, logits=logits,
                           entropies=entropies)
    return cases


def write(folder, x, cases, with_images=True, **facts):
    """`expected.json` and, beside it, the images as plain little-endian float32."""
    os.makedirs(folder, exist_ok=True)
    if with_images:
        x.numpy().astype("<f4").tofile(os.path.join(folder, "images.f32"))
    described = {}
    for name, case in cases.items():
        plain = {key: float(f"{case[key]:.3g}") for key in ("gap", "tolerance", "effect")}
        values = {key: [[float(f"{v:.7g}") for v in row] for row in case[key].tolist()]
                  for key in ("logits", "entropies")}
        described[name] = dict(settings=case["settings"], **plain, **values)
    with open(os.path.join(folder, "expected.json"), "w") as file:
        json.dump(dict(facts, images=list(x.shape), cases=described), file)
        file.write("\n")
