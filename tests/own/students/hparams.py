# 3,32,32
import torch, torch.nn as nn, torch.nn.functional as F
from torch.nn import Conv2d, Linear, MaxPool2d, Module, ReLU, Sequential

hparams = {"in": 3, "hidden": [16, 32], "out": 10, "act": "relu"}
params = dict(kernel_size=3, padding=1)


class Net(Module):
    def __init__(self, hp=hparams):
        super(Net, self).__init__()
        blocks = []
        c = hp["in"]
        for i, h in enumerate(hp["hidden"]):
            blocks.append((f"conv{i}", Conv2d(c, h, **params)))
            blocks.append((f"act{i}", ReLU() if hp.get("act", "relu") == "relu" else nn.Tanh()))
            blocks.append((f"pool{i}", MaxPool2d(2)))
            c = h
        self.body = Sequential()
        for name, layer in blocks:
            self.body.add_module(name, layer)
        self.head = Linear(c * (32 // 2 ** len(hp["hidden"])) ** 2, hp["out"])

    def forward(self, x: torch.Tensor):
        N = len(x)
        x = self.body(x)
        x = x.reshape(N, -1)
        return self.head(x)
