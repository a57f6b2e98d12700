from __future__ import annotations

import contextlib
import io

import torchsummary

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.shapes.table import rows, sizes
from cnnviz.shapes.text import table_text, torchsummary_text
from cnnviz.tracing.trace import trace
from tests.golden import INCEPTION_MINI_TABLE
from tests.networks import CHEAP, each


def test_the_table_of_the_course_to_the_letter() -> None:
    traced = trace(architectures.get("inception-mini").build(), (1, 28, 28))
    assert torchsummary_text(traced).splitlines() == INCEPTION_MINI_TABLE.strip("\n").splitlines()


@each(CHEAP)
def test_torchsummary_agrees(architecture: Architecture) -> None:
    model = architecture.build()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        torchsummary.summary(model, architecture.input_shape, device="cpu")
    assert torchsummary_text(trace(model, architecture.input_shape)).strip() == printed.getvalue().strip()


def test_functions_stand_where_they_were_called() -> None:
    traced = trace(architectures.get("resnet-mini").build(), (1, 28, 28))
    names = [row.name for row in rows(traced, functions=True)]
    first = names.index("rblock1.conv1")
    assert names[first : first + 6] == [
        "rblock1.conv1",
        "rblock1.relu",
        "rblock1.conv2",
        "rblock1.add",
        "rblock1.relu_2",
        "rblock1",
    ]
    assert names[-2:] == ["flatten", "fc"]
    assert sum(row.params for row in rows(traced, functions=True)) == traced.total_params


def test_sizes_are_bytes_of_float32() -> None:
    traced = trace(architectures.get("basic-cnn").build(), (1, 28, 28))
    values = 10 * 24 * 24 + 10 * 12 * 12 + 20 * 8 * 8 + 20 * 4 * 4 + 10
    assert sizes(traced).activations == 2 * 4 * values
    assert sizes(traced).total == 4 * 784 + 2 * 4 * values + 4 * 8490


def test_a_broken_network_ends_the_table_with_the_diagnosis() -> None:
    traced = trace(architectures.get("basic-cnn").build(), (1, 32, 32))
    text = table_text(traced)
    assert "flatten" in text
    assert "receives 20 x 5 x 5 = 500" in text.splitlines()[-1]
    assert [row.name for row in rows(traced)][-1] == "pooling_2"
