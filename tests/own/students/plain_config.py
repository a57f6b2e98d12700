# 1,28,28
import torch
import torch.nn as nn


class Config:
    def __init__(self):
        self.channels = [8, 16]
        self.kernel = 3
        self.num_classes = 10


config = Config()


class Net(nn.Module):
    def __init__(self, cfg=config):
        super().__init__()
        c1, c2 = cfg.channels
        self.features = nn.Sequential(
            nn.Conv2d(1, c1, cfg.kernel), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(c1, c2, cfg.kernel), nn.ReLU(), nn.MaxPool2d(2),
        )
        self.fc = nn.Linear(c2 * 5 * 5, cfg.num_classes)

    def forward(self, x):
        x = self.features(x)
        return self.fc(torch.flatten(x, 1))
