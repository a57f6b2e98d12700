from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cnnviz.errors import CnnvizError
from cnnviz.interpret import networks
from cnnviz.interpret.networks import Moment, history, moments, told_apart, with_snapshots
from cnnviz.tracing.trace import trace
from cnnviz.training.recipe.recipe import Recipe
from tests.snapshots import RUN, keep_snapshots, weights_after


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path / "runs"


def test_snapshots_are_found_with_step_and_epoch(runs: Path) -> None:
    assert with_snapshots() == []
    assert moments(RUN) == ()
    keep_snapshots(runs, Recipe.default("basic-cnn"), (0, 1, 8))
    assert with_snapshots() == [RUN]
    assert [(moment.step, moment.epoch) for moment in moments(RUN)] == [(0, 0), (1, 1), (8, 1)]


def in_epochs_of(length: int, *steps: int) -> list[Moment]:
    return [Moment(RUN, step, -(-step // length), "0") for step in steps]


@pytest.mark.parametrize(
    ("length", "steps", "gone"),
    [
        (63, (0, 1, 2, 4, 8, 16, 32, 63, 64, 126, 128, 189, 252, 256, 315), {64, 128, 256}),
        (64, (0, 1, 2, 4, 8, 16, 32, 64, 128, 192, 256), set()),  # they are the ends of epochs
        (7, (0, 1, 2, 4, 7, 8, 14, 16, 21), set()),  # early steps change much
        (63, (0, 1, 2, 4, 8, 16, 32, 63, 64), {64}),  # the second epoch is on its way
        (63, (0, 1, 2, 4, 8, 16, 32, 60), set()),  # stopped
        (100, (0, 1, 2, 4, 8, 16, 32, 64), set()),
    ],
)
def test_of_snapshots_that_nearly_coincide_the_end_of_the_epoch_stays(
    length: int, steps: tuple[int, ...], gone: set[int]
) -> None:
    found = told_apart(in_epochs_of(length, *steps))
    assert [moment.step for moment in found] == [step for step in steps if step not in gone]


def test_no_snapshots_are_told_apart() -> None:
    assert told_apart(()) == ()


@pytest.mark.parametrize("run_id", ["..", "../runs", "/etc", "a/b", ""])
def test_an_id_that_is_a_path_leads_nowhere(runs: Path, run_id: str) -> None:
    keep_snapshots(runs, Recipe.default("basic-cnn"), (0, 1))
    assert moments(run_id) == ()


def test_the_network_of_a_snapshot_has_its_weights(runs: Path) -> None:
    recipe = Recipe.default("basic-cnn")
    keep_snapshots(runs, recipe, (0, 8))
    network = networks.load(moments(RUN)[1].key(recipe))
    expected = weights_after(recipe, 8)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in network.state_dict().items())
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_weights_kept_again_are_other_weights(runs: Path) -> None:
    recipe = Recipe.default("basic-cnn")
    keep_snapshots(runs, recipe, (0, 8))
    before = moments(RUN)
    keep_snapshots(runs, recipe, (8,))
    after = moments(RUN)
    assert before[0] == after[0]
    assert before[1] != after[1]
    assert before[1].key(recipe) != after[1].key(recipe)


def test_snapshots_of_another_network_or_damaged_ones_get_a_sentence(runs: Path) -> None:
    keep_snapshots(runs, Recipe.default("basic-cnn"), (0, 1))
    first, second = moments(RUN)
    with pytest.raises(CnnvizError, match="does not match the architecture resnet-mini"):
        networks.load(first.key(Recipe.default("resnet-mini")))
    path = next((runs / RUN / "snapshots").glob("*1-*"))
    path.write_bytes(b"x")
    with pytest.raises(CnnvizError, match="cannot be used"):
        networks.load(second.key(Recipe.default("basic-cnn")))
    with pytest.raises(CnnvizError, match="snapshot"):
        networks.load(Moment(RUN, 99, 1, "0").key(Recipe.default("basic-cnn")))


def test_filters_and_answers_at_every_moment(runs: Path) -> None:
    recipe = Recipe.default("basic-cnn")
    keep_snapshots(runs, recipe, (0, 1, 8))
    keys = [moment.key(recipe) for moment in moments(RUN)]
    model = networks.load(keys[-1])
    traced, x = trace(model, (1, 28, 28)), torch.randn(1, 1, 28, 28)
    parts: list[float] = []
    found = history(keys, traced, x, 10, parts.append)
    assert parts == pytest.approx([1 / 3, 2 / 3, 1])
    assert found.filters.shape == (3, 10, 1, 5, 5)
    assert np.array_equal(found.filters[-1], model.conv1.weight.numpy())
    assert not np.array_equal(found.filters[0], found.filters[-1])
    assert found.probabilities.shape == (3, 10)
    assert np.allclose(found.probabilities[-1], model(x).softmax(1)[0].numpy(), atol=1e-6)
    with pytest.raises(CnnvizError, match="instead of one score for each of 7 classes"):
        history(keys, traced, x, 7)


ALEXNET = ("untrained", "alexnet", "{}", "0", "pytorch")


def test_the_weights_of_a_network_are_counted_before_it_is_made() -> None:
    small = ("untrained", "basic-cnn", "{}", "0", "pytorch")
    assert networks.weight_bytes(small) == networks.nbytes(networks.load(small))
    assert networks.weight_bytes(ALEXNET) == 187_058_984
    assert networks.weight_bytes(("pretrained", "resnet18")) == round(44.7 * 2**20)


def test_a_network_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnnviz.training.loop.memory.available", lambda: 300_000_000)
    monkeypatch.setattr(networks, "_load", lambda key: key)
    assert networks.load(("pretrained", "resnet18")) == ("pretrained", "resnet18")
    with pytest.raises(
        CnnvizError, match=r"about 374 MB of memory, but only 300 MB are free. Choose a smaller"
    ):
        networks.load(ALEXNET)
