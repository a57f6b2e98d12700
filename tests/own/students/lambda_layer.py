# 1,28,28
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = lambda v: F.leaky_relu(v, 0.1)
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        return self.act(self.fc(x.flatten(1)))
