"""Models by name: a registry key, ``own-...`` of a kept text, ``torchvision:NAME``, or ``FILE.py:CLASS`` of one's own."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnviz import architectures
from cnnviz.errors import CnnvizError, UnknownKeyError, UsageError, shortened
from cnnviz.language import Message
from cnnviz.own import asking
from cnnviz.own.architecture import get as own_architecture
from cnnviz.own.definition import PREFIX, Definition

if TYPE_CHECKING:
    from torch import nn
    from torch.overrides import TorchFunctionMode

    from cnnviz.tracing.trace import Trace

TORCHVISION = "torchvision:"
"""What the name of a model of torchvision begins with."""

_IMAGENET_INPUT = (3, 224, 224)
_OTHER_INPUTS = {"inception_v3": (3, 299, 299)}
_MOST_CLASSES = 8
_BUILDER = re.compile(r"^@register_model\(\)\n.*?^def (\w+)\(", re.MULTILINE | re.DOTALL)
_ASKING_FOR_WEIGHTS = ("googlenet", "inception_v3")
"""Models that warn unless they are told whether to draw initial weights; on meta there are none."""


def resolve(
    name: str, edits: Mapping[str, object], own_files: bool = False
) -> tuple[nn.Module, tuple[int, ...] | None]:
    """Build the model called ``name`` on the meta device, with ``edits`` made.

    Args:
        name: a registry key, ``own-...``, ``torchvision:NAME`` or ``FILE.py:CLASS``.
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
    from cnnviz.tracing.edits import edited

    model, input_shape, remaining = _built(name, dict(edits), own_files)
    return (edited(model, remaining) if remaining else model), input_shape


def traced(
    name: str,
    edits: Mapping[str, object],
    input_shape: tuple[int, ...] | None = None,
    own_files: bool = False,
    further_inputs: Sequence[tuple[int, ...]] = (),
) -> Trace:
    """The trace of the model called ``name``, with ``edits`` made, for the input that it is made for or another.

    ``further_inputs`` are the shapes of the inputs behind the first, of a network that takes several.

    Where it ends early, the diagnosis names the edit, or the input, that makes the difference.

    Raises:
        UsageError: ``input_shape`` is missing for a person's own file, or impossible.
        CnnvizError: as :func:`resolve`.
    """
    from cnnviz.shapes.blame import with_blame
    from cnnviz.tracing.edits import edited
    from cnnviz.tracing.trace import trace

    if name.startswith(PREFIX) and not further_inputs:
        return _traced_text(definition_of(name), edits, input_shape)

    original, made_for, remaining = _built(name, dict(edits), own_files)
    model = edited(original, remaining) if remaining else original
    shape = input_shape or made_for
    if shape is None:
        raise UsageError(Message("Specify the input shape of {model}: --input C,H,W", model=name))
    given = (shape, *further_inputs) if further_inputs else shape
    done = trace(model, given)
    if further_inputs or done.failure is None or not (edits or shape != made_for):
        return done
    if remaining != dict(edits) and not _is_own_file(name):  # options of the builder
        original = _built(name, {}, own_files)[0]
    return with_blame(done, trace(original, made_for or shape), edits)


def definition_of(name: str) -> Definition:
    """The text of the own network called ``own-...``, with the input that it is known to be traced with.

    Raises:
        UnknownKeyError: there is no such network.
    """
    architecture = own_architecture(name)
    return replace(architecture.facts.definition, input_shape=architecture.facts.input_shape)


def _traced_text(
    definition: Definition, edits: Mapping[str, object], input_shape: tuple[int, ...] | None
) -> Trace:
    """The trace of a network as text; a server has it made in another process."""
    from cnnviz.shapes.blame import with_blame

    done = asking.trace_of(replace(definition, input_shape=input_shape or definition.input_shape), edits)
    if done.failure is None or not (edits or done.input_shape != definition.input_shape):
        return done
    return with_blame(done, asking.trace_of(definition), edits)


