from __future__ import annotations

import pytest

from cnnviz import architectures
from cnnviz.error_messages import WrongLinear
from cnnviz.error_messages.networks import LARGEST_SIDE, Producer, producers
from cnnviz.tracing.trace import trace


def test_the_network_and_the_sizes_that_produce_the_error() -> None:
    assert producers(WrongLinear(2200, 1408, 10)) == (Producer("inception-mini", "fc", 32, 35),)


@pytest.mark.parametrize(
    "linear", [WrongLinear(720, 320, 10), WrongLinear(784, 400, 120), WrongLinear(1152, 512, 10)]
)
def test_exactly_these_sizes_produce_it(linear: WrongLinear) -> None:
    found = producers(linear)
    assert found
    for producer in found:
        architecture = architectures.get(producer.key)
        for side in (producer.smallest - 1, producer.smallest, producer.largest, producer.largest + 1):
            inside = producer.smallest <= side <= producer.largest
            failure = trace(architecture.build(), (architecture.input_shape[0], side, side)).failure
            received = failure.received if failure and failure.name == producer.layer else None
            assert (received == linear.received) == inside


def test_what_no_network_or_no_size_produces() -> None:
    assert producers(WrongLinear(2201, 1408, 10)) == ()
    assert producers(WrongLinear(7, 5, 3)) == ()
    assert LARGEST_SIDE == 512
