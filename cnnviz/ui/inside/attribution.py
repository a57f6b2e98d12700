"""Attribution: which pixels speak for a class, by four methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from cnnviz.interpret.inputs import ImageKey
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.plots import maps
from cnnviz.ui.inside import verdicts
from cnnviz.ui.inside.example import Example
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared import background, cached
from cnnviz.ui.shared.charts import chart
from cnnviz.ui.shared.frame import is_dark
from cnnviz.ui.shared.link_state import choose_number, choose_one, choose_segment
from cnnviz.ui.shared.problems import explained, plain
from cnnviz.ui.shared.words import caption

if TYPE_CHECKING:
    from cnnviz.interpret.attribution import Attribution
    from cnnviz.tracing.trace import Trace

ALL = "all"
PREDICTED = "predicted"

_WIDTH, _WIDTH_ALONE = 264, 400  # pixels: four side by side on a laptop
_METHODS: Mapping[str, Message] = {
    ALL: Message("All"),
    "gradcam": Message("Grad-CAM"),
    "integrated": Message("Integrated gradients"),
    "occlusion": Message("Occlusion"),
    "gradient": Message("Input gradient"),
}


@dataclass(frozen=True)
class _Choices:
    """Settings of the methods: the op for Grad-CAM (None if there is none), steps, side of the occluding square."""

    op: str | None
    steps: int
    window: int


@dataclass(frozen=True, eq=False)
class _Asked:
    """One network, asked about one image and one class; ``label`` is the class's name."""

    weights: Weights
    image: ImageKey
    target: int
    label: str

    @property
    def trace(self) -> Trace:
        return self.weights.trace

    def answered(
        self, method: Callable[..., Attribution], *choices: object, progress: background.Progress
    ) -> Attribution:
        """What a ``method`` of :mod:`cnnviz.interpret.attribution` says, with its ``choices``."""
        from cnnviz.interpret.attribution import answered

        black = self.image._replace(pixels=bytes(len(self.image.pixels)))
        asked = (self.trace, self.image.tensor(), black.tensor(), self.target)
        return cached.computed(self.weights.key, answered, method, *asked, choices, progress=progress)


def show(shown: Sequence[Weights], example: Example) -> None:
    """The chosen methods, for the chosen class (the link's ``method`` and ``target``)."""
    image = shown[0].image_key(example.pixels)
    trace = shown[0].trace
    with st.container(horizontal=True, vertical_alignment="bottom", key="why-choices"):
        target = _choose_target(shown[0], example)
        method = _choose_method(trace)
    choices = _choose_settings(trace, list(_METHODS) if method == ALL else [method])
    methods = [method]
    if method == ALL:
        methods = [name for name in _METHODS if name != ALL and (name != "gradcam" or choices.op is not None)]
    width = _WIDTH if len(methods) > 1 else _WIDTH_ALONE
    label = int(verdicts.probabilities(shown[0], example).argmax()) if target is None else target
    if target is None and len(shown) > 1:
        st.write(
            plain(
                _(
                    "Both networks are explained for the class that {title} predicts, {label}, so that "
                    "the pictures can be compared.",
                    title=shown[0].title,
                    label=shown[0].classes[label],
                )
            )
        )
    for weights in shown:
        asked = _Asked(weights, image, label, weights.classes[label])
        st.subheader(
            plain(_("{title}: evidence for {label}", title=weights.title, label=asked.label)), anchor=False
        )
        with st.container(horizontal=True, gap="medium"):
            for name in methods:
                with st.container(width=width), explained():
                    _figure(asked, name, choices, width)
    caption(
        _(
            "Red counts for the class, blue against it; areas without colour make no difference. Each "
            "picture has its own scale. The methods answer different questions, and none of them shows "
            "the network's actual reasoning."
        )
    )


def _choose_target(weights: Weights, example: Example) -> int | None:
    """The class to explain; None for the predicted one."""
    classes = weights.classes
    verdicts.probabilities(weights, example)  # says where there are no classes
    with st.container(width=220):
        chosen = choose_one(
            _("Class to explain"),
            [PREDICTED, *map(str, range(len(classes)))],
            key="target",
            kind=Message("class"),
            title=lambda key: _("the predicted class") if key == PREDICTED else classes[int(key)],
        )
    return None if chosen == PREDICTED else int(chosen)


def _choose_method(trace: Trace) -> str:
    from cnnviz.interpret.attribution import is_quick, usual_cam_op

    late = "gradcam" if usual_cam_op(trace) is not None else "gradient"
    return choose_segment(
        _("Method"),
        _METHODS,
        key="method",
        kind=Message("method"),
        default=ALL if is_quick(trace) else late,
    )


