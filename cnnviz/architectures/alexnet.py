"""AlexNet (Krizhevsky et al. 2012) and ZFNet (Zeiler and Fergus 2013), which looked inside and improved it."""

from torch import nn


class AlexNet(nn.Sequential):
    """Five convolutions of 96-256-384-384-256 maps and three fully connected layers, as the course builds it.

    One channel in (Fashion-MNIST, enlarged), no local response normalisation, one GPU.
    (B, 1, 224, 224) float32 -> class scores (B, 10).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 96, kernel_size=11, stride=4)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(3, stride=2)  # (B, 96, 26, 26)
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, padding=2)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(3, stride=2)  # (B, 256, 12, 12)
        self.conv3 = nn.Conv2d(256, 384, kernel_size=3, padding=1)
        self.relu3 = nn.ReLU()
        self.conv4 = nn.Conv2d(384, 384, kernel_size=3, padding=1)
        self.relu4 = nn.ReLU()
        self.conv5 = nn.Conv2d(384, 256, kernel_size=3, padding=1)
        self.relu5 = nn.ReLU()
        self.pool5 = nn.MaxPool2d(3, stride=2)  # (B, 256, 5, 5)
        self.flatten = nn.Flatten()
        _add_classifier(self, 6400)


class ZFNet(nn.Sequential):
    """AlexNet with a first layer of 7x7 and stride 2 in place of 11x11 and stride 4 (figure 3 of the paper).

    ``maps`` are those of the third to fifth convolution: 384, 384, 256, or 512, 1024, 512 in the wider
    variant (table 3). (B, 3, 224, 224) float32 -> class scores (B, 10).
    """

    def __init__(self, maps: tuple[int, int, int] = (384, 384, 256)) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, kernel_size=7, stride=2, padding=1)  # (B, 96, 110, 110)
        self.relu1 = nn.ReLU()
        self.pool1 = nn.MaxPool2d(3, stride=2, padding=1)
        self.norm1 = nn.LocalResponseNorm(5)
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, stride=2)  # (B, 256, 26, 26)
        self.relu2 = nn.ReLU()
        self.pool2 = nn.MaxPool2d(3, stride=2, padding=1)
        self.norm2 = nn.LocalResponseNorm(5)
        self.conv3 = nn.Conv2d(256, maps[0], kernel_size=3, padding=1)
        self.relu3 = nn.ReLU()
        self.conv4 = nn.Conv2d(maps[0], maps[1], kernel_size=3, padding=1)
        self.relu4 = nn.ReLU()
        self.conv5 = nn.Conv2d(maps[1], maps[2], kernel_size=3, padding=1)
        self.relu5 = nn.ReLU()
        self.pool5 = nn.MaxPool2d(3, stride=2)  # (B, maps[2], 6, 6)
        self.flatten = nn.Flatten()
        _add_classifier(self, maps[2] * 6 * 6)


def _add_classifier(network: nn.Sequential, in_features: int) -> None:
    """4096-4096-10 with dropout, which both networks end in."""
    network.fc1 = nn.Linear(in_features, 4096)
    network.relu6 = nn.ReLU()
    network.dropout1 = nn.Dropout(0.5)
    network.fc2 = nn.Linear(4096, 4096)
    network.relu7 = nn.ReLU()
    network.dropout2 = nn.Dropout(0.5)
    network.fc3 = nn.Linear(4096, 10)
