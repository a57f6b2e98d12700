"""VGG (Simonyan and Zisserman 2015): the same 3x3 convolution again and again; the depth is a table."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

# Maps of the convolutions, "M" is a max pooling: configurations A, B, D and E of the paper's table 1.
Plan = Sequence[int | str]
PLANS: dict[int, Plan] = {
    11: (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    13: (64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"),
    16: (64, 64, "M", 128, 128, "M", *(256,) * 3, "M", *(512,) * 3, "M", *(512,) * 3, "M"),
    19: (64, 64, "M", 128, 128, "M", *(256,) * 4, "M", *(512,) * 4, "M", *(512,) * 4, "M"),
}


class VGG(nn.Module):
    """Convolutions after ``PLANS[depth]``, then 4096-4096-10 with dropout; for 224x224 pixels.

    ``divisor`` divides the number of maps: the course's VGG-11 has a quarter of them.
    """

    def __init__(self, depth: int = 11, in_channels: int = 1, divisor: int = 1) -> None:
        super().__init__()
        plan: Plan = [entry if isinstance(entry, str) else entry // divisor for entry in PLANS[depth]]
        self.features = _convolutions(plan, in_channels, batch_norm=False)
        self.flatten = nn.Flatten()
        self.fc1 = nn.Linear(512 // divisor * 7 * 7, 4096)
        self.fc2 = nn.Linear(4096, 4096)
        self.fc3 = nn.Linear(4096, 10)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, in_channels, 224, 224) float32 -> class scores (B, 10)."""
        x = self.flatten(self.features(x))  # (B, 512 / divisor * 7 * 7)
        x = self.dropout(F.relu(self.fc1(x)))
        x = self.dropout(F.relu(self.fc2(x)))
        x = self.fc3(x)
        return x


class VGGCifar(nn.Module):
    """VGG-11's convolutions with batch normalisation for 3x32x32, and a single Linear."""

    def __init__(self) -> None:
        super().__init__()
        self.features = _convolutions(PLANS[11], 3, batch_norm=True)
        self.average = nn.AvgPool2d(1, stride=1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 3, 32, 32) float32, normalised -> class scores (B, 10)."""
        x = self.average(self.features(x))  # (B, 512, 1, 1)
        x = self.fc(self.flatten(x))
        return x


def _convolutions(plan: Plan, in_channels: int, batch_norm: bool) -> nn.Sequential:
    """The layers of ``plan``, named as in the paper's table: ``conv3_2`` is the second of the third stage."""
    layers = nn.Sequential()
    stage, place = 1, 1
    for entry in plan:
        if isinstance(entry, str):
            layers.add_module(f"pool{stage}", nn.MaxPool2d(2))
            stage, place = stage + 1, 1
            continue
        layers.add_module(f"conv{stage}_{place}", nn.Conv2d(in_channels, entry, kernel_size=3, padding=1))
        if batch_norm:
            layers.add_module(f"bn{stage}_{place}", nn.BatchNorm2d(entry))
        layers.add_module(f"relu{stage}_{place}", nn.ReLU())
        in_channels, place = entry, place + 1
    return layers
