from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from cnnviz.interpret.binary_payload import MOST_BYTES, Payload, describe, others
from cnnviz.interpret.pixel import Arithmetic, arithmetic_of, pixel
from cnnviz.tracing.trace import trace

Arrays = dict[str, NDArray[np.float32]]


def layer_of(model: nn.Module, shape: tuple[int, ...]) -> Arithmetic:
    torch.manual_seed(6)
    traced = trace(model.eval(), shape)
    return arithmetic_of(model, torch.randn(1, *shape), traced, traced.ops[-1])


def unpacked(data: bytes) -> tuple[dict[str, Any], Arrays]:
    length = int.from_bytes(data[:4], "little")
    facts = json.loads(data[4 : 4 + length])
    numbers = np.frombuffer(data[4 + length :], "<f4")
    arrays = {}
    for name, place in facts["arrays"].items():
        size = int(np.prod(place["shape"]))
        arrays[name] = numbers[place["start"] :][:size].reshape(place["shape"])
    return facts, arrays


def sent(layer: Arithmetic, channel: int, most_bytes: int = MOST_BYTES) -> tuple[dict[str, Any], Arrays]:
    payload = Payload()
    return unpacked(payload.pack(describe(layer, channel, payload, most_bytes)))


def test_what_is_packed_comes_out_again() -> None:
    payload = Payload()
    payload.add("one", np.arange(6).reshape(2, 3))
    payload.add("two", np.array([0.5]))
    facts, arrays = unpacked(payload.pack({"text": "é"}))
    assert facts["text"] == "é"
    np.testing.assert_array_equal(arrays["one"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(arrays["two"], [0.5])


def test_the_channels_that_add_most_come_first() -> None:
    conv = nn.Conv2d(3, 2, 3)
    with torch.no_grad():
        conv.weight[1] = torch.tensor([0.1, 5.0, 1.0])[:, None, None]
    layer = layer_of(conv, (3, 6, 6))
    facts, arrays = sent(layer, 1)
    assert facts["channels"] == [1, 2, 0]
    np.testing.assert_array_equal(arrays["x"], layer.x[[1, 2, 0]])
    np.testing.assert_array_equal(arrays["weights"][0], conv.weight[1, [1, 2, 0]].detach())
    np.testing.assert_array_equal(arrays["output"], layer.output[1])


def test_channels_of_a_group_have_their_own_weights() -> None:
    conv = nn.Conv2d(4, 4, 1, groups=2)
    facts, arrays = sent(layer_of(conv, (4, 2, 2)), 3)
    assert sorted(facts["channels"]) == [2, 3]
    found = dict(zip(facts["channels"], arrays["weights"][0, :, 0, 0].tolist(), strict=True))
    assert found == dict(zip((2, 3), conv.weight[3].detach().flatten().tolist(), strict=True))


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (nn.Conv2d(64, 8, 3, padding=1), (64, 112, 112)),
        (nn.Conv2d(512, 8, 3, padding=1), (512, 28, 28)),
        (nn.Conv2d(3, 4, 7, stride=2, padding=3), (3, 224, 224)),
        (nn.Linear(9216, 512), (9216,)),
        (nn.MaxPool2d(3, 2), (8, 224, 224)),
    ],
)
def test_large_layers_fit_into_a_megabyte(model: nn.Module, shape: tuple[int, ...]) -> None:
    layer = layer_of(model, shape)
    payload = Payload()
    facts = describe(layer, 2, payload)
    if len(facts["channels"]) < facts["sources"]:
        facts["others"] = others(layer, 2, (0, 0), payload, facts["channels"])
    assert len(payload.pack(facts)) < 1_000_000


def test_channels_without_room_are_known_where_a_person_stops() -> None:
    layer = layer_of(nn.Conv2d(40, 2, 3), (40, 9, 9))
    facts, _arrays = sent(layer, 0, most_bytes=5 * 9 * 9 * 4)
    assert 1 <= len(facts["channels"]) < 5
    payload = Payload()
    rest = others(layer, 0, (2, 3), payload, facts["channels"])
    found = pixel(layer, 0, 2, 3)
    here = found.sums[facts["channels"]].sum()
    assert here + rest["sum"] + found.bias == pytest.approx(found.result)
    assert rest["count"] + len(facts["channels"]) == 40
    _, arrays = unpacked(payload.pack(rest))
    np.testing.assert_allclose(arrays["other_sums"], found.sums[rest["channels"]], rtol=1e-6)
    np.testing.assert_array_equal(arrays["other_patches"], found.values[rest["channels"]])
    assert (np.diff(np.abs(arrays["other_sums"])) <= 0).all()


def test_a_small_linear_layer_comes_with_all_its_outputs() -> None:
    facts, arrays = sent(layer_of(nn.Linear(6, 4), (6,)), 1)
    assert facts["outputs"] == [0, 1, 2, 3]
    assert arrays["weights"].shape == (4, 6, 1, 1)
    assert arrays["output"].shape == (4,)


def test_a_large_linear_layer_comes_with_the_chosen_output() -> None:
    facts, arrays = sent(layer_of(nn.Linear(3000, 200), (3000,)), 7)
    assert facts["outputs"] == [7]
    assert arrays["weights"].shape == (1, 3000, 1, 1)
    assert arrays["output"].shape == (200,)
