"""Weights of a small model of torchvision, as a file that can be had from anywhere."""

from __future__ import annotations

import dataclasses
import hashlib
import io

import pytest
import torch
from torchvision import models

from cnnviz.interpret import pretrained

NAME = "squeezenet1_1"


def weights_file() -> bytes:
    """A file of weights as torchvision distributes them."""
    file = io.BytesIO()
    with torch.random.fork_rng():
        torch.manual_seed(5)
        torch.save(models.squeezenet1_1(weights=None).state_dict(), file)
    return file.getvalue()


def offer(monkeypatch: pytest.MonkeyPatch, url: str, data: bytes) -> str:
    """Let the model's weights be ``data``, to be had from ``url``; the file's name."""
    name = f"squeezenet1_1-{hashlib.sha256(data).hexdigest()[:8]}.pth"
    model = dataclasses.replace(pretrained.get(NAME), file=name)
    monkeypatch.setattr(pretrained, "_BY_NAME", {**pretrained._BY_NAME, NAME: model})
    monkeypatch.setattr(models.SqueezeNet1_1_Weights.IMAGENET1K_V1.value, "url", f"{url}/{name}")
    return name
