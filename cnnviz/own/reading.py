"""A text as a network: its class is chosen, an instance is made without memory, and its input is guessed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from torch import nn

from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.language import Message
from cnnviz.own.definition import Definition
from cnnviz.own.initial_values import WithoutMemory
from cnnviz.own.line_warnings import LineWarning, Looked, line_warnings, methods, with_line
from cnnviz.own.program import Program, Remark, build, load
from cnnviz.own.runs import Note, Run, noting
from cnnviz.own.slips import calls_super, slip_in_constructor
from cnnviz.own.values import Function, OwnClass, Refused, Value
from cnnviz.tracing.lines import line_of
from cnnviz.tracing.trace import Trace, shape_that_passes, trace
from cnnviz.tracing.unregistered import Strays

_SIZES = (28, 32, 64, 96, 128, 224, 299)
"""Heights of the usual images: MNIST's, CIFAR's, ..., ImageNet's."""
_WHATEVER_THE_INPUT = (NameError, AttributeError, TypeError)
"""What other sizes of the input do not cure."""
_USUAL_SIZES = {1: 28, 3: 32}
_LENGTHS = (100, 784, 1000)


@dataclass(frozen=True)
class Parameter:
    """An argument of a constructor: ``default`` is its default as JSON, None where it has none, or none that is plain."""

    name: str
    default: str | None
    required: bool


@dataclass(frozen=True)
class FoundClass:
    """A class of a text that may be the network, in ``line`` (from 1), and what its constructor takes by name."""

    name: str
    line: int
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class Problem:
    """Why there is no trace: the language does not take the text (``refused``), the constructor raised an error
    (``constructor``), the choice beside the text cannot be used (``choice``), or reading it took more than there is
    for it (``limit``). ``line`` is from 1.
    """

    kind: Literal["refused", "constructor", "choice", "limit"]
    message: Message
    line: int | None = None


@dataclass(frozen=True)
class Reading:
    """What a text is: its classes, the one that was ``chosen``, remarks, and either its trace or the problem.

    ``warnings`` are about a network that runs, or the part of it that does, each with its line.
    """

    classes: tuple[FoundClass, ...] = ()
    chosen: str | None = None
    remarks: tuple[Remark, ...] = ()
    trace: Trace | None = None
    problem: Problem | None = None
    warnings: tuple[LineWarning, ...] = ()


def read(definition: Definition, edits: Mapping[str, object] | None = None) -> Reading:
    """Everything about a network as text that needs no weights; nothing is raised because of the text.

    ``edits`` are changed arguments of its layers by path (``conv1.kernel_size``).
    """
    from cnnviz.tracing.edits import edited

    program, own, run = Program(definition.text), None, Run(made={})
    try:
        program = load(definition.text)
        own = chosen_class(program, definition.class_name)
        with noting() as notes:
            model = network(own, definition.values, run)
            found = traced(edited(model, edits) if edits else model, definition.input_shape)
    except Refused as error:
        return _reading(program, own, problem=Problem("refused", error.message, error.line or line_of(error)))
    except ConstructionError as error:
        return _reading(program, own, problem=Problem("constructor", error.message, error.line))
    except CnnvizError as error:
        return _reading(program, own, problem=Problem("choice", error.message))
    remarks = (*program.remarks, *(_remark(note) for note in notes if note.code == "weights-left-out"))
    looked = Looked(program, own, model, run.made or {}, tuple(notes), found, definition.input_shape is None)
    found_all = _reading(program, own, trace=with_line(looked), warnings=line_warnings(looked))
    return replace(found_all, remarks=remarks)


def _remark(note: Note) -> Remark:
    return Remark(note.line, Message("No weights are loaded here: the network starts with random ones."))


def _reading(
    program: Program,
    own: OwnClass | None,
    trace: Trace | None = None,
    problem: Problem | None = None,
    warnings: tuple[LineWarning, ...] = (),
) -> Reading:
    classes = tuple(
        FoundClass(name, known.line, tuple(_parameters(known))) for name, known in program.classes.items()
    )
    return Reading(classes, None if own is None else own.name, program.remarks, trace, problem, warnings)


def _parameters(own: OwnClass) -> Iterator[Parameter]:
    """What the constructor of ``own`` takes by name, without self."""
    constructor = own.find("__init__")
    if type(constructor) is not Function:
        return
    spec = constructor.arguments
    names = [argument.arg for argument in (*spec.posonlyargs, *spec.args)]
    defaults = dict(zip(reversed(names), reversed(constructor.defaults), strict=False))
    defaults |= constructor.keyword_defaults
    for name in [*names[1:], *(argument.arg for argument in spec.kwonlyargs)]:
        yield Parameter(name, _as_json(defaults.get(name)), name not in defaults)


def _as_json(value: Value) -> str | None:
    """A plain value as JSON; None for anything else, and for None itself."""
    plain = type(value) in (bool, int, float, str)
    return json.dumps(value) if plain else None


