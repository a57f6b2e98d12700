"""Where the images of a batch are after a call, told from where they were before it."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from cnnviz.operations.batch_layout import FRONT, MIXED, WITHOUT, Layout, Shape, indexed, refactored
from cnnviz.operations.elementwise import CONSTANT
from cnnviz.operations.op import JOINING

Source = tuple[Shape, Layout]
"""A tensor that a call was given: its whole shape, and where the images are in it."""

MOVING = frozenset(
    "permute transpose swapaxes movedim moveaxis T mT H mH getitem select unbind unsqueeze stack cat concat "
    "concatenate einsum".split()
)
"""Functions that may put something else in front although as many rows come out as there are images."""


def stays(name: str, arguments: Mapping[str, Any]) -> bool:
    """Whether a call that may move the batch away from the front plainly leaves it there."""
    if name == "permute":
        return bool(arguments.get("dims", (1,))[0] == 0)
    if name == "getitem":
        return bool(arguments["index"][:1] == (slice(None),))
    return name in JOINING and arguments.get("dim", 0) != 0


_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})


def follow(
    name: str, arguments: Mapping[str, Any], sources: Sequence[Source], result: Shape, images: int
) -> Layout:
    """The layout of a call's first output, of shape ``result``.

    Args:
        name: the function's name or the module's class.
        arguments: those that an op has.
        sources: the tensors it was given.
        result: the whole shape of what it returned.
        images: how many there are in the batch.
    """
    moving = [source for source in sources if source[1].place is not None]
    if any(layout.mixed for _, layout in sources):
        return MIXED
    if not moving or name in CONSTANT:
        return FRONT if result[:1] == (images,) else WITHOUT
    rule = _RULES.get(name.lower(), _kept_rule)
    try:
        found = rule(arguments, sources if rule is _summed else moving, result, images)
    except (TypeError, ValueError, IndexError):  # arguments that are not foreseen here
        found = MIXED
    return found if found.fits(result, images) else MIXED


def of_further(name: str, first: Source, shape: Shape, images: int) -> Layout:
    """The layout of a further output of shape ``shape``, such as a part of a split or the states of an LSTM."""
    if name in _RECURRENT:
        return Layout(len(shape) - 2)
    return _kept([first], shape, images)


def _kept(sources: Sequence[Source], result: Shape, images: int) -> Layout:
    """Dimensions that are matched from the last one on, as where shapes are broadcast; or from the first on."""
    for shape, layout in sources:
        if layout.place is not None:
            moved = Layout(layout.place + len(result) - len(shape), layout.before, layout.after)
            for found in (moved, layout):
                if cast(int, found.place) >= 0 and found.fits(result, images):
                    return found
    return FRONT if result[:1] == (images,) else MIXED


def _kept_rule(
    _arguments: Mapping[str, Any], sources: Sequence[Source], result: Shape, images: int
) -> Layout:
    return _kept(sources, result, images)


def _permuted(arguments: Mapping[str, Any], sources: Sequence[Source], result: Shape, _images: int) -> Layout:
    dims = [dim % len(result) for dim in arguments["dims"]]
    return _moved(sources[0][1], dims)


def _transposed(
    arguments: Mapping[str, Any], sources: Sequence[Source], result: Shape, _images: int
) -> Layout:
    return _moved(sources[0][1], swapped(arguments["dim0"], arguments["dim1"], len(result)))


def _flipped_order(
    _arguments: Mapping[str, Any], sources: Sequence[Source], result: Shape, _images: int
) -> Layout:
    return _moved(sources[0][1], list(range(len(result)))[::-1])


def _last_two(
    _arguments: Mapping[str, Any], sources: Sequence[Source], result: Shape, _images: int
) -> Layout:
    return _moved(sources[0][1], swapped(-2, -1, len(result)))


def _moved(layout: Layout, order: Sequence[int]) -> Layout:
    return Layout(order.index(cast(int, layout.place)), layout.before, layout.after)


def swapped(first: int, second: int, count: int) -> list[int]:
    """The order of ``count`` dimensions of which two have changed places."""
    order = list(range(count))
    order[first], order[second] = order[second], order[first]
    return order


def relocated(source: int | Sequence[int], target: int | Sequence[int], count: int) -> list[int]:
    """The order of ``count`` dimensions after a ``movedim``."""
    pairs = {}
    for one, other in zip(_listed(source), _listed(target), strict=True):
        pairs[other % count] = one % count
    rest = iter([dim for dim in range(count) if dim not in pairs.values()])
    return [pairs[dim] if dim in pairs else next(rest) for dim in range(count)]


def _listed(value: int | Sequence[int]) -> Sequence[int]:
    return [value] if isinstance(value, int) else value


def _relocated(
    arguments: Mapping[str, Any], sources: Sequence[Source], result: Shape, _images: int
) -> Layout:
    return _moved(sources[0][1], relocated(arguments["source"], arguments["destination"], len(result)))


def _reshaped(_arguments: Mapping[str, Any], sources: Sequence[Source], result: Shape, images: int) -> Layout:
    shape, layout = sources[0]
    return refactored(shape, layout, result, images)


def _indexed(arguments: Mapping[str, Any], sources: Sequence[Source], _result: Shape, _images: int) -> Layout:
    shape, layout = sources[0]
    return indexed(len(shape), layout, arguments["index"])


def _without_one(
    arguments: Mapping[str, Any], sources: Sequence[Source], _result: Shape, _images: int
) -> Layout:
    shape, layout = sources[0]
    return _without(layout, [arguments.get("dim", 0) % len(shape)])


def _reduced(arguments: Mapping[str, Any], sources: Sequence[Source], result: Shape, images: int) -> Layout:
    shape, layout = sources[0]
    dims = arguments.get("dim")
    if dims is None or len(result) == len(shape):
        return _kept(sources, result, images) if result else WITHOUT
    return _without(layout, [dim % len(shape) for dim in _listed(dims)])


def _without(layout: Layout, gone: Sequence[int]) -> Layout:
    place = cast(int, layout.place)
    if place in gone:
        return WITHOUT
    return Layout(place - sum(dim < place for dim in gone), layout.before, layout.after)


def _stacked(arguments: Mapping[str, Any], sources: Sequence[Source], result: Shape, _images: int) -> Layout:
    layout = sources[0][1]
    place, dim = cast(int, layout.place), arguments.get("dim", 0) % len(result)
    return Layout(place + (dim <= place), layout.before, layout.after)


def _summed(arguments: Mapping[str, Any], sources: Sequence[Source], result: Shape, _images: int) -> Layout:
    given, told = subscripts(arguments["equation"], [len(shape) for shape, _ in sources])
    for (_, layout), letters in zip(sources, given, strict=True):
        letter = "" if layout.place is None else letters[layout.place]
        if letter and letter in told:
            return Layout(told.index(letter), layout.before, layout.after)
    return WITHOUT


def subscripts(equation: str, counts: Sequence[int]) -> tuple[list[str], str]:
    """The letters of each operand of an ``einsum``, and of its result; dots become letters of their own.

    Raises:
        ValueError: an equation that does not fit operands of so many dimensions.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    given = left.split(",")
    spare = [letter for letter in string.ascii_letters if letter not in equation]
    longest = 0
    for number, (letters, count) in enumerate(zip(given, counts, strict=True)):
        width = count - len(letters.replace("...", ""))
        longest = max(longest, width if "..." in letters else 0)
        given[number] = letters.replace("...", "".join(spare[:width][::-1]))
        if len(given[number]) != count:
            raise ValueError(equation)
    if not arrow:
        once = sorted(letter for letter in set("".join(given)) if "".join(given).count(letter) == 1)
        right = "".join(once)
    return given, right.replace("...", "".join(spare[:longest][::-1]))


_Rule = Callable[[Mapping[str, Any], Sequence[Source], Shape, int], Layout]
_RULES: Mapping[str, _Rule] = {
    "permute": _permuted,
    **dict.fromkeys(("transpose", "swapaxes", "swapdims"), _transposed),
    **dict.fromkeys(("t", "h"), _flipped_order),
    **dict.fromkeys(("mt", "mh"), _last_two),
    **dict.fromkeys(("movedim", "moveaxis"), _relocated),
    **dict.fromkeys("view reshape flatten unflatten squeeze unsqueeze view_as reshape_as".split(), _reshaped),
    "getitem": _indexed,
    **dict.fromkeys(("select", "unbind"), _without_one),
    **dict.fromkeys("mean sum amax amin max min prod std var argmax argmin norm logsumexp".split(), _reduced),
    "stack": _stacked,
    "einsum": _summed,
}
