"""torchvision's class for CIFAR-10, made to expect a test's small files."""

import hashlib

import pytest
import torchvision.datasets
from cifar_files import TRAIN


def expect(monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> None:
    """Let torchvision take ``files`` for the official ones."""
    sums = {name: hashlib.md5(data).hexdigest() for name, data in files.items()}
    cifar = torchvision.datasets.CIFAR10
    monkeypatch.setattr(cifar, "train_list", [[name, sums[name]] for name in TRAIN])
    monkeypatch.setattr(cifar, "test_list", [["test_batch", sums["test_batch"]]])
    monkeypatch.setattr(cifar, "meta", {**cifar.meta, "md5": sums["batches.meta"]})
