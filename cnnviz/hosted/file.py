"""The process that runs a person's own file and holds the network of it: ``python -m cnnviz.hosted.file``.

``cnnviz app FILE.py:CLASS`` starts it. It runs the file anew when that, a module beside it or the weights change on
disk. It ends with the program that started it.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from cnnviz.errors import CnnvizError, UsageError
from cnnviz.hosted.host import Held, Host
from cnnviz.hosted.protocol import Facts
from cnnviz.language import Message

if TYPE_CHECKING:
    from torch import Tensor, nn

_KEYS = ("state_dict", "model_state_dict", "model")
"""Under which a training loop's checkpoint may hold the weights."""

_INSTALLED = {"site-packages", "dist-packages"}

_PARALLEL = "module."
"""What nn.DataParallel puts before every name."""


class FileModel:
    """The network of ``class_name`` in the file at ``path``, with the weights of a file, or as its constructor draws them."""

    def __init__(
        self, path: Path, class_name: str, weights: Path | None, input_shape: tuple[int, ...] | None
    ) -> None:
        self._path, self._class_name, self._weights = path.absolute(), class_name, weights
        self._input_shape = input_shape
        self._lock = threading.Lock()
        self._seen: dict[Path, int] | None = None
        self._loaded: Held | CnnvizError | None = None
        self._facts = Facts(class_name, str(path), "", None)

    def facts(self) -> Facts:
        """What the file defines now."""
        self._refresh()
        return self._facts

    def held(self) -> Held:
        """The network.

        Raises:
            CnnvizError: the file raises an error, or the weights do not fit.
        """
        self._refresh()
        if isinstance(self._loaded, CnnvizError):
            raise self._loaded
        assert self._loaded is not None
        return self._loaded

    def _refresh(self) -> None:
        with self._lock:
            if self._seen is not None and all(_changed(path) == time for path, time in self._seen.items()):
                return
            first = [path for path in (self._path, self._weights) if path is not None]
            self._seen = {path: _changed(path) for path in first}
            problem, shape, source = None, self._input_shape, None
            try:
                source = self._path.read_text(encoding="utf-8")
                self._loaded = self._load()
                shape = shape or _usual_input(self._loaded.original)
            except (CnnvizError, OSError, UnicodeDecodeError) as error:
                problem = error.message if isinstance(error, CnnvizError) else _unreadable(self._path, error)
                self._loaded = CnnvizError(problem)
            self._seen |= {path: _changed(path) for _name, path in _modules_beside(self._path)}
            stamp = "-".join(str(time) for time in self._seen.values())
            place = f"{self._path.name}:{self._class_name}"
            self._facts = Facts(self._class_name, place, stamp, shape, source, problem)

    def _load(self) -> Held:
        from cnnviz.models import resolve

        for name, _file in _modules_beside(self._path):  # Python would not read them again
            del sys.modules[name]
        model = resolve(f"{self._path}:{self._class_name}", {}, own_files=True)[0]
        if self._weights is not None:
            _load_weights(model, self._weights)
        return Held(model)


def _changed(path: Path) -> int:
    """The time of the last change in nanoseconds; 0 where there is no such file."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _is_beside(name: str, module: object, path: Path) -> bool:
    """Whether the module called ``name`` is the person's own: it lies in the folder of ``path``, or below."""
    file = getattr(module, "__file__", None)
    if not file or name.partition(".")[0] in ("cnnviz", "__main__"):
        return False
    found = Path(file).absolute()
    return found.is_relative_to(path.parent) and not _INSTALLED & set(found.parts)


def _modules_beside(path: Path) -> list[tuple[str, Path]]:
    return [
        (name, Path(str(module.__file__)))
        for name, module in list(sys.modules.items())
        if _is_beside(name, module, path)
    ]


def _usual_input(model: nn.Module) -> tuple[int, ...]:
    from cnnviz.own.reading import traced

    return traced(model).input_shape


def _unreadable(path: Path, error: Exception) -> Message:
    return Message("{path} cannot be read: {error}", path=path, error=error)


def _load_weights(model: nn.Module, path: Path) -> None:
    """Give ``model`` the weights in a file of safetensors, or of ``torch.save``, which is read without running code.

    Raises:
        CnnvizError: it cannot be read, or does not fit.
    """
    from cnnviz.error_messages import decode

    tensors = _read_weights(path)
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        known = decode(f"RuntimeError: {error}")
        reason = str(error) if known is None else known.meaning
        raise CnnvizError(
            Message("The weights in {path} do not fit the network: {reason}", path=path.name, reason=reason)
        ) from error


def _read_weights(path: Path) -> dict[str, Tensor]:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UsageError(Message("The file {path} does not exist.", path=path)) from None
    except (OSError, SafetensorError, RuntimeError, ValueError) as error:
        raise CnnvizError(_unreadable(path, error)) from error
    except Exception as error:  # pickle's: the file holds more than tensors
        raise CnnvizError(
            Message(
                "{path} holds more than tensors, and loading it would run code. Save the weights alone: "
                "torch.save(model.state_dict(), {name!r}).",
                path=path,
                name=path.name,
            )
        ) from error
    for key in _KEYS:
        if isinstance(found, dict) and isinstance(found.get(key), dict):
            found = found[key]
    if not isinstance(found, dict) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise CnnvizError(
            Message(
                "{path} holds no state_dict. Save one: torch.save(model.state_dict(), {name!r}).",
                path=path,
                name=path.name,
            )
        )
    if found and all(name.startswith(_PARALLEL) for name in found):
        found = {name.removeprefix(_PARALLEL): value for name, value in found.items()}
    return found


def main() -> None:
    """Serve the network of a file until standard input ends; its first line is the secret."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("class_name")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--input")
    options = parser.parse_args()
    shape = None if options.input is None else tuple(map(int, options.input.split(",")))
    secret = bytes.fromhex(sys.stdin.readline().strip())
    defined = FileModel(options.path, options.class_name, options.weights, shape)
    host = Host(defined.facts, defined.held, secret)
    print(json.dumps(host.address), flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the file prints is for the person
    sys.stdin.read()  # until the program that started this one ends
    host.close()


if __name__ == "__main__":
    main()