def _choose_settings(trace: Trace, methods: Sequence[str]) -> _Choices:
    """The settings of the chosen methods."""
    from cnnviz.interpret.attribution import STEPS, cam_ops, usual_cam_op, usual_steps, usual_window

    usual_op, steps, window = usual_cam_op(trace), usual_steps(trace), usual_window(trace)
    op = None if usual_op is None else usual_op.name
    with st.container(horizontal=True, vertical_alignment="bottom", key="why-settings"):
        if "gradcam" in methods and op is not None:
            by_name = {found.name: found for found in cam_ops(trace)}
            with st.container(width=320):
                op = choose_one(
                    _("Layer for Grad-CAM"),
                    list(by_name),
                    key="cam",
                    kind=Message("layer"),
                    title=lambda key: f"{key} · {shape_text(by_name[key].output_shape)}",
                    default=op,
                )
        if "integrated" in methods:
            with st.container(width=220):
                steps = int(
                    choose_one(
                        _("Integration steps"),
                        [str(count) for count in STEPS],
                        key="steps",
                        kind=Message("number of steps"),
                        default=str(steps),
                    )
                )
        if "occlusion" in methods:
            side = min(trace.input_shape[1:])
            with st.container(width=220):
                window = choose_number(
                    _("Occlusion square in pixels"), key="window", low=1, high=side // 2, default=window
                )
    return _Choices(op, steps, window)


def _figure(asked: _Asked, method: str, choices: _Choices, width: int) -> None:
    """One method's answer, and what it means."""
    found = _attribution(asked, method, choices)
    title = str(_METHODS[method])
    image = asked.image.seen()
    figure = maps.attribution_figure(image, found.values, title, side=width, dark=is_dark())
    key = f"why-{asked.weights.key[0]}-{method}"
    chart(figure, key=key)
    caption(plain(_TOLD[method](asked, found, choices)))


def _attribution(asked: _Asked, method: str, choices: _Choices) -> Attribution:
    from cnnviz.interpret import attribution

    def work(progress: background.Progress) -> Attribution:
        if method == "gradcam":
            if choices.op is None:
                raise attribution.no_places(asked.trace)
            return asked.answered(attribution.grad_cam, asked.trace.op(choices.op), progress=progress)
        if method == "integrated":
            return asked.answered(attribution.integrated_gradients, choices.steps, progress=progress)
        if method == "occlusion":
            stride = attribution.usual_stride(choices.window)
            return asked.answered(attribution.occlusion, choices.window, stride, progress=progress)
        return asked.answered(attribution.input_gradient, progress=progress)

    settings = {"gradcam": choices.op, "integrated": choices.steps, "occlusion": choices.window}
    key = ("why", method, asked.weights.key, asked.image.digest, asked.target, settings.get(method))
    return background.result(key, work, str(_METHODS[method]))


def _told_gradient(asked: _Asked, found: Attribution, choices: _Choices) -> str:
    return _(
        "The effect of making a pixel slightly brighter: red pixels would raise the score of {label} "
        "({score:.2f}), blue ones would lower it. Neighbouring pixels often disagree.",
        label=asked.label,
        score=found.score,
    )


def _told_integrated(asked: _Asked, found: Attribution, choices: _Choices) -> str:
    return _(
        "The contribution of each pixel on the path from a black image to this one. Total: "
        "{total:+.2f}; the score changes from {black:.2f} to {score:.2f}, by {difference:+.2f}.",
        total=found.total,
        black=found.black_score,
        score=found.score,
        difference=found.score - (found.black_score or 0.0),
    )


def _told_cam(asked: _Asked, found: Attribution, choices: _Choices) -> str:
    op = asked.trace.op(str(choices.op))
    if not found.values.any():
        return _(
            "No map of {op} that counts for {label} is active anywhere, so there is nothing to see.",
            op=op.name,
            label=asked.label,
        )
    values = {"op": op.name, "label": asked.label, "places": shape_text(op.output_shape[1:])}
    if found.placed:
        return _(
            "Where the maps of {op} that count for {label} are active: each of the {places} positions "
            "is drawn at the centre of its receptive field, with smooth transitions. A position sees "
            "more of the image than its spot.",
            **values,
        )
    return _(
        "Where the maps of {op} that count for {label} are active: {places} positions, stretched over "
        "the whole image. Their receptive fields do not give each a place of its own, so this shows "
        "only roughly where they look.",
        **values,
    )


def _told_occlusion(asked: _Asked, found: Attribution, choices: _Choices) -> str:
    return _(
        "How much the score of {label} ({score:.2f}) drops when a black square of {window} pixels "
        "covers a place: by {fall:.2f} at most.",
        label=asked.label,
        score=found.score,
        window=choices.window,
        fall=float(np.max(found.values)),
    )


_TOLD: Mapping[str, Callable[[_Asked, Attribution, _Choices], str]] = {
    "gradient": _told_gradient,
    "integrated": _told_integrated,
    "gradcam": _told_cam,
    "occlusion": _told_occlusion,
}
