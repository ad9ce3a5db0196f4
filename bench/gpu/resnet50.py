"""Writes torchvision's ResNet-50 as ONNX, for 224 x 224 pixels: a network of the usual size to measure. Its weights are random, its
running statistics those of smooth random images; what it answers means nothing.

    python3 bench/gpu/resnet50.py OUT.onnx

Needs torch, torchvision and onnx."""
import sys

import torch
import torchvision

torch.manual_seed(0)
model = torchvision.models.resnet50(weights=None)
for module in model.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        module.momentum = None
images = torch.nn.functional.interpolate(torch.rand(32, 3, 14, 14), size=224, mode="bilinear")
with torch.no_grad():
    model.train()(images)
torch.onnx.export(
    model.eval(), images[:2], sys.argv[1], dynamo=False, opset_version=13, input_names=["input"], output_names=["logits"],
    training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
    dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}})
