# 3,16,16
import torch
import torch.nn as nn
from torch import einsum


class Net(nn.Module):
    def __init__(self, heads=2, dim=16):
        super().__init__()
        self.heads = heads
        self.stem = nn.Conv2d(3, dim, 4, 4)
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_kv = nn.Linear(dim, 2 * dim, bias=False)
        self.head = nn.Linear(dim, 10)

    def split(self, t):
        b, n, d = t.shape
        return t.view(b, n, self.heads, d // self.heads).transpose(1, 2)

    def forward(self, x):
        x = self.stem(x).flatten(2).permute(0, 2, 1)
        q = self.to_q(x)
        k, v = self.to_kv(x).chunk(2, dim=-1)
        q, k, v = map(self.split, (q, k, v))
        sim = einsum("b h i d, b h j d -> b h i j", q, k) * (q.shape[-1] ** -0.5)
        attn = sim.softmax(dim=-1)
        out = torch.einsum("b h i j, b h j d -> b h i d", attn, v)
        out = out.transpose(1, 2).reshape(x.shape)
        return self.head(out.mean(1))
