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
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cnnviz.errors import CnnvizError, UsageError
from cnnviz.hosted.host import Held, Host
from cnnviz.hosted.protocol import Facts
from cnnviz.language import Message

if TYPE_CHECKING:
    from torch import Tensor, nn

AGAIN = 75
"""The exit status of a process that is to be started again, as its file has changed while it was running."""

_PATIENCE_SECONDS = 3.0
"""So long after its begin a question waits for the file to come to its end."""
_AGAIN_SECONDS = 0.2

_KEYS = ("state_dict", "model_state_dict", "model")
"""Under which a training loop's checkpoint may hold the weights."""

_INSTALLED = {"site-packages", "dist-packages"}

_PARALLEL = "module."
"""What nn.DataParallel puts before every name."""


class FileModel:
    """The network of ``class_name`` in the file at ``path``, with the weights of a file, or as its constructor draws them.

    ``edits`` are arguments of the constructor, and of layers by path. ``ended`` tells how the process before this one
    was ended by the file: then it is not run again before it has changed. ``start_again`` is called where it changes
    while it is running: nothing else ends code that never comes to its end.
    """

    def __init__(
        self,
        path: Path,
        class_name: str,
        weights: Path | None = None,
        input_shape: tuple[int, ...] | None = None,
        edits: Mapping[str, object] | None = None,
        ended: str | None = None,
        start_again: Callable[[], None] = lambda: None,
    ) -> None:
        self._path, self._class_name, self._weights = path.absolute(), class_name, weights
        self._input_shape, self._edits, self._start_again = input_shape, dict(edits or {}), start_again
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._seen: dict[Path, int] = {}
        self._loading: threading.Thread | None = None
        self._loaded: Held | CnnvizError | None = None
        self._begun = 0.0
        self._facts = self._being_run()
        if ended is not None:
            self._see()
            told = Message(
                "Running {path} has ended Python itself ({reason}). Change the file, and it is run again.",
                path=path,
                reason=ended,
            )
            self._facts, self._loaded = self._problem(told), CnnvizError(told)

    def facts(self) -> Facts:
        """What the file defines now; where it takes long to run, that it is being run."""
        self._refresh()
        return self._facts

    def held(self) -> Held:
        """The network.

        Raises:
            CnnvizError: the file raises an error, or takes long, or the weights do not fit.
        """
        self._refresh()
        if isinstance(self._loaded, CnnvizError):
            raise self._loaded
        if self._loaded is None:
            assert self._facts.problem is not None
            raise CnnvizError(self._facts.problem)
        return self._loaded

    def _refresh(self) -> None:
        """Run the file where it has changed, and wait for it, though not long."""
        with self._lock:
            changed = not self._seen or any(_changed(path) != seen for path, seen in self._seen.items())
            if self._loading is not None and self._loading.is_alive():
                if changed and time.monotonic() - self._begun > _PATIENCE_SECONDS:
                    self._start_again()
            elif changed:
                self._see()
                self._begun = time.monotonic()
                self._facts, self._loaded = self._being_run(), None
                self._loading = threading.Thread(target=self._load, daemon=True)
                self._loading.start()
            loading = self._loading
        if loading is not None:  # who asks again later need not wait as long again
            loading.join(max(_PATIENCE_SECONDS - (time.monotonic() - self._begun), _AGAIN_SECONDS))

    def _see(self) -> None:
        first = [path for path in (self._path, self._weights) if path is not None]
        self._seen = {path: _changed(path) for path in first}

    def _being_run(self) -> Facts:
        return self._problem(Message("{path} is being run.", path=self._path), running=True)

    def _problem(self, told: Message, running: bool = False) -> Facts:
        place = f"{self._path.name}:{self._class_name}"
        stamp = f"{told.template}-{self._stamp()}"
        return Facts(self._class_name, place, stamp, self._input_shape, problem=told, running=running)

    def _stamp(self) -> str:
        return "-".join(map(str, self._seen.values()))

    def _load(self) -> None:
        found: Held | CnnvizError
        source, shape = None, self._input_shape
        try:
            source = self._path.read_text(encoding="utf-8")
            found = Held(self._model())
            shape = shape or _usual_input(found.original)
        except CnnvizError as error:
            found = CnnvizError(error.message)
        except (OSError, UnicodeDecodeError) as error:
            found = CnnvizError(_unreadable(self._path, error))
        except BaseException as error:  # such as KeyboardInterrupt, which the file itself raises here
            words = f"{type(error).__name__}: {error}".removesuffix(": ")
            found = CnnvizError(Message("{path} raises {error}.", path=self._path, error=words))
        if os.getpid() != self._process:  # a fork in the file: nobody waits for this one
            os._exit(0)
        beside = {path: _changed(path) for _name, path in _modules_beside(self._path)}
        with self._lock:
            self._seen |= beside
            self._loaded = found
            if isinstance(found, CnnvizError):
                self._facts = replace(self._problem(found.message), source=source)
            else:
                place = f"{self._path.name}:{self._class_name}"
                given = {name: value for name, value in self._edits.items() if "." not in name}
                arguments = tuple((name, json.dumps(value)) for name, value in sorted(given.items()))
                self._facts = Facts(
                    self._class_name, place, self._stamp(), shape, source, arguments=arguments
                )

    def _model(self) -> nn.Module:
        from cnnviz.models import resolve

        for name, _file in _modules_beside(self._path):  # Python would not read them again
            del sys.modules[name]
        model = resolve(f"{self._path}:{self._class_name}", self._edits, own_files=True)[0]
        if self._weights is not None:
            _load_weights(model, self._weights)
        return model


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
    if isinstance(error, FileNotFoundError):
        return Message("The file {path} does not exist.", path=path)
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
    parser.add_argument("--edits", default="{}")
    parser.add_argument("--ended")
    options = parser.parse_args()
    shape = None if options.input is None else tuple(map(int, options.input.split(",")))
    program = os.fdopen(os.dup(sys.stdin.fileno()), encoding="ascii")
    secret = bytes.fromhex(program.readline().strip())
    with Path(os.devnull).open(encoding="ascii") as nothing:  # to input() in the file nobody would answer
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    defined = FileModel(
        options.path,
        options.class_name,
        options.weights,
        shape,
        json.loads(options.edits),
        options.ended,
        lambda: os._exit(AGAIN),
    )
    host = Host(defined.facts, defined.held, secret)
    print(json.dumps(host.address), flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the file prints is for the person
    program.read()  # until the program that started this one ends
    host.close()
    os._exit(0)  # the file may have started threads that never end


if __name__ == "__main__":
    main()
