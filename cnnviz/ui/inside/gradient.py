"""The gradient of one weight taken apart in the browser: where it was used, what each place contributes, its update."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from cnnviz.errors import shortened
from cnnviz.language import Message, language, sentences
from cnnviz.language import translate as _
from cnnviz.operations.op import Op
from cnnviz.plots import palette
from cnnviz.ui.inside import verdicts
from cnnviz.ui.inside.digits import Digits
from cnnviz.ui.inside.example import Example
from cnnviz.ui.inside.weights import Weights, choose_layer
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.link_state import choose_number, choose_one
from cnnviz.ui.shared.markup import in_browser
from cnnviz.ui.shared.problems import explained, link_problem, plain
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import caption, say

if TYPE_CHECKING:
    from cnnviz.interpret.weight_gradient import ChannelGradients, Contribution, Place, WeightGradient

WEIGHT = "weight"
"""The parameter of the weight in the link: row and column of the kernel, from 0 (``2-0``), or ``bias``."""
BIAS = "bias"

_RATES = ("0.001", "0.01", "0.1", "1", "10")
_USUAL_RATE = "0.1"
_MOST_BARS = 8
_SURE = 0.99
"""A probability of the label from which on there is hardly a gradient."""
_ROUNDING = 1e-5  # of the sum of absolute contributions: what another order of float32 sums may change
_DIGITS, _MOST_DIGITS = 6, 10  # of a weight and of a loss
_LONGEST = 12

_component = in_browser(
    Path(__file__).parent / "gradients", ("canvas", "payload", "bars", "gradients"), styles=("bars",)
)


@fragment()
def show(weights: Weights, image: Example) -> None:
    """Choose a layer, one of its weights, the label and the learning rate; the link holds them.

    They are ``layer``, ``channel``, ``from``, ``weight``, ``label`` and ``rate``.
    """
    with explained():
        with st.container(horizontal=True, vertical_alignment="bottom", key="gradient-choices"):
            op = _choose_op(weights)
            label = _choose_label(weights, image)

            def gradients(channel: int) -> ChannelGradients:
                seen = weights.image_key(image.pixels)
                return cached.channel_gradients(weights.key, seen, op.index, label, channel)

            found = gradients(_choose_channel(op, gradients))
            source = _choose_source(found)
            rate = _choose_rate()
        if math.exp(-found.loss) > _SURE:
            say(
                _(
                    "The network is almost certain of this label, so the gradients are tiny. Choose another label to see larger ones."
                )
            )
        elif not any(use.gradient.any() for use in found.uses):
            say(
                _(
                    "No gradient arrives at this output: what follows lets none through for this image, as a ReLU does where "
                    "its input is negative."
                )
            )
        place = _place(found, source)
        _component(data=_data(found, source, place), key="gradients", on_weight_change=_write_weight)
        _update(weights, image, op, found, place, rate)


def _choose_op(weights: Weights) -> Op:
    from cnnviz.interpret.weight_gradient import can_be_differentiated

    trace = weights.trace
    shapes = {op.name: op.output_shape for op in trace.ops if can_be_differentiated(op)}
    return trace.op(choose_layer(weights, shapes, width=330))


def _choose_channel(op: Op, gradients: Callable[[int], ChannelGradients]) -> int:
    """The output channel; at first the one at which most gradient arrives."""
    count = op.output_shape[0] if op.kind != "linear" else op.output_shape[-1]
    return _choose_one_of(_("Output channel (0 to {last:,})"), "channel", count, gradients(0).strongest)


def _choose_one_of(label: str, key: str, count: int, default: int) -> int:
    if count == 1:
        return 0
    return choose_number(
        label.format(last=count - 1), key=key, low=0, high=count - 1, default=default, width=200
    )


def _choose_label(weights: Weights, image: Example) -> int:
    """The label that the loss takes for right: the image's own, where it is known, else the answer of the network."""
    label = image.label_for(weights)
    usual = int(verdicts.probabilities(weights, image).argmax()) if label is None else label
    classes = weights.classes
    with st.container(width=200):
        chosen = choose_one(
            _("Label in the loss"),
            [str(number) for number in range(len(classes))],
            key="label",
            kind=Message("class"),
            title=lambda number: classes[int(number)],
            default=str(usual),
        )
    return int(chosen)


def _choose_source(found: ChannelGradients) -> int:
    """The input channel; at first the one with the largest gradient."""
    strongest = int(np.unravel_index(int(np.abs(found.computed).argmax()), found.computed.shape)[0])
    return _choose_one_of(_("Input channel (0 to {last:,})"), "from", len(found.weights), strongest)


