from __future__ import annotations

import threading

import torch

from cnnviz import architectures
from cnnviz.tracing.trace import trace


def test_tracing_in_one_thread_leaves_seeded_weights_in_another_alone() -> None:
    architecture = architectures.get("inception-mini")
    expected = architecture.build_seeded(3).state_dict()
    model = architecture.build()
    over = threading.Event()

    def keep_tracing() -> None:
        while not over.is_set():
            trace(model, (1, 28, 28))

    tracers = [threading.Thread(target=keep_tracing) for _ in range(2)]
    for tracer in tracers:
        tracer.start()
    try:
        built = [architecture.build_seeded(3).state_dict() for _ in range(25)]
    finally:
        over.set()
        for tracer in tracers:
            tracer.join()
    assert all(torch.equal(state[name], expected[name]) for state in built for name in expected)
