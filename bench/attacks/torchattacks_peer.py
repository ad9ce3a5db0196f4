"""The peer of run.mjs: how many images are right after each attack of torchattacks.

    python bench/attacks/torchattacks_peer.py FOLDER

FOLDER holds what run.mjs has written: images.f32, labels.i32 and asked.json. Prints a line of JSON for each attack and seed. What an
attack returns is looked at again: it counts where the network is wrong and the change is within eps."""
import json
import os
import sys

import numpy as np
import torch
import torchattacks

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pytorch_peer import Network  # noqa: E402

NORMS = {"linf": "Linf", "l2": "L2"}
# An attack's own rounding to float32.
SLACK = 1e-4


class Classifier(torch.nn.Module):
    """Pixels from 0 to 1 to logits, with the parameters of the file."""

    def __init__(self, path, factor, offset):
        super().__init__()
        self.network = Network(path, torch.contiguous_format)
        self.norms = [(scale, shift) for scale, shift, _, _ in self.network.norms()]
        self.factor, self.offset = (
            torch.nn.Parameter(torch.tensor(each).reshape(1, -1, 1, 1), requires_grad=False) for each in (factor, offset)
        )

    def forward(self, x):
        return self.network(x * self.factor + self.offset, self.norms)


def attack_of(name, model, seed, asked):
    both = {"norm": NORMS[asked["norm"]], "eps": asked["eps"], "n_restarts": 1, "seed": seed}
    towards = {"steps": asked["targetedIterations"], "n_classes": asked["targets"] + 1}
    if name == "APGD-CE":
        return torchattacks.APGD(model, steps=asked["iterations"], loss="ce", **both)
    if name == "APGD-T":
        return torchattacks.APGDT(model, **towards, **both)
    if name == "FAB-T":
        return torchattacks.FAB(model, multi_targeted=True, **towards, **both)
    return torchattacks.Square(model, n_queries=asked["queries"], loss="margin", resc_schedule=True, **both)


def size_of(change, norm):
    flat = change.flatten(1)
    return flat.abs().amax(1) if norm == "linf" else flat.norm(dim=1)


def main(folder):
    with open(os.path.join(folder, "asked.json")) as file:
        asked = json.load(file)
    x = torch.from_numpy(np.fromfile(os.path.join(folder, "images.f32"), np.float32).reshape(asked["dims"]))
    y = torch.from_numpy(np.fromfile(os.path.join(folder, "labels.i32"), np.int32)).long()
    model = Classifier(asked["model"], asked["factor"], asked["offset"]).eval()

    @torch.no_grad()
    def is_right(images, labels):
        return torch.cat([model(part).argmax(1) for part in images.split(asked["rows"])]) == labels

    first = is_right(x, y)
    x, y = x[first], y[first]
    tell = lambda **answer: print(json.dumps(answer), flush=True)  # noqa: E731
    tell(attack="none", right=len(y))
    for name in asked["attacks"]:
        for seed in [0] if name == asked["once"] else asked["seeds"]:
            torch.manual_seed(seed)
            attack = attack_of(name, model, seed, asked)
            found = torch.cat([attack(a, b) for a, b in zip(x.split(asked["rows"]), y.split(asked["rows"]))])
            counts = ~is_right(found, y) & (size_of(found - x, asked["norm"]) <= asked["eps"] * (1 + SLACK))
            tell(attack=name, seed=seed, right=len(y) - int(counts.sum()))


if __name__ == "__main__":
    main(sys.argv[1])