def own_file(name: str) -> tuple[Path, str]:
    """The file and the class that ``FILE.py:CLASS`` names; the file is not run.

    Raises:
        UsageError: it names no file that is there, or no class.
    """
    path, _, class_name = name.rpartition(":") if _is_own_file(name) else (name, "", "")
    if not Path(path).is_file():
        raise UsageError(Message("The file {path} does not exist.", path=path))
    if not class_name:
        raise _no_class(Path(path))
    return Path(path), class_name


def torchvision_names() -> tuple[str, ...]:
    """The classification models of the installed torchvision, in alphabetical order.

    They are read from its files, in milliseconds: importing torchvision takes seconds, too long for a list that
    most people only scroll through.
    """
    found = importlib.util.find_spec("torchvision")
    folders = found.submodule_search_locations if found is not None else None
    files = (path for folder in folders or () for path in (Path(folder) / "models").glob("*.py"))
    return tuple(sorted(name for path in files for name in _BUILDER.findall(path.read_text("utf-8"))))


def torchvision_input(name: str) -> tuple[int, int, int]:
    """The input (C, H, W) that ``torchvision:NAME`` is shown with, known without an import of torchvision."""
    return _OTHER_INPUTS.get(name.removeprefix(TORCHVISION), _IMAGENET_INPUT)


def _built(
    name: str, edits: dict[str, object], own_files: bool
) -> tuple[nn.Module, tuple[int, ...] | None, dict[str, object]]:
    import torch

    if own_files and (_is_own_file(name) or name.endswith(".py")):
        return _from_file(*own_file(name), edits), None, edits
    if name.startswith(TORCHVISION):
        model = _from_torchvision(name.removeprefix(TORCHVISION))
        _check_options(name, edits, (), model)
        return model, torchvision_input(name), edits
    try:
        architecture = architectures.get(name)
    except UnknownKeyError as error:
        raise error if name.startswith(PREFIX) else _unknown(name) from None
    options = {path: edits.pop(path) for path in list(edits) if path in architecture.options}
    with torch.device("meta"):
        model = architecture.build(**options)
    _check_options(name, edits, architecture.options, model)
    return model, architecture.input_shape, edits


def _is_own_file(name: str) -> bool:
    return ".py:" in name


def _check_options(
    name: str, edits: Mapping[str, object], options: Collection[str], model: nn.Module
) -> None:
    """Refuse a path that is neither an option nor the argument of a layer, which has a dot in it."""
    for path in edits:
        if "." in path or path in dict(model.named_children()):
            continue
        if options:
            raise UnknownKeyError(Message("option"), path, options)
        raise UsageError(
            Message(
                "{model} has no options, so {path!r} cannot be set; write a layer's argument like this: "
                "conv1.kernel_size.",
                model=name,
                path=shortened(path),
            )
        )


def _unknown(name: str) -> UnknownKeyError:
    """The error about a key that is none: it may be a name of torchvision's, in any of the ways to write it."""
    plain = name.replace("-", "_").lower().rpartition(".")[2]
    ours = architectures.keys()
    theirs = [known for known in torchvision_names() if len(plain) > 1 and known.startswith(plain)]
    if plain not in theirs and any(key.startswith(plain) for key in ours):
        theirs = []
    meant = f"{TORCHVISION}{min(theirs, key=len)}" if theirs else None
    return UnknownKeyError(Message("architecture"), name, ours, meant)


def _from_torchvision(name: str) -> nn.Module:
    import torch
    from torchvision import models

    known = torchvision_names()
    if name not in known:
        raise UnknownKeyError(Message("torchvision model"), name, known)
    options = {"init_weights": False} if name in _ASKING_FOR_WEIGHTS else {}
    model: nn.Module
    try:
        with torch.device("meta"):
            model = models.get_model(name, weights=None, **options)
    except (NotImplementedError, RuntimeError):  # some compute their widths with tensors
        with _weights_on_meta():
            model = models.get_model(name, weights=None, **options)
    return model


