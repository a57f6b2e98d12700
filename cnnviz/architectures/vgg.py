"""VGG (Simonyan and Zisserman 2015): the same 3x3 convolution again and again; the depth is a table."""

from collections.abc import Sequence

from torch import Tensor, nn

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
        self.classifier = nn.Sequential(
            nn.Linear(512 // divisor * 7 * 7, 4096), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(4096, 10),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, in_channels, 224, 224) float32 -> class scores (B, 10)."""
        x = self.features(x)  # (B, 512 / divisor, 7, 7)
        scores: Tensor = self.classifier(self.flatten(x))
        return scores


class VGGCifar(nn.Module):
    """VGG-11's convolutions with batch normalisation for 3x32x32, and a single Linear."""

    def __init__(self) -> None:
        super().__init__()
        self.features = _convolutions(PLANS[11], 3, batch_norm=True)
        self.average = nn.AvgPool2d(1, stride=1)
        self.flatten = nn.Flatten()
        self.classifier = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, 3, 32, 32) float32, normalised -> class scores (B, 10)."""
        x = self.average(self.features(x))  # (B, 512, 1, 1)
        scores: Tensor = self.classifier(self.flatten(x))
        return scores


def _convolutions(plan: Plan, in_channels: int, batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for entry in plan:
        if isinstance(entry, str):
            layers.append(nn.MaxPool2d(2))
            continue
        layers.append(nn.Conv2d(in_channels, entry, kernel_size=3, padding=1))
        layers += [nn.BatchNorm2d(entry), nn.ReLU()] if batch_norm else [nn.ReLU()]
        in_channels = entry
    return nn.Sequential(*layers)
