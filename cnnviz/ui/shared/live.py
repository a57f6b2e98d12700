"""Networks for the browser's engine: which it can run, and how their weights get there.

Weights go by an address rather than with the component that needs them: a rerun of the page sends the address alone,
and ``delivery.js`` fetches what it names once.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from streamlit import runtime

from cnnviz.bounded import kept
from cnnviz.interpret.inputs import Preparing
from cnnviz.language import Message
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.cached import WeightsKey

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace

MOST_BYTES = 32_000_000
"""Of one network's weights: more take too long on the way to thirty people."""


class Address(NamedTuple):
    """Where the browser finds a network: ``digest`` names the file's content, ``url`` is its place on this server."""

    digest: str
    url: str


@dataclass(frozen=True)
class _Packed:
    digest: str
    content: bytes


def address(weights: WeightsKey, preparing: Preparing, trace: Trace | None = None) -> Address | None:
    """Where the browser finds the network that ``weights`` names; None where it cannot run it.

    To be asked for in every run of a page that shows it: what no page asks for is no longer served. ``trace`` spares
    tracing a network of which only the weights differ from one that was traced.

    Raises:
        CnnvizError: its weights are missing or damaged.
    """
    trace = trace or cached.network_trace(weights, preparing.input_shape)
    if _refusal(trace, preparing) is not None:
        return None
    return _served(_pack(weights, preparing, trace))


def refusal(weights: WeightsKey, preparing: Preparing) -> str | None:
    """A sentence that says why the browser cannot run the network that ``weights`` names; None where it can."""
    return _refusal(cached.network_trace(weights, preparing.input_shape), preparing)


def _refusal(trace: Trace, preparing: Preparing) -> str | None:
    from cnnviz.browser import plan

    reason = plan.refusal(trace)
    if reason is None and not _is_plain(preparing):
        reason = Message("Its images are resized, or their pixels permuted, on the server.")
    if reason is None and 4 * trace.total_params > MOST_BYTES:
        reason = Message(
            "Its weights are {size} MB; a browser fetches at most {most}.",
            size=round(4 * trace.total_params / 1e6),
            most=MOST_BYTES // 1_000_000,
        )
    return None if reason is None else str(reason)


def digits(most: int) -> tuple[int, Address] | None:
    """How many test digits of the sample there are, at most ``most``, and where the browser finds them; None where the
    sample is not on this machine.
    """
    found = _digits(most)
    return None if found is None else (found[0], _served(found[1]))


@kept
def _digits(most: int) -> tuple[int, _Packed] | None:
    from cnnviz.browser.saving import digits_to_count

    found = digits_to_count(most)
    if found is None:
        return None
    return found.count, _Packed(hashlib.sha256(found.content).hexdigest(), found.content)


def _is_plain(preparing: Preparing) -> bool:
    preparation = preparing.preparation
    return preparation.resize is None and preparation.permutation_seed is None


@kept
def _pack(weights: WeightsKey, preparing: Preparing, _trace: Trace) -> _Packed:
    from cnnviz.browser.packing import packed

    preparation = preparing.preparation
    content = cached.computed(weights, packed, _trace, preparation.mean, preparation.deviation)
    return _Packed(hashlib.sha256(content).hexdigest(), content)


def _served(file: _Packed) -> Address:
    # One of Streamlit's own media files: served as long as a page that is open asks for it.
    manager = runtime.get_instance().media_file_mgr
    return Address(file.digest, manager.add(file.content, "application/octet-stream", file.digest))
