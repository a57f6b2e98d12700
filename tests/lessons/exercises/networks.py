"""Networks that questions are asked about, as the page gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache

from cnnviz import architectures, models
from cnnviz.lessons.exercises.source import Source
from cnnviz.tracing.trace import Trace


@cache
def _traced(name: str, edits: str) -> Trace:
    return models.traced(name, json.loads(edits))


def source(name: str) -> Source:
    """The network of the registry that is called ``name``."""

    def traced(edits: Mapping[str, object]) -> Trace:
        return _traced(name, json.dumps(dict(edits)))

    return Source(name, architectures.get(name).name, traced)