def _choose_rate() -> float:
    with st.container(width=150):
        chosen = choose_one(
            _("Learning rate"), _RATES, key="rate", kind=Message("learning rate"), default=_USUAL_RATE
        )
    return float(chosen)


def _place(found: ChannelGradients, source: int) -> Place | None:
    """The weight that the link names; at first the one with the largest gradient; None for the bias."""
    _sources, high, wide = found.weights.shape
    named = query.get(WEIGHT)
    if named == BIAS and found.bias is not None:
        return None
    row, _dash, column = (named or "").partition("-")
    short = len(row + column) <= _LONGEST  # int() refuses very long numbers
    if short and row.isdecimal() and column.isdecimal() and int(row) < high and int(column) < wide:
        return source, int(row), int(column)
    if named is not None:
        query.drop(WEIGHT)
        link_problem(
            Message(
                "weight={value} in the link is not one of the {rows} x {columns} weights: use row and column, counting "
                "from 0, such as weight=0-0, or weight=bias.",
                value=shortened(named),
                rows=high,
                columns=wide,
            )
        )
    best = int(np.abs(found.computed[source]).argmax())
    return source, best // wide, best % wide


def _write_weight() -> None:
    chosen = st.session_state["gradients"].get(WEIGHT)
    if isinstance(chosen, str):
        query[WEIGHT] = chosen


def _data(found: ChannelGradients, source: int, place: Place | None) -> bytes:
    from cnnviz.interpret.pixel import Payload
    from cnnviz.interpret.weight_gradient import weight_gradient

    gradient, payload = weight_gradient(found, place), Payload()
    payload.add("weights", found.weights[source])
    payload.add("computed", found.computed[source])
    for number, part in enumerate(gradient.parts):
        payload.add(f"gradients{number}", part.gradients)
        payload.add(f"values{number}", part.values)
        payload.add(f"inside{number}", part.inside)
    sources = found.uses[0].layer.sources(found.channel)
    return payload.pack(
        {
            "at": BIAS if place is None else f"{place[1]}-{place[2]}",
            "kernel": found.weights.shape[1:],
            "bias": None if found.bias is None else [_plain(found.bias), _plain(found.computed_bias)],
            "parts": [
                {"title": part.op.name if len(gradient.parts) > 1 else "", "shape": part.products.shape}
                for part in gradient.parts
            ],
            "bars": _bars(gradient),
            "told": _told(gradient),
            "texts": _texts(found, sources[source]),
            "palette": {"light": palette.DIVERGING_LIGHT, "dark": palette.DIVERGING_DARK},
        }
    )


def _plain(number: float | None) -> float | None:
    """A number that JSON can hold."""
    return number if number is not None and np.isfinite(number) else None


def _bars(found: WeightGradient) -> list[dict[str, Any]]:
    """The largest contributions, and the sum of all others."""
    from cnnviz.interpret.weight_gradient import largest

    terms = largest(found, _MOST_BARS)
    bars = [{"name": _term(found, term), "value": _plain(term.product) or 0.0} for term in terms]
    others = found.count - len(terms)
    if others:
        rest = found.gradient - sum(term.product for term in terms)
        name = _("{count:,} other places", count=others) if others > 1 else _("one other place")
        bars.append({"name": name, "value": _plain(rest) or 0.0})
    return bars


def _term(found: WeightGradient, term: Contribution) -> str:
    """``row 3, column 4: −0.0123 × 0.812``, with the call's name where there are several."""
    product = f"{_short(term.gradient)} × {_short(term.value, signed=True)}"
    part = found.parts[term.part]
    if part.products.size == 1:
        return product if len(found.parts) == 1 else f"{part.op.name}: {product}"
    name = f"{part.op.name}, " if len(found.parts) > 1 else ""
    place = _("row {row}, column {column}", row=term.row, column=term.column)
    return f"{name}{place}: {product}"


def _short(number: float, *, signed: bool = False) -> str:
    """A number with three digits, as the browser writes it; ``signed``: in brackets if it is below zero."""
    digits, _e, power = f"{abs(number):.3g}".partition("e")
    text = digits + (f"e{int(power)}" if power else "")
    if number >= 0:
        return text
    return f"(−{text})" if signed else f"−{text}"


