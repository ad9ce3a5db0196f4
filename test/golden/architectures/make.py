"""Writes the fixtures of this folder: the building blocks of torchvision's classifiers in tiny networks, and what dent
makes of them.

    python3 make.py [NAME ...]

Needs torch, torchvision and onnx; written with torch 2.15.
"""
import os
import sys
from functools import partial

import torch
import torch.nn as nn
from torchvision.models import (convnext, densenet, efficientnet, inception, maxvit, mnasnet, mobilenetv2,
                                mobilenetv3, regnet, resnet, shufflenetv2, squeezenet, swin_transformer, vgg,
                                vision_transformer)
from torchvision.models.googlenet import BasicConv2d, Inception
from torchvision.ops.misc import Conv2dNormActivation

from fixtures import expectations, export, images, randomise, write

CLASSES = 10


def network(*features, channels):
    return nn.Sequential(*features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))


def stem(channels, norm=nn.BatchNorm2d):
    return [nn.Conv2d(3, channels, 3, stride=2, padding=1, bias=False), norm(channels), nn.ReLU(inplace=True)]


def shortcut(inputs, outputs, stride, norm=nn.BatchNorm2d):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))


def basic_resnet(norm=nn.BatchNorm2d):
    return network(*stem(8, norm), nn.MaxPool2d(3, 2, 1), resnet.BasicBlock(8, 8, norm_layer=norm),
                   resnet.BasicBlock(8, 16, 2, shortcut(8, 16, 2, norm), norm_layer=norm), channels=16)


def bottleneck_resnet():
    wide = resnet.Bottleneck(16, 4, 2, shortcut(16, 16, 2), groups=4, base_width=128)
    dilated = resnet.Bottleneck(16, 4, dilation=2, norm_layer=nn.BatchNorm2d)
    return network(*stem(16), wide, dilated, channels=16)


def vgg_like(batch_norm):
    features = vgg.make_layers([8, "M", 12, "M", 16], batch_norm)
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 32), nn.ReLU(True), nn.Dropout(),
                         nn.Linear(32, CLASSES))


def alexnet_like():
    return nn.Sequential(nn.Conv2d(3, 12, 11, 4, 2), nn.ReLU(True),  nn.MaxPool2d(3, 2), nn.Conv2d(12, 16, 3, padding=1), nn.ReLU(True), nn.Flatten(), nn.Dropout(),
                         nn.Linear(144, CLASSES))


def squeezenet_like():
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(True), nn.MaxPool2d(3, 2, ceil_mode=True),
                         squeezenet.Fire(8, 4, 8, 8), nn.MaxPool2d(3, 2, ceil_mode=True), squeezenet.Fire(16, 4, 8, 8),
                         nn.Conv2d(16, CLASSES, 1), nn.ReLU(True), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def googlenet_like():
    return network(BasicConv2d(3, 8, kernel_size=7, stride=2, padding=3), nn.MaxPool2d(3, 2, ceil_mode=True),
                   Inception(8, 4, 4, 6, 2, 4, 4), nn.MaxPool2d(2, 2, ceil_mode=True),
                   Inception(18, 4, 4, 6, 2, 4, 4), channels=18)


