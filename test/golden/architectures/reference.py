"""Dent in PyTorch for any image classifier: what the compiled graphs of this folder are compared with.

Every layer that is adapted gets a scale and a shift tensor of shape [R, C], R being 1 (one set for the batch) or the
number of rows. Adapted are the normalisation layers; a model that has none is adapted at the outputs of its
convolutions, from scale 1 and shift 0. `folded` describes the model as an export leaves it that folds each
BatchNorm2d into the convolution before it.
"""
import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

SAMPLE_WISE = dict(scope="sample", optimizer="adamod", beta1=0.99, beta3=0.6)
RECIPES = {
    "norm": dict(steps=0, statistics="batch"),
    "dent": dict(steps=10),
    "dent+": dict(steps=6, objective="infomax", lr=6e-3, **SAMPLE_WISE),
    "isolated": dict(steps=6, rows=128, lr=6e-3, **SAMPLE_WISE),
    "dent-smooth": dict(steps=10, sigma=0.5),
    # Steps so small that rounding is not amplified: what is left is the gradient's rules. The learning rate of `sgd` is
    # chosen for each model so that the first step lowers the mean entropy by 0.05.
    "sgd": dict(steps=3, optimizer="sgd", descent=0.05),
    "gentle dent": dict(steps=3, lr=1e-5),
    "gentle dent+": dict(steps=3, objective="infomax", lr=6e-5, **SAMPLE_WISE),
    "gentle isolated": dict(steps=3, rows=128, lr=6e-5, **SAMPLE_WISE),
    "gentle dent-smooth": dict(steps=3, sigma=0.5, lr=1e-5, sigma_lr=1e-2),
}
DEFAULTS = dict(scope="batch", statistics="source", objective="entropy", optimizer="adam", lr=1e-3, beta1=0.9,
                beta2=0.999, beta3=0.999, rows=None, prior=16, sigma=None, sigma_lr=0.25)
NORMALISATIONS = (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm2d)


def find_layers(model, x, folded):
    """The modules to adapt, in the order of their first call: (module, scale, shift, whether these are its own)."""
    calls, made_by_convolution = {}, []

    def note(module, inputs, output):
        after_convolution = any(inputs[0] is made for made in made_by_convolution)
        if isinstance(module, nn.Conv2d):
            made_by_convolution.append(output)
        if module not in calls:
            calls[module] = after_convolution
    hooks = [m.register_forward_hook(note) for m in model.modules()
             if isinstance(m, NORMALISATIONS + (nn.Conv2d,))]
    with torch.no_grad():
        model(x[:2])
    for hook in hooks:
        hook.remove()
    def is_folded(m):
        return folded and isinstance(m, nn.BatchNorm2d) and calls[m]
    own = [m for m in calls if isinstance(m, NORMALISATIONS) and m.weight is not None and not is_folded(m)]
    if own:
        return [(m, m.weight.detach(), m.bias.detach(), True) for m in own]
    modules = list(calls)
    ends = [m for m, following in zip(modules, modules[1:] + [None]) if not is_folded(following)]
    sizes = [m.out_channels if isinstance(m, nn.Conv2d) else m.num_features for m in ends]
    return [(m, x.new_ones(c), x.new_zeros(c), False) for m, c in zip(ends, sizes)]


def normalised(module, x, weight_of_batch):
    """What the layer's own scale and shift are applied to."""
    if isinstance(module, nn.BatchNorm2d):
        mean, var, a = module.running_mean, module.running_var, weight_of_batch
        if a:
            batch_mean = x.mean((0, 2, 3))
            mean = (1 - a) * mean + a * batch_mean
            var = (1 - a) * var + a * (x - batch_mean[:, None, None]).square().mean((0, 2, 3))
        return (x - mean[:, None, None]) / torch.sqrt(var + module.eps)[:, None, None]
    if isinstance(module, nn.GroupNorm):
        return F.group_norm(x, module.num_groups, eps=module.eps)
    if isinstance(module, nn.InstanceNorm2d):
        return F.instance_norm(x, eps=module.eps)
    return F.layer_norm(x, module.normalized_shape, eps=module.eps)


def adapt_forward(module, has_own, affine, weight_of_batch):
    """Replaces the module's forward so that it reads scale and shift from `affine[module]`."""
    original = module.forward
    channels_last = isinstance(module, nn.LayerNorm) and type(module).__name__ != "LayerNorm2d"

    def forward(x):
        scale, shift = affine[module]
        if not has_own:
            y = original(x)
        elif type(module).__name__ == "LayerNorm2d":
            y = normalised(module, x.permute(0, 2, 3, 1), 0).permute(0, 3, 1, 2)
        else:
            y = normalised(module, x, weight_of_batch)
        ones = [1] * (y.dim() - 2)
        shape = [len(scale), *ones, scale.shape[1]] if channels_last else [len(scale), scale.shape[1], *ones]
        return y * scale.reshape(shape) + shift.reshape(shape)
    module.forward = forward


