"""The recipes `isolated` and `brief` in PyTorch, as somebody would write them who serves them with LitServe or BentoML.

    python bench/peers/reference.py MODEL.onnx    # the fastest settings on this machine, as JSON

`settings` of an adaptation: the memory format of activations, and how many rows a part has; all cores work on one part."""
import json
import math
import os
import sys
import time

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pytorch_peer import Network  # noqa: E402

STEPS, LR, BETA1, BETA2, BETA3, EPS = 6, 6e-3, 0.99, 0.999, 0.6, 1e-8
# What a row's entropy is divided by: the batch of the paper. No row's answer depends on how many came with it.
ROWS = 128
# Fractions of the largest entropy: below them a row makes no update, or no further one.
RECIPES = {"isolated": (0.0, 0.0), "brief": (0.4, 0.2)}
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def entropy(logits):
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1)


class AdaMod:
    """Adam whose step sizes an average bounds (Ding et al. 2019), for rows that leave one after the other."""

    def __init__(self, parameters):
        self.parameters = [p.detach().requires_grad_() for p in parameters]
        self.states = [[torch.zeros_like(p) for _ in range(3)] for p in parameters]
        self.step = 0

    @torch.no_grad()
    def update(self, gradients):
        self.step += 1
        scale = LR * math.sqrt(1 - BETA2**self.step) / (1 - BETA1**self.step)
        for p, g, (m, v, size) in zip(self.parameters, gradients, self.states):
            m.mul_(BETA1).add_(g, alpha=1 - BETA1)
            v.mul_(BETA2).addcmul_(g, g, value=1 - BETA2)
            size.mul_(BETA3).add_(scale / (v.sqrt() + EPS), alpha=1 - BETA3)
            p.sub_(torch.min(scale / (v.sqrt() + EPS), size) * m)

    def keep(self, rows):
        self.parameters = [p.detach()[rows].requires_grad_() for p in self.parameters]
        self.states = [[s[rows] for s in states] for states in self.states]


class Adaptation:
    def __init__(self, model, settings=None):
        settings = settings or {"format": "channels_last", "part": 128}
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self.format = FORMATS[settings["format"]]
        self.part = settings["part"]
        self.network = Network(model, self.format)
        self.norms = [(scale, shift) for scale, shift, _, _ in self.network.norms()]

    def decode(self, file):
        """[3, H, W] in 0 to 1, as the manifest of the bundled model says."""
        size = self.network.size[1:]
        image = Image.open(file).convert("RGB")
        if image.size != tuple(reversed(size)):
            image = image.resize(tuple(reversed(size)), Image.BILINEAR)
        return torch.from_numpy(np.asarray(image, np.float32) / 255).permute(2, 0, 1)

    def predict(self, images, recipe):
        """The logits of a list of images, each adapted to alone."""
        x = torch.stack(list(images)).contiguous(memory_format=self.format)
        return torch.cat([self.adapt(part, *RECIPES[recipe]) for part in x.split(self.part)])

    def forward(self, x, flat):
        return self.network(x, list(zip(flat[::2], flat[1::2])))

    def adapt(self, x, gate, floor):
        flat = [t[None].repeat(len(x), 1) for pair in self.norms for t in pair]
        with torch.no_grad():
            logits = self.forward(x, flat) if gate or floor else None
        going = torch.arange(len(x))
        if logits is not None:
            most = math.log(logits.shape[1])
            going = torch.nonzero(entropy(logits) >= max(gate, floor) * most).flatten()
            x, flat = x[going], [t[going] for t in flat]
        optimizer = AdaMod(flat)
        for step in range(STEPS):
            if len(going) == 0:
                break
            current = self.forward(x, optimizer.parameters)
            h = entropy(current)
            gradients = torch.autograd.grad(h.sum() / ROWS, optimizer.parameters)
            stays = torch.ones(len(h), dtype=torch.bool)
            if floor and step > 0:
                stays = h.detach() >= floor * most
            if not stays.all():
                # A row that is sure now is answered with what it has just been predicted.
                logits[going[~stays]] = current.detach()[~stays]
                going, x, gradients = going[stays], x[stays], [g[stays] for g in gradients]
                optimizer.keep(stays)
            optimizer.update(gradients)
        if len(going) > 0:
            with torch.no_grad():
                last = self.forward(x, optimizer.parameters)
            if logits is None:
                return last
            logits[going] = last
        return logits


def answers(logits):
    """The class and its probability, of each row."""
    probabilities, classes = logits.softmax(1).max(1)
    return [{"class": c, "probability": p} for c, p in zip(classes.tolist(), probabilities.tolist())]


def from_environment():
    """The adaptation that run.mjs asks for."""
    return Adaptation(os.environ["PEER_MODEL"], json.loads(os.environ["PEER_SETTINGS"]))


def fastest(model):
    """In each memory format, a whole batch at once against parts that stay in the cores' caches."""
    best = (float("inf"), None)
    for name in FORMATS:
        for part in (128, 32):
            settings = {"format": name, "part": part}
            adaptation = Adaptation(model, settings)
            images = list(torch.rand(64, *adaptation.network.size))
            adaptation.predict(images[:4], "isolated")
            start = time.perf_counter()
            adaptation.predict(images, "isolated")
            best = min(best, (time.perf_counter() - start, settings), key=lambda each: each[0])
    return best[1]


if __name__ == "__main__":
    print(json.dumps(fastest(sys.argv[1])))
