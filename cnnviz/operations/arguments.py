"""The arguments that determine an op's output shape, in one form for modules and functions.

Sizes of windows are tuples with one entry a spatial dimension, ``stride`` is never missing, and
dimensions count from 0 (the batch).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from torch import Tensor, nn

from cnnviz.operations.op import JOINING

_CONVOLUTION = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSED = ("input", "weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
_MAX_POOL = ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode")
_AVG_POOL = (
    "input",
    "kernel_size",
    "stride",
    "padding",
    "ceil_mode",
    "count_include_pad",
    "divisor_override",
)
_ADAPTIVE = ("input", "output_size")

_REDUCTIONS = tuple(
    "mean sum nanmean nansum amax amin max min argmax argmin prod logsumexp all any median".split()
)

_POSITIONS: dict[str, tuple[str, ...]] = {
    **{f"conv{n}d": _CONVOLUTION for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": _TRANSPOSED for n in (1, 2, 3)},
    **{f"max_pool{n}d": _MAX_POOL for n in (1, 2, 3)},
    **{f"avg_pool{n}d": _AVG_POOL for n in (1, 2, 3)},
    **{f"adaptive_{mode}_pool{n}d": _ADAPTIVE for mode in ("avg", "max") for n in (1, 2, 3)},
    **{f"lp_pool{n}d": ("input", "norm_type", "kernel_size", "stride", "ceil_mode") for n in (1, 2, 3)},
    "linear": ("input", "weight", "bias"),
    "flatten": ("input", "start_dim", "end_dim"),
    "cat": ("tensors", "dim"),
    "concat": ("tensors", "dim"),
    "concatenate": ("tensors", "dim"),
    "stack": ("tensors", "dim"),
    **dict.fromkeys(_REDUCTIONS, ("input", "dim", "keepdim")),
    **dict.fromkeys(("softmax", "log_softmax", "softmin", "glu", "squeeze", "unsqueeze"), ("input", "dim")),
    **dict.fromkeys(("transpose", "swapaxes"), ("input", "dim0", "dim1")),
    **dict.fromkeys(("std", "var"), ("input", "dim", "unbiased", "keepdim")),
    "norm": ("input", "p", "dim", "keepdim"),
    "chunk": ("input", "chunks", "dim"),
    "split": ("input", "split_size", "dim"),
    "pad": ("input", "pad", "mode", "value"),
    "interpolate": (
        "input",
        "size",
        "scale_factor",
        "mode",
        "align_corners",
        "recompute_scale_factor",
        "antialias",
    ),
    "getitem": ("input", "index"),
    "unbind": ("input", "dim"),
    "select": ("input", "dim", "index"),
    "narrow": ("input", "dim", "start", "length"),
    "roll": ("input", "shifts", "dims"),
    **dict.fromkeys(("cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"), ("input", "dim")),
    **dict.fromkeys(("movedim", "moveaxis"), ("input", "source", "destination")),
    "repeat_interleave": ("input", "repeats", "dim"),
    "unfold": ("input", "kernel_size", "dilation", "padding", "stride"),
    "fold": ("input", "output_size", "kernel_size", "dilation", "padding", "stride"),
    "channel_shuffle": ("input", "groups"),
    "einsum": ("equation",),
    "normalize": ("input", "p", "dim"),
    "scaled_dot_product_attention": ("query", "key", "value", "attn_mask", "dropout_p", "is_causal"),
    "softplus": ("input", "beta", "threshold"),
    **dict.fromkeys(("hardshrink", "softshrink"), ("input", "lambd")),
    "rrelu": ("input", "lower", "upper", "training"),
    "gelu": ("input", "approximate"),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), ("input", "upscale_factor")),
    **dict.fromkeys(
        ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"), ("input", "p", "training")
    ),
    "feature_alpha_dropout": ("input", "p", "training"),
    "leaky_relu": ("input", "negative_slope"),
    **dict.fromkeys(("elu", "celu"), ("input", "alpha")),
    "hardtanh": ("input", "min_val", "max_val"),
    "threshold": ("input", "threshold", "value"),
    "batch_norm": ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
    "instance_norm": (
        "input",
        "running_mean",
        "running_var",
        "weight",
        "bias",
        "use_input_stats",
        "momentum",
        "eps",
    ),
    "layer_norm": ("input", "normalized_shape", "weight", "bias", "eps"),
    "rms_norm": ("input", "normalized_shape", "weight", "eps"),
    "group_norm": ("input", "num_groups", "weight", "bias", "eps"),
    "local_response_norm": ("input", "size", "alpha", "beta", "k"),
}
"""Names of positional arguments: torch's built-in functions do not tell theirs."""

