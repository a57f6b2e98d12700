# 3,32,32
from typing import Type
import torch
import torch.nn as nn


def get_activation(name: str) -> nn.Module:
    activations = {"relu": nn.ReLU(), "gelu": nn.GELU(), "silu": nn.SiLU()}
    if name not in activations:
        raise ValueError(f"unknown activation {name}")
    return activations[name]


class Block(nn.Module):
    def __init__(self, ch, norm: Type[nn.Module] = nn.BatchNorm2d, act="gelu", pool=None):
        super().__init__()
        self.seq = nn.Sequential(nn.Conv2d(*ch, 3, padding=1), norm(ch[1]), get_activation(act))
        if pool is not None:
            self.seq.append(pool(2))

    def forward(self, x):
        return self.seq(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        chans = [3, 8, 16, 32]
        self.blocks = nn.Sequential(*(Block(pair, pool=nn.MaxPool2d) for pair in zip(chans, chans[1:])))
        self.norm = nn.GroupNorm(num_groups=4, num_channels=chans[-1])
        self.fc = nn.Linear(chans[-1] * 4 * 4, 10)

    def forward(self, x):
        x = self.norm(self.blocks(x))
        x = torch.flatten(x, start_dim=1)
        assert x.ndim == 2, f"expected 2 dimensions, got {x.ndim}"
        return self.fc(x)
