# 1,28,28
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.deep = True
        self.fc = nn.Linear(784, 10) if self.deep else nn.Linear(784, 2)
        self.norm = None

    def forward(self, x):
        x = self.fc(x.flatten(1))
        return x if self.norm is None else self.norm(x)
