# 1,28,28
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(1, 30, 7, 7)
        self.attention = nn.MultiheadAttention(30, 4, batch_first=True)
        self.fc = nn.Linear(30, 10)

    def forward(self, x):
        x = self.proj(x).flatten(2).transpose(1, 2)
        x, _ = self.attention(x, x, x)
        return self.fc(x.mean(1))