class ConstructionError(CnnvizError):
    """The constructor of a text's class raised an error, in ``line`` (from 1) of the text."""

    def __init__(self, own: OwnClass, error: Exception) -> None:
        self.line = line_of(error)
        slip = slip_in_constructor(own, error, self.line)
        super().__init__(
            Message("{reason} {advice}", reason=slip.reason, advice=slip.advice)
            if slip
            else Message(
                "{name}.__init__ raises {type}: {words}",
                name=own.name,
                type=type(error).__name__,
                words=str(error),
            )
        )
        if self.line is None:
            self.line = next((node.lineno for node in methods(own) if node.name == "__init__"), own.line)


def chosen_class(program: Program, name: str | None = None) -> OwnClass:
    """The class called ``name``; without a name the one that is probably the network.

    Raises:
        Refused: the text defines no network.
        UnknownKeyError: it defines no class of that name.
    """
    if name is None:
        return program.main_class()
    if name not in program.classes:
        raise UnknownKeyError(Message("Python class"), name, program.classes)
    return program.classes[name]


def network(own: OwnClass, arguments: Mapping[str, Value] | None = None, run: Run | None = None) -> nn.Module:
    """An instance of ``own`` on the meta device; ``run`` counts and notes what happens.

    Raises:
        Refused: the constructor does something that the language does not take.
        ConstructionError: it raises an error.
    """
    with WithoutMemory():
        return instance(own, arguments, run)


def instance(
    own: OwnClass, arguments: Mapping[str, Value] | None = None, run: Run | None = None
) -> nn.Module:
    """An instance of ``own``, made where tensors are made at the moment; ``run`` counts and notes what happens.

    Raises:
        Refused: the constructor does something that the language does not take.
        ConstructionError: it raises an error.
    """
    try:
        return build(own, arguments, run)
    except Refused as error:
        if error.line is None:
            error.line = line_of(error)
        if calls_super(own, error.line):
            raise ConstructionError(own, error) from error
        raise
    except Exception as error:
        raise ConstructionError(own, error) from error


def traced(model: nn.Module, input_shape: tuple[int, ...] | None = None) -> Trace:
    """The trace of ``model``; without ``input_shape`` for the first usual one that it takes, else for the likeliest.

    Raises:
        Refused: its forward does something that the language does not take.
    """
    if input_shape is not None:
        return _checked(trace(model, input_shape))
    guesses = list(_guesses(model))
    found = trace(model, guesses[0])
    of_the_input = found.failure is not None and not isinstance(found.raised, _WHATEVER_THE_INPUT)
    fits = shape_that_passes(model, guesses[1:], found) if of_the_input else None
    other = None if fits is None else trace(model, fits)
    return _checked(found if other is None or other.failure is not None else other)


def _checked(found: Trace) -> Trace:
    refused = found.raised
    if isinstance(refused, Refused):
        refused.line = refused.line or line_of(refused)
        raise refused
    return found


def _guesses(model: nn.Module) -> list[tuple[int, ...]]:
    """Input shapes that may be meant, the likeliest first, as the first layer suggests.

    Where layers are kept in a plain list, the first of those may be the network's first as well; that a convolution of
    images comes first is likelier than that a linear layer does.
    """
    strays = (layer for _, layer in Strays(list(model.named_modules())).layers())
    firsts = [layer for layers in (model.modules(), strays) if (layer := next(filter(_tells, layers), None))]
    firsts.sort(key=lambda layer: not (isinstance(layer, nn.Conv2d) and layer.in_channels in _USUAL_SIZES))
    found = dict.fromkeys(guess for layer in firsts for guess in _inputs_of(layer))
    return list(found) or [(1, 28, 28), (3, 32, 32)]


def _tells(layer: nn.Module) -> bool:
    """Whether a layer says what its input is like."""
    return bool(_inputs_of(layer))


def _inputs_of(module: nn.Module) -> list[tuple[int, ...]]:
    """Usual inputs of a layer, the likeliest first; none of one that takes any."""
    if isinstance(
        module, (nn.LazyConv2d, nn.LazyLinear)
    ):  # which take any number of channels, or of features
        usual_ones = [(channels, size, size) for channels, size in _USUAL_SIZES.items()]
        return [*usual_ones, *((channels, size, size) for size in _SIZES for channels in _USUAL_SIZES)]
    if isinstance(module, nn.LazyConv1d):
        return [(1, length) for length in _LENGTHS]
    if isinstance(module, nn.Conv2d):
        usual = _USUAL_SIZES.get(module.in_channels, 32)
        sizes = [usual, *(size for size in _SIZES if size != usual)]
        return [(module.in_channels, size, size) for size in sizes]
    if isinstance(module, nn.Linear):
        side = int(module.in_features**0.5)
        images = [(1, side, side)] if side * side == module.in_features else []
        return [*images, (module.in_features,)]
    if isinstance(module, nn.Conv1d):
        return [(module.in_channels, length) for length in _LENGTHS]
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        return [(20,)]
    if isinstance(module, nn.RNNBase):
        return [(20, module.input_size)]
    return []
