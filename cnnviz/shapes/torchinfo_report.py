"""torchinfo's own report of a network, and why its totals differ from a trace's.

The reasons are found layer by layer: what torchinfo counted for a layer is compared with the ops of the same
layer, and the rest is classified by the type of layer. So the differences always add up to the difference
between the totals.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torchinfo
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd
from torchinfo.layer_info import LayerInfo
from torchinfo.torchinfo import clear_cached_forward_pass

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.operations.calls import is_leaf, layer_operation
from cnnviz.operations.op import Op
from cnnviz.tracing.copies import uncompiled
from cnnviz.tracing.inputs import checked_shape, prepared
from cnnviz.tracing.isolation import Isolated
from cnnviz.tracing.trace import Trace, trace

_COLUMNS = ("output_size", "num_params", "mult_adds")
_NAMES_SHOWN = 4

_Cause = Literal["bias", "scale", "positions", "transposed", "inside", "function", "tied", "shared", "other"]


@dataclass(frozen=True)
class Difference:
    """One reason why totals differ: how much more (negative: less) torchinfo counts, and why."""

    params: int
    macs: int
    reason: Message


@dataclass(frozen=True)
class TorchinfoReport:
    """What torchinfo reports for one image.

    ``text`` is the report as torchinfo prints it. ``differences`` add up to its totals minus the trace's.
    """

    text: str
    total_params: int
    macs: int
    differences: tuple[Difference, ...]


def report(model: nn.Module, input_shape: Sequence[int], depth: int = 3) -> TorchinfoReport:
    """The report of torchinfo on a private copy of ``model`` for one image of shape ``input_shape``.

    ``depth`` is how many levels of nested modules are listed. The model and the random generator are left as
    they are.

    Raises:
        UsageError: a size that is no positive whole number.
        CnnvizError: the model cannot be copied, or torchinfo raises, as it does where the forward fails.
    """
    shape, model = checked_shape(input_shape), uncompiled(model)
    traced = trace(model, shape)
    copy, inputs = prepared(model, traced.shapes, 1, traced.real_pass, traced.integers_below)
    found = _statistics(copy, inputs, depth)
    if isinstance(found, Exception):
        raise _refused(found, traced) from found
    differences = _Differences(copy, found.summary_list, traced)
    return TorchinfoReport(
        text=str(found),
        total_params=found.total_params,
        macs=found.total_mult_adds,
        differences=differences.explained(found.total_params),
    )


def _statistics(
    model: nn.Module, inputs: Sequence[Tensor], depth: int
) -> torchinfo.ModelStatistics | Exception:
    """Torchinfo's statistics of a private copy, or the exception that it raised."""
    try:
        with Isolated(model, inputs):
            return torchinfo.summary(
                model, input_data=list(inputs), depth=depth, col_names=_COLUMNS, verbose=0
            )
    except (
        Exception
    ) as error:  # errors of the forward pass, and of torchinfo reading unusual attributes and outputs
        return error.__cause__ if isinstance(error.__cause__, Exception) else error
    finally:
        clear_cached_forward_pass()  # it would keep the network alive


def _refused(error: Exception, traced: Trace) -> CnnvizError:
    if traced.failure is not None:
        return CnnvizError(
            Message("torchinfo cannot summarise a network that fails: {reason}", reason=traced.failure.reason)
        )
    words = str(error).strip().splitlines()
    return CnnvizError(
        Message(
            "torchinfo cannot summarise this network; it raises: {words}", words=words[0] if words else "-"
        )
    )


@dataclass
class _Amount:
    params: int = 0
    macs: int = 0
    names: list[str] = field(default_factory=list)


