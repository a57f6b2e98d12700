"""Network in Network (Lin et al. 2014): 1x1 convolutions think between the others, and no Linear is needed."""

from torch import nn


class NiNBlock(nn.Sequential):
    """A convolution and two 1x1 convolutions: a small fully connected network at every pixel (section 3.1)."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int, padding: int
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding)
        self.relu = nn.ReLU()
        self.mix1 = nn.Conv2d(out_channels, out_channels, kernel_size=1)
        self.relu1 = nn.ReLU()
        self.mix2 = nn.Conv2d(out_channels, out_channels, kernel_size=1)
        self.relu2 = nn.ReLU()


class NiN(nn.Sequential):
    """Four blocks; the last has a map for each class, whose mean is the class's score (section 3.2)."""

    def __init__(self) -> None:
        super().__init__()
        self.block1 = NiNBlock(1, 96, kernel_size=11, stride=4, padding=0)
        self.pool1 = nn.MaxPool2d(3, stride=2)
        self.block2 = NiNBlock(96, 256, kernel_size=5, stride=1, padding=2)
        self.pool2 = nn.MaxPool2d(3, stride=2)
        self.block3 = NiNBlock(256, 384, kernel_size=3, stride=1, padding=1)
        self.pool3 = nn.MaxPool2d(3, stride=2)
        self.dropout = nn.Dropout(0.5)
        self.block4 = NiNBlock(384, 10, kernel_size=3, stride=1, padding=1)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
