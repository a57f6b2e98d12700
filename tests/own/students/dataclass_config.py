# 1,28,28
from dataclasses import dataclass

import torch
import torch.nn as nn


@dataclass
class Config:
    width: int = 16
    depth: int = 2
    n_classes: int = 10
    dropout: float = 0.1


class Net(nn.Module):
    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        layers = [nn.Conv2d(1, config.width, 3, padding=1), nn.ReLU()]
        for _ in range(config.depth - 1):
            layers += [nn.Conv2d(config.width, config.width, 3, padding=1), nn.ReLU()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(config.width, config.n_classes))

    def forward(self, x):
        return self.head(self.features(x).mean(dim=(2, 3)))
