"""Networks of torchvision with weights trained on ImageNet: downloaded on request, and verified."""

from __future__ import annotations

import hashlib
import secrets
import threading
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.files import StorageError
from cnnviz.language import Message
from cnnviz.randomness import untouched_generator

if TYPE_CHECKING:
    from torch import nn

INPUT_SHAPE = (3, 224, 224)
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet's images, scaled to 0..1: all models here expect images normalised with these."""

_CHUNK = 1 << 18
_TIMEOUT = 20.0  # seconds without a byte
_one_at_a_time = threading.Lock()


class PretrainedError(CnnvizError):
    """Pretrained weights are missing or damaged."""


@dataclass(frozen=True)
class Pretrained:
    """One model: its ``name`` in torchvision, its ``title``, its weights' ``file`` and their size."""

    name: str
    title: str
    file: str
    megabytes: float


_MODELS = (
    Pretrained("alexnet", "AlexNet", "alexnet-owt-7be5be79.pth", 233.1),
    Pretrained("vgg16", "VGG-16", "vgg16-397923af.pth", 527.8),
    Pretrained("googlenet", "GoogLeNet", "googlenet-1378be20.pth", 49.7),
    Pretrained("resnet18", "ResNet-18", "resnet18-f37072fd.pth", 44.7),
    Pretrained("resnet50", "ResNet-50", "resnet50-0676ba61.pth", 97.8),
    Pretrained("densenet121", "DenseNet-121", "densenet121-a639ec97.pth", 30.8),
    Pretrained("squeezenet1_1", "SqueezeNet 1.1", "squeezenet1_1-b8a52dc0.pth", 4.7),
    Pretrained("mobilenet_v2", "MobileNet v2", "mobilenet_v2-b0353104.pth", 13.6),
    Pretrained("efficientnet_b0", "EfficientNet B0", "efficientnet_b0_rwightman-7f5810bc.pth", 20.5),
    Pretrained("convnext_tiny", "ConvNeXt tiny", "convnext_tiny-983f1562.pth", 109.1),
)
_BY_NAME = MappingProxyType({model.name: model for model in _MODELS})


def registered() -> tuple[Pretrained, ...]:
    """All models that are offered. Imports no torchvision."""
    return _MODELS


def get(name: str) -> Pretrained:
    """The model called ``name``.

    Raises:
        UnknownKeyError: it is not offered.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        raise UnknownKeyError(Message("pretrained model"), name, _BY_NAME) from None


def place(model: Pretrained) -> Path:
    """Where PyTorch keeps the file of weights (below ``TORCH_HOME`` if that is set)."""
    from torch import hub

    return Path(hub.get_dir()) / "checkpoints" / model.file


def is_downloaded(name: str) -> bool:
    """Whether the weights are on this machine; the file is not read."""
    return place(get(name)).is_file()


def download(name: str, progress: Callable[[float], None] | None = None) -> None:
    """Download the weights from torchvision's address; ``progress`` is called with 0..1.

    The file ends up complete and verified, or not there at all. An exception raised by ``progress`` ends the
    download.

    Raises:
        PretrainedError: no server could be reached, or what it sent is something else.
        StorageError: the disk is full or the folder cannot be written.
    """
    model = get(name)
    target = place(model)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.part")
    with _one_at_a_time:
        if target.is_file():  # another session downloaded it while this one waited
            return
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            digest = _fetch(model, temporary, progress or (lambda _: None))
            _verify(model, digest)
            temporary.replace(target)
        except (ConnectionError, TimeoutError, HTTPException, URLError) as error:
            raise _unreachable(model, error) from error
        except OSError as error:
            raise StorageError(target, error) from error
        finally:
            temporary.unlink(missing_ok=True)


def load(name: str) -> nn.Module:
    """The network with its learned weights, in eval mode and without gradients.

    Raises:
        PretrainedError: the weights are not on this machine, or the file is damaged.
    """
    from torchvision import models

    model = get(name)
    path = place(model)
    if not path.is_file():
        raise PretrainedError(
            Message(
                "The pretrained weights of {title} are not on this machine; download them first.",
                title=model.title,
            )
        )
    with path.open("rb") as file:
        _verify(model, hashlib.file_digest(file, "sha256").hexdigest())
    _refuse_code(path)
    with untouched_generator(0):
        network: nn.Module = models.get_model(name, weights=_weights(name), progress=False)
    return network.requires_grad_(False).eval()


def untrained(name: str, seed: int) -> nn.Module:
    """The same network with the random weights that torchvision gives it."""
    from torchvision import models

    options = {"init_weights": True} if name == "googlenet" else {}  # otherwise it warns
    with untouched_generator(seed):
        network: nn.Module = models.get_model(get(name).name, weights=None, **options)
    return network.requires_grad_(False).eval()


def classes(name: str) -> tuple[str, ...]:
    """The names of ImageNet's 1,000 classes, in English; imports torchvision."""
    return tuple(_weights(name).meta["categories"])


def _weights(name: str) -> Any:
    from torchvision import models

    return models.get_model_weights(name)["IMAGENET1K_V1"]


def _fetch(model: Pretrained, path: Path, progress: Callable[[float], None]) -> str:
    """Write what the server sends to ``path``; returns its SHA-256 (hex)."""
    digest = hashlib.sha256()
    request = urllib.request.Request(_weights(model.name).url, headers={"User-Agent": "cnnviz"})
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer, path.open("xb") as file:
        total = int(answer.headers.get("Content-Length") or model.megabytes * 1e6)
        received = 0
        progress(0.0)
        while chunk := answer.read(_CHUNK):
            file.write(chunk)
            digest.update(chunk)
            received += len(chunk)
            progress(min(received / total, 1.0))
    return digest.hexdigest()


def _verify(model: Pretrained, digest: str) -> None:
    """Check a file's SHA-256 (hex) against the prefix in the file's name."""
    expected = model.file.removesuffix(".pth").rpartition("-")[2]
    if not digest.startswith(expected):
        raise PretrainedError(
            Message(
                "{file} is damaged: its SHA-256 starts with {found} instead of {expected}. Delete it in "
                "{folder} and download it again.",
                file=model.file,
                found=digest[: len(expected)],
                expected=expected,
                folder=place(model).parent,
            )
        )


def _refuse_code(path: Path) -> None:
    """Check that the file holds nothing but weights: loading a pickle could run any code."""
    import pickle

    import torch

    try:
        torch.load(path, map_location="meta", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise PretrainedError(
            Message("{file} contains no weights ({reason}).", file=path.name, reason=error)
        ) from error


def _unreachable(model: Pretrained, error: Exception) -> PretrainedError:
    return PretrainedError(
        Message(
            "The weights of {title} could not be downloaded ({reason}): this machine seems to be "
            "offline. Connect to the internet and try again, or copy {file} into {folder}.",
            title=model.title,
            reason=" ".join(str(error).split()),
            file=model.file,
            folder=place(model).parent,
        )
    )