class _Differences:
    """Collects what torchinfo counts differently, by cause."""

    def __init__(self, model: nn.Module, infos: Sequence[LayerInfo], traced: Trace) -> None:
        self._paths: dict[int, str] = {id(module): path for path, module in model.named_modules()}
        self._leaves = [info for info in infos if info.is_leaf_layer]
        self._traced = traced
        self._whole = is_leaf(model)  # the network is one layer: all ops are its own
        self._amounts: dict[_Cause, _Amount] = defaultdict(_Amount)

    def explained(self, total_params: int) -> tuple[Difference, ...]:
        """All differences, given the number of parameters that torchinfo counts."""
        self._params(total_params - self._traced.total_params)
        self._macs()
        return tuple(
            Difference(amount.params, amount.macs, _reason(cause, amount.names))
            for cause, amount in self._amounts.items()
        )

    def _note(self, cause: _Cause, name: str, params: int = 0, macs: int = 0) -> None:
        if params or macs:
            amount = self._amounts[cause]
            amount.params += params
            amount.macs += macs
            amount.names.append(name or self._traced.model)

    def _params(self, remaining: int) -> None:
        """Attribute what is counted too often to layers with tied weights, and the rest to shared modules."""
        seen: set[int] = set()
        again = [info for info in self._leaves if info.is_recursive]
        for info in self._leaves:
            if info.is_recursive:
                continue
            twice = sum(p.numel() for p in info.module.parameters() if id(p) in seen)
            seen.update(id(p) for p in info.module.parameters())
            self._note("tied", self._path(info), params=twice)
            remaining -= twice
        names = dict.fromkeys(self._path(info) for info in again)
        self._note("shared" if again else "other", ", ".join(names), params=remaining)

    def _macs(self) -> None:
        calls: dict[str, list[LayerInfo]] = defaultdict(list)
        for info in self._leaves:
            calls[self._path(info)].append(info)
        ours: Counter[str] = Counter()
        for op in self._traced.ops:
            owner = self._owner(op, calls)
            if owner is not None:
                ours[owner] += op.macs
            else:
                self._note("inside" if op.module else "function", op.name, macs=-op.macs)
        for path, infos in calls.items():
            self._layer(path, infos, ours[path])

    def _owner(self, op: Op, calls: dict[str, list[LayerInfo]]) -> str | None:
        """The layer of torchinfo's table that ``op`` is or belongs to; None if there is none."""
        path = op.name.rpartition(".")[0] if op.module is None else op.module
        path = "" if self._whole else path
        return path if path in calls else None

    def _layer(self, path: str, infos: Sequence[LayerInfo], ours: int) -> None:
        module, theirs = infos[0].module, sum(info.macs for info in infos)
        biases = sum(_bias_macs(info) for info in infos) if ours else 0
        self._note("bias", path, macs=biases)
        rest = theirs - biases - ours
        kind = layer_operation(module).entry.kind
        cause: _Cause = "other"
        if isinstance(module, _ConvTransposeNd):
            cause = "transposed"
        elif kind == "normalisation":
            cause = "scale"
        elif kind == "linear":
            cause = "positions"
        self._note(cause, path, macs=rest)

    def _path(self, info: LayerInfo) -> str:
        return self._paths[id(info.module)]


def _bias_macs(info: LayerInfo) -> int:
    """What torchinfo counts for the bias of a convolution or linear layer in one call."""
    bias = getattr(info.module, "bias", None)
    if not isinstance(bias, nn.Parameter) or layer_operation(info.module).entry.kind not in (
        "convolution",
        "linear",
    ):
        return 0
    return bias.numel() * (math.prod(info.output_size[2:]) if "Conv" in info.class_name else 1)


def _reason(cause: _Cause, names: Sequence[str]) -> Message:
    shown = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
    match cause:
        case "bias":
            return Message("torchinfo counts adding the bias as a multiply-add ({names}).", names=shown)
        case "scale":
            return Message(
                "torchinfo counts a normalisation's scale and shift once per channel ({names}); cnnviz "
                "counts only the multiply-adds of convolutions, linear layers and matrix products.",
                names=shown,
            )
        case "positions":
            return Message(
                "torchinfo counts a linear layer's weights once per image, however often it is applied "
                "({names}).",
                names=shown,
            )
        case "transposed":
            return Message(
                "torchinfo multiplies a transposed convolution's weights by its output size, although "
                "each weight is multiplied by the values of the input ({names}).",
                names=shown,
            )
        case "inside":
            return Message(
                "torchinfo counts only modules without submodules: nothing for {names}.", names=shown
            )
        case "function":
            return Message("torchinfo sees only modules, not functions: nothing for {names}.", names=shown)
        case "tied":
            return Message(
                "torchinfo counts shared weights in every layer that uses them ({names}).", names=shown
            )
        case "shared":
            return Message(
                "A module used in several places ({names}) makes torchinfo list its containers out of "
                "order and count some of their parameters twice.",
                names=shown,
            )
        case "other":
            return Message("torchinfo counts {names} differently.", names=shown)