def _weights_on_meta() -> TorchFunctionMode:
    """Inside, tensors that a model makes for its weights have no memory; those that it computes with do."""
    import torch
    from torch.overrides import TorchFunctionMode

    makers = (torch.empty, torch.zeros, torch.ones)

    class WeightsOnMeta(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            place = {"device": "meta"} if func in makers else {}
            return func(*args, **{**(kwargs or {}), **place})

    return WeightsOnMeta()


def _from_file(path: Path, class_name: str, edits: dict[str, object]) -> nn.Module:
    """An instance of the class; of ``edits``, those that its constructor takes are given to it and taken out."""
    from torch import nn

    from cnnviz.tracing.isolation import WithoutAccelerator
    from cnnviz.tracing.mistakes import slip_of_constructor

    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses, for one, look their module up there
    sys.path.insert(0, str(path.parent.absolute()))  # its own imports work as if it had been started
    try:
        with WithoutAccelerator():
            spec.loader.exec_module(module)
        found = getattr(module, class_name, None)
        if not (isinstance(found, type) and issubclass(found, nn.Module)):
            classes = [n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, nn.Module)]
            raise UnknownKeyError(Message("Python class"), class_name, classes)
        with WithoutAccelerator():
            model: nn.Module = found(**_taken_by(found, edits))
        _check_options(class_name, edits, _parameters(found), model)
        return model
    except CnnvizError:
        raise
    except (Exception, SystemExit) as error:  # the person's own code may raise anything
        slip = slip_of_constructor(error, [v for v in vars(module).values() if isinstance(v, type)])
        if slip is not None:
            raise CnnvizError(Message("{reason} {advice}", reason=slip.reason, advice=slip.advice)) from error
        raise CnnvizError(_error_of_file(path, error)) from error
    finally:
        sys.path.remove(str(path.parent.absolute()))


def _error_of_file(path: Path, error: BaseException) -> Message:
    """What to say of an ``error`` that a person's file or a constructor in it raised: what it means, where it is known."""
    from cnnviz.error_messages import decode

    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).absolute() == path.absolute()
    ]
    if lines:
        path_and_line = Message("{path}, line {line},", path=path, line=lines[-1])
    else:
        path_and_line = Message("{path}", path=path)
    values = {"place": path_and_line, "type": type(error).__name__}
    known = decode(f"{type(error).__name__}: {error}")
    if known is None:
        return Message("{place} raises an error: {type}: {error}", error=error, **values)
    if not known.reasons:
        return Message("{place} raises {type}: {meaning}", meaning=known.meaning, **values)
    text, code = known.reasons[0].text, known.reasons[0].code
    advice = text if code is None else Message("{text} For example: {code}", text=text, code=code)
    return Message(
        "{place} raises {type}: {meaning} {advice}", meaning=known.meaning, advice=advice, **values
    )


def _no_class(path: Path) -> UsageError:
    """What to say where a file is named without a class; the file is read and not run."""
    try:
        body = ast.parse(path.read_text(encoding="utf-8")).body
    except (SyntaxError, ValueError, OSError):
        body = []
    classes = [f"{path}:{node.name}" for node in body if isinstance(node, ast.ClassDef)]
    if not classes:
        return UsageError(
            Message(
                "Specify which class of {path} is the network: {path}:CLASS. The file defines no "
                "classes yet.",
                path=path,
            )
        )
    return UsageError(
        Message(
            "Specify which class of {path} is the network: {classes}.",
            path=path,
            classes=", ".join(classes[:_MOST_CLASSES]),
        )
    )


def _parameters(cls: type[nn.Module]) -> dict[str, inspect.Parameter]:
    """What the constructor of ``cls`` takes by name."""
    try:
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    except (TypeError, ValueError):
        return {}
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {parameter.name: parameter for parameter in parameters if parameter.kind in named}


def _taken_by(cls: type[nn.Module], edits: dict[str, object]) -> dict[str, object]:
    """The arguments of the constructor among ``edits``, which they are taken out of.

    Raises:
        UsageError: it needs one that is not given.
    """
    parameters = _parameters(cls)
    given = {path: edits.pop(path) for path in list(edits) if path in parameters}
    missing = [
        name for name, p in parameters.items() if p.default is inspect.Parameter.empty and name not in given
    ]
    if missing:
        raise UsageError(
            Message(
                "{cls} needs a value for {names}: add {example}, or give it a default.",
                cls=cls.__name__,
                names=", ".join(missing),
                example=" ".join(f"--set {name}=VALUE" for name in missing),
            )
        )
    return given
