"""Against a small local server, with weights of a small model: nothing here needs a connection."""

from __future__ import annotations

import io
import pickle
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from torchvision import models

from cnnviz.errors import UnknownKeyError
from cnnviz.interpret import pretrained
from cnnviz.interpret.pretrained import PretrainedError
from tests.pretrained_weights import NAME, offer, weights_file


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def weights() -> bytes:
    return weights_file()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as found:
        threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}", folder
        found.shutdown()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


def test_the_table_says_what_torchvision_says() -> None:
    for model in pretrained.registered():
        weights = models.get_model_weights(model.name)["IMAGENET1K_V1"]
        assert weights.url.rpartition("/")[2] == model.file
        assert weights.meta["_file_size"] == pytest.approx(model.megabytes, abs=0.06)
        prepare = weights.transforms()
        assert prepare.crop_size == [pretrained.INPUT_SHAPE[1]]
        assert tuple(prepare.mean) == pretrained.MEAN
        assert tuple(prepare.std) == pretrained.DEVIATION
    assert len(pretrained.classes("alexnet")) == 1000


def test_weights_are_downloaded_with_progress_and_used(
    server: tuple[str, Path], weights: bytes, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder = server
    name = offer(monkeypatch, url, weights)
    (folder / name).write_bytes(weights)
    assert not pretrained.is_downloaded(NAME)
    parts: list[float] = []
    pretrained.download(NAME, parts.append)
    assert parts == sorted(parts)
    assert (parts[0], parts[-1]) == (0.0, 1.0)
    assert len(parts) > 5
    assert pretrained.is_downloaded(NAME)
    assert [path.name for path in home.iterdir()] == [name]
    state = torch.random.get_rng_state()
    network = pretrained.load(NAME)
    assert torch.equal(torch.random.get_rng_state(), state)
    expected = torch.load(io.BytesIO(weights), weights_only=True)
    assert all(torch.equal(tensor, expected[key]) for key, tensor in network.state_dict().items())
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_what_is_not_the_file_is_refused_and_not_kept(
    server: tuple[str, Path], weights: bytes, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder = server
    name = offer(monkeypatch, url, weights)
    (folder / name).write_bytes(weights[:-1] + b"x")
    with pytest.raises(PretrainedError, match="its SHA-256 starts with"):
        pretrained.download(NAME)
    assert list(home.iterdir()) == []
    (folder / name).unlink()
    with pytest.raises(PretrainedError, match="could not be downloaded"):
        pretrained.download(NAME)


def test_offline_a_sentence_says_so(
    server: tuple[str, Path], weights: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, "http://127.0.0.1:9", weights)
    with pytest.raises(PretrainedError, match=r"SqueezeNet 1\.1 could not be downloaded.*offline.*copy"):
        pretrained.download(NAME)
    with pytest.raises(PretrainedError, match="not on this machine"):
        pretrained.load(NAME)


def test_leaving_ends_the_download(
    server: tuple[str, Path], weights: bytes, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder = server
    name = offer(monkeypatch, url, weights)
    (folder / name).write_bytes(weights)

    class LeftError(Exception):
        pass

    def leave(part: float) -> None:
        if part > 0.3:
            raise LeftError

    with pytest.raises(LeftError):
        pretrained.download(NAME, leave)
    assert list(home.iterdir()) == []


def test_a_file_that_was_changed_later_is_refused(
    weights: bytes, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = offer(monkeypatch, "http://127.0.0.1:9", weights)
    home.mkdir(parents=True)
    (home / name).write_bytes(weights + b"x")
    with pytest.raises(PretrainedError, match="is damaged"):
        pretrained.load(NAME)


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return pytest.fail, ("the file's code ran",)


def test_a_file_that_would_run_code_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pickle.dumps(Harmful(), protocol=2)  # as PyTorch writes
    name = offer(monkeypatch, "http://127.0.0.1:9", data)
    home.mkdir(parents=True)
    (home / name).write_bytes(data)
    with pytest.raises(PretrainedError, match="contains no weights"):
        pretrained.load(NAME)


def test_unknown_models_get_the_closest_name() -> None:
    with pytest.raises(UnknownKeyError, match="did you mean 'alexnet'"):
        pretrained.get("alexnett")


def test_untrained_weights_follow_the_seed() -> None:
    first, again, other = (pretrained.untrained(NAME, seed) for seed in (1, 1, 2))
    weight = "features.0.weight"
    assert torch.equal(first.state_dict()[weight], again.state_dict()[weight])
    assert not torch.equal(first.state_dict()[weight], other.state_dict()[weight])
