"""What a trace consists of: ops, module calls, and where a forward pass failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cnnviz.language import Message, sentences
from cnnviz.operations.batch_axis import FRONT, Layout

Shape = tuple[int, ...]
"""Sizes without the batch dimension, such as (88, 4, 4)."""

Kind = Literal[
    "convolution",
    "pooling",
    "normalisation",
    "activation",
    "dropout",
    "merge",
    "reshape",
    "linear",
    "other",
]

ANY_INTEGERS = 2
"""Where an input must be integers and no table says how many there are, 0 and 1 are certainly among them."""

MODEL_INPUT = -1
"""The index that stands for the model's input among an op's ``inputs``."""


@dataclass(frozen=True)
class Op:
    """One step of a forward pass: a call of a leaf module, or of a function outside of one.

    ``inputs`` are op indices, -1 is the model's input. ``params`` are the op's own parameters; weights that
    were used before are counted by the first op, and this one is ``reused``. ``macs`` counts a multiply and an
    add as one, without the bias, for one image. ``arguments`` holds what determines the output shape
    (``kernel_size``, ``stride``, ...). ``module`` is the path of the leaf module, None for a function. ``call`` counts the function calls that gave tensors up to the one that gave
    this op's output (None where the output is the input itself), and ``call_part`` tells which of its tensors that
    is; it is how :mod:`cnnviz.tracing.capture` finds the op again on real tensors. Shapes are those of one image;
    ``layout`` tells which dimension of the output is the batch, ``input_layouts`` that of the inputs (empty: the
    first of each). ``parts`` tells which of several outputs each input is (empty: the first), as after a ``split``. ``operation`` is the name by
    which the registry knows it (empty: its type), ``own_forward`` means that its class overrides the
    ``forward`` of the ``torch.nn`` class it is derived from.
    """

    index: int
    name: str
    type: str
    kind: Kind
    inputs: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    params: int
    macs: int
    reused: bool = False
    module: str | None = None
    arguments: Mapping[str, object] = field(default_factory=dict)
    call: int | None = None
    call_part: int = 0
    layout: Layout = FRONT
    input_layouts: tuple[Layout, ...] = ()
    parts: tuple[int, ...] = ()
    operation: str = ""
    own_forward: bool = False

    @property
    def base(self) -> str:
        """The ``torch.nn`` class or the function that it is: ``Conv2d`` for a class derived from that."""
        return self.operation or self.type

    @property
    def window(self) -> Mapping[str, object]:
        """What its window is like: ``kernel_size``, ``stride``, ``padding``, ``dilation`` and, of a convolution,
        ``groups``; empty for an op without a window.
        """
        if "kernel_size" not in self.arguments:
            return {}
        return {name: self.arguments[name] for name in WINDOW if name in self.arguments}

    @property
    def window_text(self) -> str:
        """The window as one writes it in code: ``5x5, stride=2, padding=1``; ``dilation`` and ``groups`` unless 1."""
        texts = {name: _size_text(value) for name, value in self.window.items()}
        kernel = texts.pop("kernel_size", "")
        kernel = "x".join([kernel] * _sides(self.window)) if kernel.isdigit() else kernel
        shown = (f"{k}={v}" for k, v in texts.items() if k in ("stride", "padding") or v != "1")
        return ", ".join([kernel, *shown]) if kernel else ""

    @property
    def title(self) -> str:
        """What a sentence calls the op."""
        return called(self.name, self.type)


@dataclass(frozen=True)
class ModuleCall:
    """One call of a module, container or leaf, in the order in which the calls returned.

    ``ops_before`` is the number of ops that had been executed when it returned; ``depth`` is 1 for
    the children of the model. A container's ``params`` are 0: the ops inside carry them. One that only
    lists its children, as ``nn.Sequential`` and what derives from it, has ``is_list``.
    """

    name: str
    type: str
    output_shape: Shape
    params: int
    depth: int
    container: bool
    is_list: bool
    ops_before: int
    layout: Layout = FRONT


@dataclass(frozen=True)
class Unexecuted:
    """A declared parameter that no op counts: of a layer that was not called, or used directly."""

    name: str
    shape: Shape
    params: int


@dataclass(frozen=True)
class FailedCall:
    """The call that failed: of a leaf module, or of a function outside of one.

    ``input_shapes`` are as an op's, but of one row where rows and images differ: a call sees rows. ``layouts`` tells
    where the batch of ``images`` is in each input (empty: the first dimension of each), ``constants`` are the full
    shapes of the tensors that no op returned, such as parameters.
    """

    name: str
    type: str
    path: str | None  # of the module, None for a function
    inputs: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    arguments: Mapping[str, object]
    error: Exception
    operation: str = ""
    own_forward: bool = False
    layouts: tuple[Layout, ...] = ()
    images: int = 1
    constants: tuple[Shape, ...] = ()

    @property
    def base(self) -> str:
        """The ``torch.nn`` class or the function that it is: ``Conv2d`` for a class derived from that."""
        return self.operation or self.type


@dataclass(frozen=True)
class Fix:
    """An edit that fixes a failure: set the attribute at ``path`` (``fc.in_features``) to ``value``."""

    path: str
    value: object
    text: str


@dataclass(frozen=True)
class Mend:
    """Another way out of a failure than its first one: a sentence, and the input shape that it asks for, if any.

    One that is ``ahead`` keeps more of what the network means than an edit does, and is said before it; one that is
    ``beside_fix`` says again what the advice says, for where an edit takes the advice's place.
    """

    text: Message
    input_shape: Shape | None = None
    ahead: bool = False
    beside_fix: bool = False


OtherInput = Literal["", "larger", "even"]
"""Which other input might pass: one with more pixels, or one whose sides can be halved more often."""


@dataclass(frozen=True)
class Failure:
    """Where and why a forward pass ended early.

    ``reason`` says what was received and what was expected, ``received`` and ``expected`` give the numbers where
    there are any; ``cause`` names the earlier layer responsible. ``fix`` is an edit with which the pass gets
    further; where there is none, ``advice`` says what to do. ``mends`` are other ways out. Where the advice is
    ``settled``, it is what the code means: edits that would make the call succeed with something else are not
    looked for. ``line`` is that of the text that is interpreted, if one is. ``other_input`` tells which other input is worth trying. ``inputs`` are the ops whose
    outputs the failing call received. Where no rule of cnnviz is known to be broken, the reason is ``quoted``.
    """

    name: str
    type: str
    reason: Message
    expected: int | Shape | None = None
    received: int | Shape | None = None
    fix: Fix | None = None
    inputs: tuple[int, ...] = ()
    cause: Message | None = None
    advice: Message | None = None
    mends: tuple[Mend, ...] = ()
    settled: bool = False
    other_input: OtherInput = ""
    quoted: bool = False
    line: int | None = None

    @property
    def message(self) -> str:
        """The whole diagnosis in the current language."""
        told = (self.reason, self.cause, *(mend.text for mend, _ in self.ways_out))
        return sentences(told)

    @property
    def ways_out(self) -> tuple[tuple[Mend, Fix | None], ...]:
        """All that would help, each a sentence with its edit, if it is one; what keeps the meaning comes first."""
        ahead = [mend for mend in self.mends if mend.ahead]
        remedy = self._remedy(first=not ahead)
        first = [] if remedy is None else [(Mend(remedy), self.fix)]
        return (
            *((mend, None) for mend in ahead),
            *first,
            *((mend, None) for mend in self.mends if not mend.ahead),
        )

    def _remedy(self, first: bool) -> Message | None:
        if self.fix is None:
            return self.advice
        layer = self.fix.path.rpartition(".")[0]
        if not first:
            return Message("Or change {layer} to {text}.", layer=layer, text=self.fix.text)
        if layer == self.name:
            return Message("Fix: {text}.", text=self.fix.text)
        return Message("Fix: change {layer} to {text}.", layer=layer, text=self.fix.text)


WINDOW = ("kernel_size", "stride", "padding", "dilation", "groups")
"""The arguments that say how a window slides, in the order in which they are shown."""


def _sides(window: Mapping[str, object]) -> int:
    kernel = window["kernel_size"]
    return len(kernel) if isinstance(kernel, tuple) else 1


def _size_text(value: object) -> str:
    """One number for a size that is the same in each dimension, else ``3x1``."""
    if isinstance(value, (tuple, list)):
        sizes = [str(size) for size in value]
        return sizes[0] if len(set(sizes)) == 1 else "x".join(sizes)
    return str(value)


def called(name: str, type_name: str) -> str:
    """What a sentence calls an op: its name, or ``Conv2d 0`` where the name is a number alone."""
    return f"{type_name} {name}" if name[:1].isdigit() and "." not in name else name


def shape_text(shape: Shape) -> str:
    """A shape as it is shown everywhere: ``88 x 4 x 4``."""
    return " x ".join(str(size) for size in shape) if shape else "1"


def product(shape: Shape) -> int:
    """The number of elements of a shape."""
    result = 1
    for size in shape:
        result *= size
    return result