def blur(x, rho):
    """Gaussian smoothing with standard deviation exp(rho) pixels ([1] or [N]); taps beyond two deviations are cut."""
    radius = 4
    sigma = rho.exp().clamp(0.05, 2.0)
    distance = torch.arange(-radius, radius + 1, dtype=x.dtype)
    taps = torch.exp(-distance.square() / (2 * sigma.square()[:, None]))
    taps = taps * (distance.abs() <= torch.ceil(2 * sigma.detach())[:, None].clamp(min=1))
    taps = taps / taps.sum(1, keepdim=True)
    n, c, h, w = x.shape
    kernels = taps.expand(n, -1).repeat_interleave(c, 0)
    x = F.pad(x, (radius,) * 4, mode="replicate").reshape(1, n * c, h + 2 * radius, w + 2 * radius)
    x = F.conv2d(x, kernels[:, None, None, :], groups=n * c)
    return F.conv2d(x, kernels[:, None, :, None], groups=n * c).reshape(n, c, h, w)


def row_entropy(logits):
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1)


def objective(logits, recipe):
    if recipe["objective"] == "infomax":
        p = logits.softmax(1)
        q = p.mean(0)
        return (q * (q + 1e-5).log()).sum() - (p * (p + 1e-5).log()).sum(1).mean()
    return row_entropy(logits).sum() / (recipe["rows"] or len(logits))


class Optimizer:
    """Steps one tensor. `m`, `v` and `s` are the moments of gradient, squared gradient and step size."""

    def __init__(self, recipe, rate):
        self.recipe, self.rate, self.t = recipe, rate, 0
        self.m = self.v = self.s = 0

    def step(self, p, g):
        r = self.recipe
        self.t += 1
        if r["optimizer"] == "sgd":
            self.m = r["beta1"] * self.m + g
            return p - self.rate * self.m
        self.m = r["beta1"] * self.m + (1 - r["beta1"]) * g
        self.v = r["beta2"] * self.v + (1 - r["beta2"]) * g * g
        root, bias = math.sqrt(1 - r["beta2"] ** self.t), 1 - r["beta1"] ** self.t
        if r["optimizer"] == "adam":
            return p - self.rate / bias * self.m / (self.v.sqrt() / root + 1e-8)
        size = self.rate * root / bias / (self.v.sqrt() + 1e-8)
        self.s = r["beta3"] * self.s + (1 - r["beta3"]) * size
        return p - torch.minimum(size, self.s) * self.m


def dent(model, x, folded=False, **settings):
    """Adapted logits [N, K] and entropies [steps + 1, N] in nats of `model` on the batch x [N, C, H, W]."""
    recipe = dict(DEFAULTS, **settings)
    n = len(x)
    rows = n if recipe["scope"] == "sample" else 1
    weight_of_batch = dict(source=0.0, batch=1.0, blend=n / (n + recipe["prior"]))[recipe["statistics"]]
    model = copy.deepcopy(model).eval().requires_grad_(False)
    found = find_layers(model, x, folded)
    affine = {}
    for module, _, _, has_own in found:
        adapt_forward(module, has_own, affine, weight_of_batch)
    parameters = [p[None].repeat(rows, 1) for _, scale, shift, _ in found for p in (scale, shift)]
    optimizers = [Optimizer(recipe, recipe["lr"]) for _ in parameters]
    if recipe["sigma"] is not None:
        parameters.append(torch.full((rows,), math.log(recipe["sigma"]), dtype=x.dtype))
        optimizers.append(Optimizer(recipe, recipe["sigma_lr"]))

    def predict():
        for i, (module, *_) in enumerate(found):
            affine[module] = parameters[2 * i], parameters[2 * i + 1]
        return model(x if recipe["sigma"] is None else blur(x, parameters[-1]))
    entropies = []
    for _ in range(recipe["steps"]):
        parameters = [p.detach().requires_grad_(True) for p in parameters]
        logits = predict()
        entropies.append(row_entropy(logits).detach())
        gradients = torch.autograd.grad(objective(logits, recipe), parameters)
        with torch.no_grad():
            parameters = [o.step(p, g) for o, p, g in zip(optimizers, parameters, gradients)]
    with torch.no_grad():
        logits = predict()
    return logits, torch.stack([*entropies, row_entropy(logits)])
