# 1,28,28
import torch
import torch.nn as nn
try:
    from torchsummary import summary
except ImportError:
    summary = None

torch.manual_seed(42)
EPOCHS, LR = 3, 1e-3


class Mish(nn.Module):
    @staticmethod
    def mish(x):
        return x * torch.tanh(nn.functional.softplus(x))

    def forward(self, x):
        return Mish.mish(x)


class Net(nn.Module):
    """A network.

    It has one convolution.
    """

    num_classes = 10

    def __init__(self, *args, width=8, **kwargs):
        super().__init__(*args, **kwargs)
        self.conv = nn.Conv2d(1, width, 3, padding="same")
        self.act = Mish()
        self.pool = nn.AdaptiveMaxPool2d((7, 7))
        self.out = nn.Linear(width * 49, self.num_classes)
        self.criterion = nn.CrossEntropyLoss()

    def training_step(self, batch):
        images, labels = batch
        loss = self.criterion(self(images), labels)
        return loss

    def forward(self, x, return_features=False):
        batch, *_ = x.shape
        features = self.pool(self.act(self.conv(x)))
        out = self.out(features.reshape(batch, -1))
        return (out, features) if return_features else out


model = Net()
optimizer = torch.optim.Adam(model.parameters(), lr=LR)
