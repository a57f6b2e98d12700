"""Dropout (Srivastava et al. 2014), scaled in training as PyTorch does it."""

from __future__ import annotations

from collections.abc import Sequence

from cnnviz.language import Message
from cnnviz.operations.op import Op, shape_text
from cnnviz.operations.rules.explanation import Explanation, number


def dropout(op: Op, _ops: Sequence[Op]) -> Explanation | None:
    """A dropout of any kind; all keep the shape."""
    p = op.arguments.get("p", 0.5)
    if op.kind != "dropout" or op.input_shapes[0] != op.output_shape or not isinstance(p, (int, float)):
        return None
    output, background = shape_text(op.output_shape), _modes(op)
    if "alpha" in op.type.lower():
        return Explanation("m = n", output, _alpha(op, p), background=background)
    if p >= 1:
        sentence = Message(
            "{name} sets every value to zero in training, for its probability is 1; the shape stays {output}.",
            name=op.title,
            output=output,
        )
        return Explanation("y = 0", "y = 0", sentence, background=background)
    kept = Message(
        "What is kept is multiplied by 1/(1 - {p}) = {factor}, so that the sum to be expected stays the same.",
        p=number(p),
        factor=f"{1 / (1 - p):.4g}",
    )
    return Explanation(
        "y = m * x/(1 - p), m ∈ {0, 1}",
        f"y = m * x/(1 - {number(p)}), m ∈ {{0, 1}}",
        _sentence(op, p),
        background=(kept, *background) if p > 0 else background,
    )


def _sentence(op: Op, p: float) -> Message:
    values = {"name": op.title, "p": number(p), "output": shape_text(op.output_shape)}
    if op.type[-2:].lower() in ("1d", "2d", "3d"):
        return Message(
            "{name} sets whole channels to zero in training, each with probability {p}; the shape stays {output}.",
            **values,
        )
    return Message(
        "{name} sets each value to zero in training, with probability {p}; the shape stays {output}.",
        **values,
    )


def _alpha(op: Op, p: float) -> Message:
    """Klambauer et al. 2017, section 3: for networks of SELUs."""
    values = {"name": op.title, "p": number(p), "output": shape_text(op.output_shape)}
    if "feature" in op.type.lower():
        return Message(
            "{name} sets whole channels, each with probability {p}, to a fixed negative number in training, so that "
            "mean and variance stay; the shape stays {output}.",
            **values,
        )
    return Message(
        "{name} sets each value with probability {p} to a fixed negative number in training, so that mean and "
        "variance stay; the shape stays {output}.",
        **values,
    )


def _modes(op: Op) -> tuple[Message, ...]:
    """What training and evaluation change: a function is told so by an argument, and a trace runs in evaluation."""
    if op.module is None and op.arguments.get("training", "alpha" not in op.type.lower()) is True:
        return (
            Message(
                "Careful: called like this it drops in evaluation, too, because F.{type} takes training=True where "
                "nothing else is said. Write F.{type}(x, training=self.training), or use the layer nn.Dropout.",
                type=op.type,
            ),
        )
    return (Message("In evaluation it does nothing."),)
