"""Which pixels of an image speak for a class: four methods of explaining what a network answers.

Three methods come from Captum (Kokhlikyan et al. 2020); they are given a function, so no hooks are needed. Grad-CAM
is implemented here, so that it works at any op: at functions, at merges, and at modules that are called several
times. Its small map is laid over the image by receptive field: each position at the centre of its field.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz.errors import CnnvizError
from cnnviz.interpret.activations import around_activation, batch_size
from cnnviz.language import Message
from cnnviz.operations.batch_axis import FRONT
from cnnviz.operations.op import Op, product, shape_text
from cnnviz.shapes.receptive_field import ReceptiveField, receptive_fields
from cnnviz.tracing.capture import output_of, score_op, scores_and_output, scores_of
from cnnviz.tracing.trace import Trace

STEPS = (10, 20, 50, 100, 200)
"""Choices for integrated gradients."""

Progress = Callable[[float], None]
Values = NDArray[np.float32]

_MACS = 2e11  # multiply-adds that take no noticeable time
_WINDOW_PARTS = (6, 5, 4, 3)  # as a fraction of the image's side
_COST = 3  # the cost of a forward and backward pass, in forward passes


@dataclass(frozen=True)
class Question:
    """The question why ``model`` sees the class ``target`` in an image.

    ``model`` is in eval mode and only called; ``trace`` is its own. ``x`` and ``black`` are (1, C, H, W)
    float32, normalised: the image, and a completely black one as the baseline.
    """

    model: nn.Module
    trace: Trace
    x: Tensor
    black: Tensor
    target: int


@dataclass(frozen=True, eq=False)
class Attribution:
    """How much each pixel of the input speaks for (positive) or against (negative) the class.

    ``values``: (H, W) float32, of the input's size. ``score`` is the class's score for the image;
    ``black_score`` that for the black one, and ``total`` the sum of all contributions, for methods with that
    baseline; else None.
    """

    values: Values
    score: float
    black_score: float | None = None
    total: float | None = None
    grid: Values | None = None
    """(h, w) float32: for a method that looks at a layer, the value of each position of its maps."""
    placed: bool = True
    """Whether each position is placed at the centre of its receptive field; else ``grid`` was stretched."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.values.nbytes + (0 if self.grid is None else self.grid.nbytes)


def answered(
    model: nn.Module,
    method: Callable[..., Attribution],
    trace: Trace,
    x: Tensor,
    black: Tensor,
    target: int,
    choices: Sequence[object] = (),
    progress: Progress | None = None,
) -> Attribution:
    """What a ``method`` of this module says about a :class:`Question` about ``model``, with its further ``choices``."""
    question = Question(model, trace, x, black, target)
    watched = method in (integrated_gradients, occlusion)
    return method(question, *choices, **({"progress": progress} if watched else {}))


def input_gradient(question: Question) -> Attribution:
    """How the score would change if a pixel became slightly brighter (Simonyan et al. 2014, section 3).

    With several channels the largest change counts.
    """
    from captum.attr import Saliency

    check_scores(question.trace)
    x = question.x.clone().requires_grad_()
    gradient = Saliency(_scores(question)).attribute(x, target=question.target, abs=False)[0].detach()
    largest = gradient.abs().argmax(dim=0, keepdim=True)
    return Attribution(gradient.gather(0, largest)[0].numpy(), _score(question, question.x))


