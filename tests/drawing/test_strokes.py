from __future__ import annotations

import pytest

from cnnviz.drawing import to_mnist
from cnnviz.drawing.strokes import EXAMPLES, example, example_points
from cnnviz.interpret.answers import predict
from cnnviz.training.checkpoints import checkpoints
from tests.drawing.canvas import rendered


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_read_as_what_it_is(name: str) -> None:
    checkpoint = checkpoints.get("resnet-mini-mnist")
    prepared = to_mnist(rendered(example(name, 320, 24), 320), (0, 0, 0, 255))
    assert prepared is not None
    model = checkpoints.load_model(checkpoint)
    assert str(predict(model, prepared.image, checkpoint.recipe.preparation).argmax()) == name


def test_the_browser_gets_the_examples_as_parts_of_its_canvas() -> None:
    points = example_points()
    assert list(points) == [str(digit) for digit in range(10)]
    assert [len(strokes) for strokes in points.values()] == [1, 2, 2, 2, 3, 3, 1, 2, 1, 2]
    assert all(
        0 < part < 1 for strokes in points.values() for stroke in strokes for at in stroke for part in at
    )