def inception_like():
    """torchvision's Inception blocks have fixed widths; here each is a thirty-second."""
    def narrow(inputs, outputs, **options):
        return inception.BasicConv2d(inputs // 32, outputs // 32, **options)
    return network(inception.BasicConv2d(3, 8, kernel_size=3, stride=2),
                   inception.InceptionA(256, 32, narrow), inception.InceptionB(256, narrow),
                   inception.InceptionC(736, 128, narrow), inception.InceptionD(768, narrow),
                   inception.InceptionE(1280, narrow), channels=64)


def mobilenet_v2_like():
    return network(Conv2dNormActivation(3, 8, stride=2, activation_layer=nn.ReLU6),
                   mobilenetv2.InvertedResidual(8, 8, 1, 1), mobilenetv2.InvertedResidual(8, 12, 2, 6),
                   mobilenetv2.InvertedResidual(12, 12, 1, 6), channels=12)


def mobilenet_v3_like():
    config = mobilenetv3.InvertedResidualConfig
    return mobilenetv3.MobileNetV3([config(8, 3, 16, 8, True, "RE", 2, 1, 1), config(8, 5, 24, 12, True, "HS", 2, 1, 1),
                                    config(12, 3, 24, 12, False, "HS", 1, 2, 1)], last_channel=32, num_classes=CLASSES)


def mnasnet_like():
    return network(*stem(8), mnasnet._InvertedResidual(8, 12, 3, 2, 3), mnasnet._InvertedResidual(12, 12, 5, 1, 3),
                   channels=12)


def efficientnet_like():
    blocks = [efficientnet.FusedMBConvConfig(1, 3, 1, 8, 8, 1), efficientnet.MBConvConfig(4, 3, 2, 8, 12, 1),
              efficientnet.MBConvConfig(4, 5, 1, 12, 12, 1)]
    return efficientnet.EfficientNet(blocks, dropout=0.2, num_classes=CLASSES, last_channel=32)


def regnet_like():
    blocks = regnet.BlockParams([1, 1], [8, 16], [4, 8], [1.0, 1.0], [2, 2], se_ratio=0.25)
    return regnet.RegNet(blocks, num_classes=CLASSES, stem_width=8)


def swin_like(block, merging):
    return swin_transformer.SwinTransformer([4, 4], 8, [2, 1], [2, 2], [3, 3], num_classes=CLASSES, block=block,
                                            downsample_layer=merging)


class Rare(nn.Module):
    """Operators that none of the others has."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2)
        self.norms = nn.ModuleList([nn.BatchNorm2d(8) for _ in range(3)])
        self.slope = nn.PReLU(8)
        self.convolutions = nn.ModuleList([nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=2), nn.Conv2d(8, 8, (1, 3))])
        self.last = nn.Linear(16, CLASSES)

    def forward(self, x):
        f = nn.functional
        x = self.slope(self.norms[0](self.first(f.pad(x, (0, 1, 2, 0)))))
        y = f.leaky_relu(self.norms[1](self.convolutions[0](x)), 0.2) + f.elu(x)
        y = f.interpolate(f.avg_pool2d(y, 3, 2, 1, ceil_mode=True), scale_factor=2.0, mode="nearest")[:, :, :16, :15]
        z = f.gelu(self.norms[2](self.convolutions[1](y)))
        attention = torch.softmax(z.mean(1, keepdim=True).flatten(2), -1)
        pooled = torch.einsum("nij,nkj->nk", attention, z.flatten(2))
        joined = torch.cat([pooled, f.adaptive_max_pool2d(torch.tanh(z), 1).flatten(1)], 1)
        joined = torch.where(joined > 0, joined, joined.exp() - 1)
        return self.last(f.softplus(joined) / joined.pow(2).add(1).sqrt())


class Unusual(nn.Module):
    """Paddings, activations, norms and pools that hardly any classifier has."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1, padding_mode="reflect")
        self.norms = nn.ModuleList([nn.BatchNorm2d(8) for _ in range(4)])
        self.convolutions = nn.ModuleList([
            nn.Conv2d(8, 8, 3, padding=1, padding_mode="replicate", groups=8),
            nn.Conv2d(8, 32, 3, padding=1, padding_mode="reflect", groups=4),
            nn.ConvTranspose2d(8, 8, 3, stride=2, padding=1, output_padding=1, groups=2),
        ])
        self.last = nn.Linear(24, CLASSES)

    def forward(self, x):
        f = nn.functional
        x = f.selu(self.norms[0](self.first(x)))
        y = f.celu(self.norms[1](self.convolutions[0](x)), 0.7) + f.mish(x)
        y = f.pixel_shuffle(self.convolutions[1](f.softsign(y)), 2)
        y = f.max_pool2d(self.norms[2](y), 3, 2, 1, dilation=2, ceil_mode=True)
        y = f.local_response_norm(y, 3, alpha=0.5)
        z = self.norms[3](self.convolutions[2](f.hardtanh(y, -1.5, 1.2)))
        z = f.avg_pool2d(f.hardswish(z), (3, 2), (2, 3), (1, 0), ceil_mode=True, count_include_pad=False)
        z = torch.cat([f.normalize(z, dim=1), torch.roll(z, 1, 3)], 1).transpose(1, 2).contiguous()
        gated = z.chunk(2, 2)
        mixed = torch.einsum("...ij,...kj->...ik", gated[0].sigmoid() * gated[1], gated[0])
        features = [torch.logsumexp(mixed, (1, 3)), mixed.abs().sum((1, 3)), mixed.cos().amin((1, 2))]
        joined = torch.cat([part / (1 + part.norm(dim=1, keepdim=True)) for part in features], 1)
        return self.last(joined.clamp(-0.6, 0.6).log_softmax(1))


FAMILIES = {
    "resnet": basic_resnet,
    "resnext": bottleneck_resnet,
    "vgg": partial(vgg_like, False),
    "vgg_bn": partial(vgg_like, True),
    "alexnet": alexnet_like,
    "squeezenet": squeezenet_like,
    "densenet": lambda: densenet.DenseNet(4, (2, 2), 8, 2, num_classes=CLASSES),
    "googlenet": googlenet_like,
    "inception": inception_like,
    "mobilenet_v2": mobilenet_v2_like,
    "mobilenet_v3": mobilenet_v3_like,
    "mnasnet": mnasnet_like,
    "shufflenet": lambda: shufflenetv2.ShuffleNetV2([2, 2, 2], [8, 8, 16, 16, 32], num_classes=CLASSES),
    "efficientnet": efficientnet_like,
    "regnet": regnet_like,
    "convnext": lambda: convnext.ConvNeXt([convnext.CNBlockConfig(8, 16, 1), convnext.CNBlockConfig(16, None, 1)],
                                          num_classes=CLASSES),
    "vit": lambda: vision_transformer.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=CLASSES),
    "swin": partial(swin_like, swin_transformer.SwinTransformerBlock, swin_transformer.PatchMerging),
    "swin_v2": partial(swin_like, swin_transformer.SwinTransformerBlockV2, swin_transformer.PatchMergingV2),
    "maxvit": lambda: maxvit.MaxVit((32, 32), 8, 2, [8, 8], [1, 1], 4, 0.0, num_classes=CLASSES),
    "group_norm": partial(basic_resnet, partial(nn.GroupNorm, 4)),
    "instance_norm": partial(basic_resnet, partial(nn.InstanceNorm2d, affine=True)),
    "rare": Rare,
    "unusual": Unusual,
}
# Each family in one operator set, and some in the other forms that exports come in.
VARIANTS = {
    "resnet": ("resnet", dict(opset=11)),
    "resnet-folded": ("resnet", dict(opset=13, folded=True)),
    "resnet-dynamo": ("resnet", dict(opset=20, dynamo=True)),
    "resnet-one-row": ("resnet", dict(opset=13, fixed_batch=True)),
    "resnext": ("resnext", dict(opset=12)),
    "vgg": ("vgg", dict(opset=11)),
    "vgg_bn": ("vgg_bn", dict(opset=13)),
    "alexnet": ("alexnet", dict(opset=12)),
    "squeezenet": ("squeezenet", dict(opset=13)),
    "densenet": ("densenet", dict(opset=11)),
    "densenet-folded": ("densenet", dict(opset=14, folded=True)),
    "googlenet": ("googlenet", dict(opset=15)),
    "inception": ("inception", dict(opset=16)),
    "mobilenet_v2": ("mobilenet_v2", dict(opset=12)),
    "mobilenet_v3": ("mobilenet_v3", dict(opset=11)),
    "mobilenet_v3-folded": ("mobilenet_v3", dict(opset=17, folded=True)),
    "mobilenet_v3-dynamo": ("mobilenet_v3", dict(opset=18, dynamo=True)),
    "mnasnet": ("mnasnet", dict(opset=17)),
    "shufflenet": ("shufflenet", dict(opset=12)),
    "shufflenet-one-row": ("shufflenet", dict(opset=14, fixed_batch=True)),
    "efficientnet": ("efficientnet", dict(opset=13)),
    "regnet": ("regnet", dict(opset=14)),
    "convnext": ("convnext", dict(opset=14)),
    "convnext-17": ("convnext", dict(opset=17)),
    "vit": ("vit", dict(opset=14)),
    "vit-dynamo": ("vit", dict(opset=20, dynamo=True)),
    "swin": ("swin", dict(opset=14)),
    "swin-dynamo": ("swin", dict(opset=18, dynamo=True)),
    "swin_v2": ("swin_v2", dict(opset=16)),
    "maxvit": ("maxvit", dict(opset=16)),
    "group_norm": ("group_norm", dict(opset=13)),
    "group_norm-dynamo": ("group_norm", dict(opset=21, dynamo=True)),
    "instance_norm": ("instance_norm", dict(opset=13)),
    "rare": ("rare", dict(opset=13)),
    "unusual": ("unusual", dict(opset=14)),
}


