"""What tests of the Filters page share: checkpoints to look at, and how to read the page."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from torch import nn

from cnnviz import architectures
from cnnviz.bounded import COMMON
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.loop.loop import TrainingResult
from cnnviz.training.recipe.recipe import Recipe
from tests.networks import MINI

OpenPage = Callable[..., AppTest]
PAGE = "pages/filters.py"
KEYS = tuple(network.key for network in MINI)


@contextmanager
def shipped_in(folder: Path) -> Iterator[Path]:
    """A checkpoint of each network, with the weights of another seed than its recipe's; caches end with it."""
    for key in KEYS:
        save(folder, key, architectures.get(key).build_seeded(99).eval())
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CNNVIZ_CHECKPOINTS_DIR", str(folder))
        yield folder
    COMMON.clear()


def save(folder: Path, key: str, model: nn.Module) -> None:
    """A checkpoint of the network ``key`` with the weights of ``model``."""
    result = TrainingResult(
        model=model,
        recipe=Recipe.default(key),
        epochs=(),
        steps=1,
        test_accuracy=0.5,
        test_loss=1.0,
        stopped=False,
    )
    checkpoints.save(folder, f"{key}-mnist", result, dataset_digest="0" * 64, run_id="trial")


def markup(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.main.get("html"))


def cards(app: AppTest) -> list[str]:
    """Name, type and shape on every card, in order."""
    found = re.findall(r"<b>([^<]*)</b> <span[^>]*>([^<]*) · ([^<]*)</span></figcaption>", markup(app))
    return [" ".join(parts) for parts in found]


def titles(app: AppTest) -> list[str]:
    return [json.loads(chart.proto.spec)["layout"]["title"]["text"] for chart in app.get("plotly_chart")]


def texts(app: AppTest) -> str:
    return " ".join(
        element.value for group in (app.markdown, app.caption, app.warning, app.error) for element in group
    )


MAPS = {"view": "maps", "dataset": "mnist-sample"}


def chart(app: AppTest, place: int = 0) -> dict[str, object]:
    return dict(json.loads(app.get("plotly_chart")[place].proto.spec)["data"][0])


def assert_said(app: AppTest, *sentences: str) -> None:
    said = [warning.value for warning in app.warning]
    for sentence in sentences:
        assert any(sentence in text for text in said), (sentence, said)
    assert len(said) == len(sentences)
    assert not app.error


def picture_file(mode: str, size: tuple[int, int], kind: str = "png", blank: bool = False) -> bytes:
    """A dark bar on white, in a file of this mode."""
    image = Image.new("L", size, 255)
    if not blank:
        image.paste(20, (0, 0, max(1, size[0] // 3), size[1]))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    file = io.BytesIO()
    (image if mode == "I;16" else image.convert(mode)).save(file, kind)
    return file.getvalue()


LAYER = {"view": "layer", "dataset": "mnist-sample"}


def tiles(app: AppTest, place: int = 0) -> dict[str, Any]:
    """What the browser gets to draw: pictures that can be clicked."""
    found = [e for e in app.get("bidi_component") if e.proto.component_name == "cnnviz_tiles"]
    return dict(json.loads(found[place].proto.json))


def values(app: AppTest, place: int) -> np.ndarray:
    z = json.loads(app.get("plotly_chart")[place].proto.spec)["data"][0]["z"]
    flat = np.frombuffer(base64.b64decode(z["bdata"]), np.dtype(z["dtype"]))
    return flat.reshape([int(size) for size in z["shape"].split(",")])


EXCITE = {"view": "excite", "dataset": "mnist-sample", "images": "100"}


WHY = {"view": "why", "dataset": "mnist-sample"}
