"""Models by name: a registry key, ``torchvision:NAME``, or ``FILE.py:CLASS`` of one's own."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cnnviz import architectures
from cnnviz.errors import CnnvizError, UnknownKeyError, UsageError
from cnnviz.language import Message
from cnnviz.randomness import untouched_generator

if TYPE_CHECKING:
    from torch import nn

_IMAGENET_INPUT = (3, 224, 224)


def resolve(
    name: str, edits: Mapping[str, object], own_files: bool = False
) -> tuple[nn.Module, tuple[int, ...] | None]:
    """Build the model called ``name`` on the meta device, with ``edits`` made.

    Args:
        name: a registry key, ``torchvision:NAME`` or ``FILE.py:CLASS``.
        edits: values by path: builder options of a registered architecture (``growth``) and
            arguments of layers (``conv1.kernel_size``).
        own_files: whether ``FILE.py:CLASS`` is allowed; it runs the file, so only a person's own
            terminal may ask for it.

    Returns:
        The model, and the input shape it is made for (None for a person's own file).

    Raises:
        UnknownKeyError: no such architecture, model, class, layer or argument.
        CnnvizError: the file cannot be run.
    """
    from cnnviz.shapes.edits import edited

    model, input_shape, remaining = _built(name, dict(edits), own_files)
    return (edited(model, remaining) if remaining else model), input_shape


def _built(
    name: str, edits: dict[str, object], own_files: bool
) -> tuple[nn.Module, tuple[int, ...] | None, dict[str, object]]:
    import torch

    if own_files and ".py:" in name:
        path, _, class_name = name.rpartition(":")
        return _from_file(Path(path), class_name), None, edits
    if name.startswith("torchvision:"):
        return _from_torchvision(name.removeprefix("torchvision:")), _IMAGENET_INPUT, edits
    architecture = architectures.get(name)
    options = {path: edits.pop(path) for path in list(edits) if path in architecture.options}
    with torch.device("meta"):
        return architecture.build(**options), architecture.input_shape, edits


def _from_torchvision(name: str) -> nn.Module:
    import torch
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        raise UnknownKeyError(Message("The torchvision model"), name, known)
    model: nn.Module
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # about initial weights, which there are none of
        try:
            with torch.device("meta"):
                model = models.get_model(name, weights=None)
        except (NotImplementedError, RuntimeError):  # some compute their widths with tensors
            with untouched_generator():
                model = models.get_model(name, weights=None)
    return model


def _from_file(path: Path, class_name: str) -> nn.Module:
    from torch import nn

    if not path.is_file():
        raise UsageError(Message("There is no file {path}.", path=path))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses, for one, look their module up there
    sys.path.insert(0, str(path.parent.absolute()))  # its own imports work as if it had been started
    try:
        spec.loader.exec_module(module)
        found = getattr(module, class_name, None)
        if not (isinstance(found, type) and issubclass(found, nn.Module)):
            classes = [n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, nn.Module)]
            raise UnknownKeyError(Message("The class"), class_name, classes)
        return found()
    except CnnvizError:
        raise
    except (Exception, SystemExit) as error:  # the person's own code may raise anything
        raise CnnvizError(
            Message("{path} does not run: {type}: {error}", path=path, type=type(error).__name__, error=error)
        ) from error
    finally:
        sys.path.remove(str(path.parent.absolute()))
