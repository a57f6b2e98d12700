# 3,64,64
import torch
import torch.nn as nn
import torchvision.models as models


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = models.squeezenet1_1(num_classes=10)
        for param in self.model.parameters():
            param.requires_grad = False
        self.model.classifier[1] = nn.Conv2d(512, 7, kernel_size=(1, 1))

    def forward(self, x):
        return self.model(x)