def integrated_gradients(
    question: Question, steps: int = 50, progress: Progress | None = None
) -> Attribution:
    """What each pixel adds to the score on the straight path from black to the image (Sundararajan et al. 2017).

    The contributions add up to the difference of the two scores, more exactly the more ``steps``.
    """
    from captum.attr import IntegratedGradients

    check_scores(question.trace)
    scores = _scores(question, _counter(steps, progress))
    contributions = IntegratedGradients(scores).attribute(
        question.x,
        question.black,
        target=question.target,
        n_steps=steps,
        internal_batch_size=max(1, min(steps, batch_size(question.trace) // _COST)),
    )
    values = contributions[0].detach().sum(dim=0)
    return Attribution(
        values.to(torch.float32).numpy(),
        _score(question, question.x),
        _score(question, question.black),
        float(values.double().sum()),
    )


def occlusion(question: Question, window: int, stride: int, progress: Progress | None = None) -> Attribution:
    """How much the score drops when a black square of ``window`` pixels covers a pixel (Zeiler and Fergus 2014).

    The square moves by ``stride`` pixels; a pixel that several squares cover gets the mean of their drops.
    """
    from captum.attr import Occlusion

    check_scores(question.trace)
    channels, height, width = question.trace.input_shape
    at_once = batch_size(question.trace)
    count = _counter(occlusion_passes((height, width), window, stride) + 1, progress)

    def scores(x: Tensor) -> Tensor:
        count(len(x))
        return output_of(question.model, x, question.trace, score_op(question.trace)).clone()

    falls = Occlusion(scores).attribute(
        question.x,
        (channels, window, window),
        strides=(channels, stride, stride),
        baselines=question.black,
        target=question.target,
        perturbations_per_eval=at_once,
    )
    # Captum assigns the whole difference to each channel of a covered pixel.
    return Attribution(falls[0, 0].to(torch.float32).numpy(), _score(question, question.x))


def grad_cam(question: Question, op: Op) -> Attribution:
    """Where the maps of ``op`` that speak for the class are active (Selvaraju et al. 2017, equations 1 and 2).

    The maps, each weighted with the mean gradient of the score with respect to it, are summed; negative values
    become 0. The sum, ``grid``, is laid over the image by :func:`placed` or, without regular receptive fields,
    stretched over all of it.

    Raises:
        CnnvizError: ``op`` gives no maps, or the network no class scores.
    """
    check_scores(question.trace)
    if not _has_places(op):
        raise CnnvizError(
            Message(
                "{name} has no spatial maps, so Grad-CAM cannot show where; choose a convolution, a "
                "merge or a pooling layer.",
                name=op.name,
            )
        )
    scores, maps = scores_and_output(question.model, question.x, question.trace, op)
    score = scores[0, question.target]
    gradient = torch.autograd.grad(score, maps, allow_unused=True)[0] if score.requires_grad else None
    cam = torch.zeros(maps.shape[2:]) if gradient is None else cam_of(maps.detach()[0], gradient[0]).float()
    _channels, *size = question.trace.input_shape
    values = placed(cam.numpy(), receptive_fields(question.trace)[op.index], (size[0], size[1]))
    stretched = F.interpolate(cam[None, None], size, mode="bilinear", align_corners=False)[0, 0].numpy()
    return Attribution(
        stretched if values is None else values,
        float(score.detach()),
        grid=cam.numpy(),
        placed=values is not None,
    )


def cam_of(maps: Tensor, gradient: Tensor) -> Tensor:
    """maps, gradient: (C, h, w) -> (h, w): the sum of the maps, weighted with their mean gradients; negative values
    become 0.
    """
    weights = gradient.mean(dim=(1, 2), keepdim=True)
    return (weights * maps).sum(dim=0).relu()


def cam_ops(trace: Trace) -> tuple[Op, ...]:
    """The ops at which Grad-CAM can be computed: those whose maps have several positions."""
    return tuple(op for op in trace.ops if _has_places(op))


def usual_cam_op(trace: Trace) -> Op | None:
    """The last convolution or merge whose maps have several positions, or the activation after it.

    So late, maps stand for whole parts of objects and still say where. None if there is none.
    """
    found = [op for op in cam_ops(trace) if op.kind in ("convolution", "merge")]
    if not found:
        return None
    pair = around_activation(trace, found[-1])
    return found[-1] if pair is None else pair[1]


def no_places(trace: Trace) -> CnnvizError:
    """The message for a network without an op at which Grad-CAM can be computed."""
    return CnnvizError(
        Message(
            "{model} has no spatial maps, so Grad-CAM cannot show where; the other methods can.",
            model=trace.model,
        )
    )


def usual_steps(trace: Trace) -> int:
    """The default number of steps of integrated gradients: fewer for larger networks."""
    affordable = [steps for steps in STEPS[:3] if steps * _COST * trace.macs <= _MACS]
    return max(affordable, default=STEPS[0])


def usual_window(trace: Trace) -> int:
    """The default side of the covering square in pixels: larger for larger networks."""
    _channels, height, width = trace.input_shape
    windows = [max(1, min(height, width) // part) for part in _WINDOW_PARTS]
    for window in windows:
        if occlusion_passes((height, width), window, usual_stride(window)) * trace.macs <= _MACS:
            return window
    return windows[-1]


def usual_stride(window: int) -> int:
    """By how many pixels the covering square moves: half its side."""
    return max(1, window // 2)


def occlusion_passes(size: tuple[int, int], window: int, stride: int) -> int:
    """How many positions of the square cover an image of ``size`` (height, width)."""
    return product(tuple(-(-(side - window) // stride) + 1 for side in size))


def is_quick(trace: Trace) -> bool:
    """Whether all four methods together are fast enough not to be noticed."""
    _channels, height, width = trace.input_shape
    window = usual_window(trace)
    passes = occlusion_passes((height, width), window, usual_stride(window))
    return (passes + _COST * (usual_steps(trace) + 2)) * trace.macs <= _MACS / 50


def _has_places(op: Op) -> bool:
    return len(op.output_shape) == 3 and product(op.output_shape[1:]) > 1 and op.layout == FRONT


def check_scores(trace: Trace) -> None:
    """Check that a network gives a row of scores, one for each class.

    Raises:
        CnnvizError: it gives something else.
    """
    op = score_op(trace)
    if len(op.output_shape) != 1:
        raise CnnvizError(
            Message(
                "{name} gives {shape}, not one score for each class, so there is no class to explain. A Linear after "
                "AdaptiveAvgPool2d(1) and flatten(1) gives class scores.",
                name=op.title,
                shape=shape_text(op.output_shape),
            )
        )


def _scores(
    question: Question, count: Callable[[int], None] = lambda images: None
) -> Callable[[Tensor], Tensor]:
    """The network as Captum needs it: a function from images to class scores."""

    def scores(x: Tensor) -> Tensor:
        count(len(x))
        return scores_of(question.model, x, question.trace)

    return scores


def _score(question: Question, x: Tensor) -> float:
    output = output_of(question.model, x, question.trace, score_op(question.trace))
    return float(output[0, question.target])


def _counter(total: int, progress: Progress | None) -> Callable[[int], None]:
    """A function that counts the images that enter the network, and reports the fraction to ``progress``."""
    done = 0

    def count(images: int) -> None:
        nonlocal done
        if progress is not None:
            progress(min(done / total, 1.0))
        done += images

    return count


def centres(field: ReceptiveField, grid: tuple[int, int]) -> tuple[Values, Values] | None:
    """The centres of the receptive fields of a map's rows (h,) and columns (w,), in pixels.

    The middle of the first pixel is 0. ``grid`` is the map's (h, w). None if the field is unknown or irregular, or
    if several rows or columns share one field: then positions cannot be told apart in the image.
    """
    if not (field.known and field.regular) or field.grid != grid or len(field.size) != 2:
        return None
    first, last = field.patch(0, 0), field.patch(grid[0] - 1, grid[1] - 1)
    row_end, column_end = field.patch(grid[0] - 1, 0), field.patch(0, grid[1] - 1)
    if (row_end[0], column_end[1]) != (last[0], last[1]) or (row_end[1], column_end[0]) != (
        first[1],
        first[0],
    ):
        return None  # rows of the map are columns of the image
    if any(count > 1 and not jump for count, jump in zip(grid, field.jump, strict=True)):
        return None
    rows, columns = (
        (start + (size - 1) / 2 + jump * np.arange(count)).astype(np.float32)
        for start, size, jump, count in zip(field.start, field.size, field.jump, grid, strict=True)
    )
    return rows, columns


def placed(values: Values, field: ReceptiveField, size: tuple[int, int]) -> Values | None:
    """A map (h, w) as an image of ``size`` (H, W): linear between positions, fading out within one step around them.

    None if :func:`centres` finds none.
    """
    height, width = values.shape
    found = centres(field, (height, width))
    if found is None:
        return None
    down, across = (
        _tents(middles, abs(jump), side) for middles, jump, side in zip(found, field.jump, size, strict=True)
    )
    image: Values = (down @ values @ across.T).astype(np.float32)
    return image


def _tents(middles: Values, jump: int, side: int) -> Values:
    """(side, places): the weight of each position at each pixel, 1 at its centre and 0 one ``jump`` away.

    A single position along a side has weight 1 everywhere.
    """
    if len(middles) == 1:
        return np.ones((side, 1), np.float32)
    distances = np.abs(np.arange(side, dtype=np.float32)[:, None] - middles)
    tents: Values = np.maximum(0, 1 - distances / jump)
    return tents