def _told(found: WeightGradient) -> dict[str, Any]:
    """The sum, and whether it is what PyTorch computed."""
    same = abs(found.gradient - found.computed) <= _ROUNDING * max(found.size, 1e-30)
    digits = Digits.in_which_equal((found.gradient, found.computed), found.size)
    computed = digits.text(found.computed)
    told = (
        _("PyTorch's autograd computed {computed}: the same, up to float32 rounding.", computed=computed)
        if same
        else _("PyTorch's autograd computed {computed}; the difference is {difference}.", computed=computed,
               difference=f"{abs(found.gradient - found.computed):.0e}")
    )  # fmt: skip
    return {"sum": digits.text(found.gradient), "check": told, "same": same}


def _texts(found: ChannelGradients, source: int) -> dict[str, str]:
    values = {"source": source, "channel": found.channel}
    return {
        "language": language(),
        "weights": _("Weights, input channel {source} to output channel {channel}", **values),
        "computed": _("Their gradients"),
        "bias": _("Bias"),
        "gradients": _("Gradient of the output"),
        "values": _("Input value under the weight"),
        "units": _("What the bias is multiplied by: 1"),
        "products": _("Contribution"),
        "place": _("Row {row}, column {column}: {gradient} × {value} = {product}"),
        "padding": _("Row {row}, column {column}: the weight lies in the padding, 0"),
        "sum": _("Gradient: the sum of all contributions"),
        "hint": _("Click a weight to choose it. Point at a place of the output to see its numbers."),
    }


def _update(
    weights: Weights, image: Example, op: Op, found: ChannelGradients, place: Place | None, rate: float
) -> None:
    """The step that gradient descent would make with this weight alone, and the loss before and after it."""
    from cnnviz.interpret.weight_gradient import stepped, weight_gradient

    gradient = weight_gradient(found, place)
    new = stepped(gradient, rate)
    after = cached.loss_with(
        weights.key, weights.image_key(image.pixels), op.index, found.label, found.at(place), new
    )
    step = rate * gradient.computed
    digits = _enough(gradient.weight, step)
    amount = Digits.in_which_equal((gradient.gradient, gradient.computed), gradient.size).text(
        gradient.computed
    )
    signed = f"({amount})" if amount.startswith("−") else amount
    st.markdown("**" + _("One step with this weight alone") + "**")
    st.code(
        "\n".join(
            (
                _("new weight = weight − learning rate × gradient"),
                f"{digits.text(gradient.weight)} − {rate:g} × {signed} = {digits.text(new)}",
            )
        ),
        language=None,
        wrap_lines=True,
    )
    for sentence in _outcome(
        found.loss, after, rate * gradient.computed**2, new == gradient.weight, step == 0
    ):
        st.markdown(plain(sentence))
    caption(plain(_conditions(weights, found)))


def _enough(number: float, step: float) -> Digits:
    """Digits in which a ``step`` of ``number`` can be seen, as far as that makes sense."""
    size = max(abs(number), abs(step))
    more = 0 if not step or not size else math.ceil(math.log10(size / abs(step)))
    return Digits.of(size, min(max(_DIGITS, more + 2), _MOST_DIGITS))


def _outcome(before: float, after: float, expected: float, unchanged: bool, is_zero: bool) -> Sequence[str]:
    change = after - before
    digits = _enough(before, change or expected)
    told = [
        _("Loss of this image: {before} before the step, {after} after it.", before=digits.text(before), after=digits.text(after))
    ]  # fmt: skip
    if is_zero:
        told.append(_("The gradient is 0: this image leaves the weight as it is."))
    elif unchanged:
        told.append(_("The step is smaller than a float32 can add to this weight: nothing changes."))
    else:
        told.append(
            _(
                "For a small step the loss falls by about learning rate × gradient² = {expected}; here it changed by {change}.",
                expected=_short(expected),
                change=_short(change),
            )
        )
    return told


def _conditions(weights: Weights, found: ChannelGradients) -> str:
    label = weights.classes[found.label]
    parts = [
        _("The loss is the cross-entropy of this one image with the label {label}; in training it is the mean over a batch.", label=label),
        _("The network is in evaluation mode: dropout is off, batch normalisation uses its running statistics."),
    ]  # fmt: skip
    if len(found.uses) > 1:
        parts.append(
            _("These weights are used {count} times in a pass: each use contributes.", count=len(found.uses))
        )
    if found.elsewhere:
        parts.append(
            _(
                "Another operation reads these weights in another form; its part is in PyTorch's gradient alone."
            )
        )
    return sentences(parts)