# Graphs of so many nodes that two recipes must do.
LARGE = {"swin_v2", "maxvit"}
# Seeds of weights that put no activation near a kink; the first one otherwise.
STARTS = {"vgg_bn": 1}


def main():
    torch.set_num_threads(1)
    here = os.path.dirname(os.path.abspath(__file__))
    x = images(8, 32)
    x.numpy().astype("<f4").tofile(os.path.join(here, "images.f32"))
    for name in sys.argv[1:] or VARIANTS:
        family, options = VARIANTS[name]
        folded = options.get("folded", False)
        for seed in range(STARTS.get(name, 0), 20):
            torch.manual_seed(seed)
            model = randomise(FAMILIES[family](), x, seed)
            plain = "-" not in name and name not in LARGE
            recipes = ["dent", "dent+", "isolated", "sgd"] if plain else ["dent", "isolated"]
            if name == "resnet":
                recipes.append("dent-smooth")
            if plain and any(isinstance(m, nn.BatchNorm2d) for m in model.modules()):
                recipes.append("norm")
            cases = expectations(model, x, recipes, folded=folded)
            # Where rounding moves an activation over a kink the tolerance says nothing; then other weights are taken.
            if all(case["tolerance"] < 0.003 * case["effect"] for case in cases.values()):
                break
        folder = os.path.join(here, name)
        os.makedirs(folder, exist_ok=True)
        export(model, x, os.path.join(folder, "model.onnx"), **options)
        write(folder, x, cases, with_images=False, seed=seed, **options)
        size = os.path.getsize(os.path.join(folder, "model.onnx")) // 1000
        worst = {k: f"{c['tolerance']:.0e}/{c['effect']:.0e}" for k, c in cases.items()}
        print(f"{name}: seed {seed}, {size} kB, tolerance/effect {worst}", flush=True)


if __name__ == "__main__":
    main()
