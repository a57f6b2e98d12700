# 3,32,32
from typing import Any, Callable, ClassVar, Dict, Optional, Type, Union

import torch
import torch.nn as nn

NUM_CLASSES = 10
cfg: Dict[str, list] = {"A": [16, "M", 32, "M"], "B": [16, 16, "M", 32, 32, "M"]}


class BasicBlock(nn.Module):
    expansion: int = 1

    def __init__(self, inplanes: int, planes: int, norm_layer: Optional[Callable[..., nn.Module]] = None):
        super().__init__()
        if norm_layer is None:
            norm_layer = nn.BatchNorm2d
        self.conv = nn.Conv2d(inplanes, planes * self.expansion, 3, padding=1, bias=False)
        self.bn = norm_layer(planes)
        self.act = getattr(nn, "ReLU")(inplace=True)

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


def make_layers(cfg, batch_norm=False):
    layers = []
    in_channels = 3
    for v in cfg:
        if v == "M":
            layers += [nn.MaxPool2d(kernel_size=2, stride=2)]
        else:
            layers += [BasicBlock(in_channels, v)]
            in_channels = v
    return nn.Sequential(*layers)


class Net(nn.Module):
    ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh}

    def __init__(self, kind="B", activation="tanh", **kwargs: Any):
        super().__init__()
        self.features = make_layers(cfg[kind], **kwargs)
        out = next(v for v in reversed(cfg[kind]) if v != "M")
        self.act = self.ACTIVATIONS[activation]()
        self.classifier = nn.Linear(out * 8 * 8, NUM_CLASSES)
        self._initialize_weights()

    def _initialize_weights(self):
        for name, m in self.named_modules():
            if isinstance(m, nn.Conv2d):
                n = m.kernel_size[0] * m.kernel_size[1] * m.out_channels
                m.weight.data.normal_(0, (2.0 / n) ** 0.5)
                if m.bias is not None:
                    m.bias.data.zero_()

    def forward(self, x):
        x = self.features(x)
        x = self.act(x)
        return self.classifier(x.flatten(start_dim=1))

    @property
    def num_params(self):
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def __repr__(self):
        return "Net(%d)" % self.num_params
