"""Look inside convolutional networks: shapes, reasons, training, filters, drawings.

``cnnviz.trace(model, (1, 28, 28))``, ``cnnviz.live(model, (1, 28, 28))``, ``cnnviz.explore(model, (1, 28, 28))`` and
``cnnviz.watch(model, name="mine")`` are loaded on first use, so that importing the package does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnviz import architectures
from cnnviz.version import __version__

if TYPE_CHECKING:
    from cnnviz.browser.live import live
    from cnnviz.hosted.starting import explore
    from cnnviz.tracing.trace import trace
    from cnnviz.training.watch.watch import watch

__all__ = ["__version__", "explore", "live", "trace", "watch"]

architectures.provide("own-", "cnnviz.own.architecture:get")


def __getattr__(name: str) -> Any:
    if name == "trace":
        from cnnviz.shapes.table import trace_html
        from cnnviz.shapes.text import table_text
        from cnnviz.tracing.trace import show_traces_as, trace

        show_traces_as(table_text, trace_html)
        return trace
    if name == "live":
        from cnnviz.browser.live import live

        return live
    if name == "explore":
        from cnnviz.hosted.starting import explore

        return explore
    if name == "watch":
        from cnnviz.training.watch.watch import watch

        return watch
    raise AttributeError(f"module 'cnnviz' has no attribute {name!r}")


def __dir__() -> list[str]:  # so that a notebook completes names that are not loaded yet
    return sorted(__all__)
