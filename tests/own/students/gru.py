# 1,28,28
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(input_size=28, hidden_size=16, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        y, _ = self.gru(x[:, 0])
        return self.fc(y[:, -1])
