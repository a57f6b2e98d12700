"""AlexNet (Krizhevsky et al. 2012) and ZFNet (Zeiler and Fergus 2013), which looked inside and improved it."""

from torch import nn


class AlexNet(nn.Sequential):
    """Five convolutions of 96-256-384-384-256 maps and three fully connected layers, as the course builds it.

    One channel in (Fashion-MNIST, enlarged), no local response normalisation, one GPU.
    """

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 96, kernel_size=11, stride=4), nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(96, 256, kernel_size=5, padding=2), nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(256, 384, kernel_size=3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 384, kernel_size=3, padding=1), nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1), nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Flatten(),
            nn.Linear(6400, 4096), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(4096, 10),
        )  # fmt: skip


class ZFNet(nn.Sequential):
    """AlexNet with a first layer of 7x7 and stride 2 in place of 11x11 and stride 4 (figure 3 of the paper).

    ``maps`` are those of the third to fifth convolution: 384, 384, 256, or 512, 1024, 512 in the wider
    variant (table 3).
    """

    def __init__(self, maps: tuple[int, int, int] = (384, 384, 256)) -> None:
        conv3, conv4, conv5 = maps
        super().__init__(
            nn.Conv2d(3, 96, kernel_size=7, stride=2, padding=1), nn.ReLU(),  # (B, 96, 110, 110)
            nn.MaxPool2d(3, stride=2, padding=1), nn.LocalResponseNorm(5),
            nn.Conv2d(96, 256, kernel_size=5, stride=2), nn.ReLU(),  # (B, 256, 26, 26)
            nn.MaxPool2d(3, stride=2, padding=1), nn.LocalResponseNorm(5),
            nn.Conv2d(256, conv3, kernel_size=3, padding=1), nn.ReLU(),
            nn.Conv2d(conv3, conv4, kernel_size=3, padding=1), nn.ReLU(),
            nn.Conv2d(conv4, conv5, kernel_size=3, padding=1), nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # (B, conv5, 6, 6)
            nn.Flatten(),
            nn.Linear(conv5 * 6 * 6, 4096), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(4096, 10),
        )  # fmt: skip
