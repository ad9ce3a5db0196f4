"""Expected answers for full-size architectures of torchvision, for bench/architectures.mjs to compare with.

    python3 sweep.py OUT [--only NAME,NAME] [--folded] [--opset 14] [--recipes dent,norm]

Random weights, 64x64 pixels (or the smallest size that the architecture can be exported for), 10 classes, a batch of 16
(of 2 for maxvit, which only takes large images). vgg is without the pooling before its classifier, which has no ONNX form
at that size; the classifier's first layer is as much narrower.
"""
import argparse
import os
import time

import torch
import torchvision.models as zoo

from fixtures import expectations, export, images, randomise, write
from reference import RECIPES

# The pooling before alexnet's classifier has an ONNX form only where it divides the image evenly.
SIZES = {"inception_v3": 75, "maxvit_t": 224, "alexnet": 224}
BATCHES = {"maxvit_t": 2}
ARGUMENTS = {
    "googlenet": dict(aux_logits=False, init_weights=True),
    "inception_v3": dict(aux_logits=False, init_weights=True),
    "vit_b_16": dict(image_size=64),
}
ARCHITECTURES = [
    "resnet18", "resnet50", "wide_resnet50_2", "resnext50_32x4d", "vgg11_bn", "densenet121", "googlenet",
    "inception_v3", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "mnasnet1_0", "shufflenet_v2_x1_0",
    "efficientnet_b0", "efficientnet_v2_s", "regnet_x_400mf", "regnet_y_400mf", "alexnet", "vgg11", "squeezenet1_0",
    "squeezenet1_1", "convnext_tiny", "vit_b_16", "swin_t", "swin_v2_t", "maxvit_t",
]


def smooth(model):
    for name, child in model.named_children():
        if isinstance(child, (torch.nn.ReLU, torch.nn.ReLU6)):
            setattr(model, name, torch.nn.SiLU())
        else:
            smooth(child)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--only", default=",".join(ARCHITECTURES))
    p.add_argument("--recipes", default=",".join(RECIPES))
    p.add_argument("--opset", type=int, default=14)
    p.add_argument("--folded", action="store_true")
    p.add_argument("--fixed-batch", action="store_true")
    p.add_argument("--dynamo", action="store_true", help="torch's newer exporter")
    p.add_argument("--smooth", action="store_true",
                   help="SiLU instead of ReLU: without kinks, on whose two sides rounding may put an activation")
    a = p.parse_args()
    torch.set_num_threads(1)
    for name in a.only.split(","):
        start = time.time()
        torch.manual_seed(0)
        x = images(BATCHES.get(name, 16), SIZES.get(name, 64))
        model = getattr(zoo, name)(num_classes=10, **ARGUMENTS.get(name, {}))
        if name.startswith("vgg"):
            model.avgpool = torch.nn.Identity()
            model.classifier[0] = torch.nn.Linear(512 * 2 * 2, 4096)
        if a.smooth:
            smooth(model)
        randomise(model, x)
        has_statistics = any(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules())
        recipes = [r for r in a.recipes.split(",") if has_statistics and not a.folded or r != "norm"]
        folder = os.path.join(a.out, name)
        os.makedirs(folder, exist_ok=True)
        export(model, x, os.path.join(folder, "model.onnx"), opset=a.opset, folded=a.folded, fixed_batch=a.fixed_batch,
               dynamo=a.dynamo)
        write(folder, x, expectations(model, x, recipes, folded=a.folded), name=name, opset=a.opset,
              parameters=sum(q.numel() for q in model.parameters()))
        print(f"{name} {time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
