"""A teacher adds an experiment as docs/adding.md says: by putting a file into the catalogue."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cnnviz import experiments
from cnnviz.errors import CnnvizError
from cnnviz.experiments import catalogue, results, running
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.training.store.store import RunStore

_MODULE = f"{catalogue.__name__}.batch_size"


def example() -> str:
    """The one example of a whole experiment in docs/adding.md."""
    text = (PROJECT_DIRECTORY / "docs" / "adding.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (found,) = (block for block in blocks if "EXPERIMENT =" in block)
    return str(found)


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[experiments.Experiment]:
    (tmp_path / "batch_size.py").write_text(example())
    monkeypatch.setattr(catalogue, "__path__", [*catalogue.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    yield experiments.get("batch-size")
    sys.modules.pop(_MODULE, None)


def test_the_file_alone_makes_the_experiment(
    added: experiments.Experiment, carry_out: Callable[..., running.Group], store: RunStore
) -> None:
    assert experiments.registered()[-1] is added
    assert [recipe.batch_size for recipe in added.recipes("quick").values()] == [16, 64, 256]
    group = carry_out(added, "smallest")
    outcomes = running.outcomes(store, added, group)
    verdict = results.verdict(added, outcomes, full=False)
    assert verdict is not None
    assert "In batches of 16 images the network reaches" in str(verdict.seen[0])
    sweep = results.draw(added.panels[0], added, "smallest", outcomes, "")
    assert outcomes["batch-16"].test_accuracy in sweep.data[0].y


@pytest.mark.parametrize(
    ("text", "said"),
    [("EXPERIMENT = 3", "of type int"), ("import nothing_like_it", "nothing_like_it"), ("", "EXPERIMENT")],
)
def test_a_file_that_is_no_experiment_is_named(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "batch_size.py").write_text(text)
    monkeypatch.setattr(catalogue, "__path__", [*catalogue.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    try:
        with pytest.raises(
            CnnvizError, match=rf"batch_size\.py in the catalogue is not an experiment: .*{said}"
        ):
            experiments.registered()
    finally:
        sys.modules.pop(_MODULE, None)