_MODULE_ATTRIBUTES = frozenset(
    "in_channels out_channels kernel_size stride padding dilation groups output_padding padding_mode ceil_mode "
    "count_include_pad output_size in_features in1_features in2_features out_features num_features num_channels "
    "num_groups normalized_shape affine elementwise_affine track_running_stats eps momentum size alpha beta k p "
    "start_dim end_dim dim unflattened_size scale_factor upscale_factor downscale_factor mode negative_slope "
    "num_parameters min_val max_val lambd threshold value norm_type approximate num_embeddings embedding_dim "
    "embed_dim num_heads align_corners recompute_scale_factor input_size hidden_size num_layers batch_first "
    "bidirectional proj_size".split()
)
_SEVERAL = {"view": "shape", "reshape": "shape", "permute": "dims", "flip": "dims"}
"""Functions that take one list of numbers, or the numbers one by one."""

_NORMALISATIONS = ("batch_norm", "instance_norm", "layer_norm", "group_norm", "rms_norm")
_WINDOW = ("kernel_size", "stride", "padding", "dilation", "output_padding", "output_size")


def module_arguments(module: nn.Module) -> Mapping[str, object]:
    """The arguments of a layer, read from its attributes."""
    found = {name: value for name, value in vars(module).items() if name in _MODULE_ATTRIBUTES}
    if "in_channels" in found or "in_features" in found:
        found["bias"] = getattr(module, "bias", None) is not None
    elif "hidden_size" in found:
        found["bias"] = bool(getattr(module, "bias", False))
    return _normalised(found, _spatial_dimensions(type(module).__name__))


def bind(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What a call of the function ``name`` was given, by the arguments' names, tensors included."""
    return dict(zip(_POSITIONS.get(name, ()), args, strict=False)) | dict(kwargs)


def function_arguments(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Mapping[str, object]:
    """The arguments of a function call, tensors left out (of a weight, what its shape says)."""
    several = _SEVERAL.get(name)
    if several and len(args) > 1:
        sizes = args[1] if len(args) == 2 and isinstance(args[1], Sequence) else args[1:]
        return {several: tuple(sizes)}
    bound = bind(name, args, kwargs)
    found = {key: value for key, value in bound.items() if not isinstance(value, Tensor) and key != "tensors"}
    weight = bound.get("weight")
    if isinstance(weight, Tensor) and (name.startswith("conv") or name == "linear"):
        found |= _of_weight(name, weight, found)
        found["bias"] = bound.get("bias") is not None
    if name in JOINING and bound.get("tensors"):
        first = bound["tensors"][0]
        found["dim"] = int(found.get("dim", 0)) % first.dim()
    if name in _NORMALISATIONS:
        found |= _of_statistics(bound)
    if name == "getitem":
        found = {"index": _index(bound.get("index"))}
    return _normalised({k: v for k, v in found.items() if v is not None}, _spatial_dimensions(name))


OTHER_INDEX = "other"
"""Stands in an index for what is neither number, slice, None nor dots, such as a tensor of numbers."""


def _index(value: object) -> tuple[object, ...]:
    """What stands between the brackets of ``x[...]``."""
    entries = value if isinstance(value, tuple) else (value,)
    return tuple(
        entry
        if entry is None
        or entry is Ellipsis
        or (isinstance(entry, (int, slice)) and not isinstance(entry, bool))
        else OTHER_INDEX
        for entry in entries
    )


def _of_statistics(bound: Mapping[str, Any]) -> dict[str, object]:
    """What the tensors of a normalisation tell about it."""
    known = [t for t in (bound.get("running_mean"), bound.get("weight")) if isinstance(t, Tensor)]
    features = {"num_features": known[0].numel()} if known and "running_mean" in bound else {}
    return {"affine": isinstance(bound.get("weight"), Tensor), **features}


def _of_weight(name: str, weight: Tensor, found: Mapping[str, Any]) -> dict[str, object]:
    groups = int(found.get("groups", 1))
    if name == "linear":
        return {"in_features": weight.shape[1], "out_features": weight.shape[0]}
    channels = (weight.shape[0], weight.shape[1] * groups)
    if name.startswith("conv_transpose"):
        channels = (weight.shape[1] * groups, weight.shape[0])
    return {"out_channels": channels[0], "in_channels": channels[1], "kernel_size": tuple(weight.shape[2:])}


@lru_cache(maxsize=1024)
def _spatial_dimensions(name: str) -> int:
    for n in (1, 2, 3):
        if f"{n}d" in name.lower():
            return n
    return 0


def _normalised(found: dict[str, Any], dimensions: int) -> Mapping[str, object]:
    if not dimensions:
        return found
    if "kernel_size" in found:
        if found.get("stride") in (None, [], ()):
            found["stride"] = 1 if "in_channels" in found else found["kernel_size"]
        if "in_channels" in found:
            found.setdefault("groups", 1)
        found.setdefault("padding", 0)
        found.setdefault("dilation", 1)
        found.setdefault("ceil_mode", False)
    for key in _WINDOW:
        if key in found:
            found[key] = _per_dimension(found[key], dimensions)
    return found


def _per_dimension(value: Any, dimensions: int) -> str | tuple[int | None, ...]:
    if isinstance(value, str) or (type(value) is tuple and len(value) == dimensions):
        return value
    if isinstance(value, Sequence):
        sizes = tuple(value)
        return sizes * dimensions if len(sizes) == 1 else sizes
    return (value,) * dimensions
