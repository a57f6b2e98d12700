# 1,28,28
import torch
import torch.nn as nn
import torch.nn.functional as F


CFG = [8, 'M', 16, 16, 'M', 32]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        layers = []
        c = 1
        for entry in CFG:
            if entry == 'M':
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(c, entry, 3, padding=1), nn.ReLU()]
                c = entry
        self.features = nn.Sequential(*layers)
        self.fc = nn.Linear(c * 7 * 7, 10)

    def forward(self, x):
        return self.fc(self.features(x).flatten(1))
