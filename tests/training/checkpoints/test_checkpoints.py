import dataclasses
import json
import math
import os
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch

from cnnviz import architectures, datasets
from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.files import StorageError
from cnnviz.seals import sealed_json
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import Checkpoint, CheckpointError, evaluate_checkpoint
from cnnviz.training.loop.loop import TrainingResult
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.records.figures import EpochMetrics, RateChange
from tests.networks import MNIST

EPOCHS = (
    EpochMetrics(1, 0.5, 0.8, 0.4, 0.9, 2.0, 2000.0),
    EpochMetrics(2, 0.3, 0.9, 0.35, 0.85, 2.0, 2000.0),
)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(tmp_path / "checkpoints"))
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path


def result(key: str = "basic-cnn", dataset: str = "mnist", seed: int = 1) -> TrainingResult:
    model = architectures.get(key).build_seeded(seed).to(memory_format=torch.channels_last).eval()
    recipe = Recipe.default(key, dataset=dataset, seed=seed, device="cpu")
    return TrainingResult(model, recipe, EPOCHS, 100, 0.85, 0.35, stopped=False)


def save(directory: Path, name: str, **choice: object) -> Checkpoint:
    return checkpoints.save(directory, name, result(**choice), dataset_digest="d" * 64, run_id="r1")


def shipped(folders: Path, key: str = "basic-cnn") -> Checkpoint:
    return save(folders / "checkpoints", f"{key}-mnist", key=key)


@pytest.mark.parametrize("key", [known.key for known in MNIST])
def test_a_saved_network_comes_back_bit_by_bit(folders: Path, key: str) -> None:
    saved = shipped(folders, key)
    assert checkpoints.find(key) == saved
    assert checkpoints.get(f"{key}-mnist") == saved
    torch.manual_seed(0)
    state = torch.get_rng_state()
    model = checkpoints.load_model(saved)
    assert torch.get_rng_state().equal(state)
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())
    expected = architectures.get(key).build_seeded(1).eval()
    for name, weight in expected.state_dict().items():
        assert model.state_dict()[name].equal(weight)
    x = torch.randn(3, 1, 28, 28)
    torch.testing.assert_close(model(x), expected(x))


def test_json_holds_the_facts(folders: Path) -> None:
    saved = shipped(folders)
    facts = json.loads((folders / "checkpoints/basic-cnn-mnist.json").read_text())
    assert facts["recipe"]["learning_rate"] == 0.01
    assert (facts["recipe"]["seed"], facts["recipe"]["threads"]) == (1, saved.recipe.threads)
    assert (facts["test_accuracy"], facts["best_test_accuracy"]) == (0.85, 0.9)
    assert facts["dataset_digest"] == "d" * 64
    assert facts["versions"]["torch"] == torch.__version__
    assert facts["epochs"][1]["train_loss"] == 0.3
    assert "weights" not in facts  # a path of this machine


def test_other_programs_can_read_the_weights(folders: Path) -> None:
    shipped(folders)
    tensors = safetensors.torch.load_file(folders / "checkpoints/basic-cnn-mnist.safetensors")
    assert tensors["conv2.weight"].shape == (20, 10, 5, 5)
    assert tensors["conv2.weight"].is_contiguous()


def test_shipped_ones_come_first_then_the_newest_run(folders: Path) -> None:
    shipped(folders)
    for age, run in ((30, "run-a"), (10, "run-b"), (20, "run-c")):
        path = save(folders / "runs" / run, run, seed=age).weights.with_suffix(".json")
        changed = path.stat().st_mtime - age
        os.utime(path, (changed, changed))
    (folders / "runs" / "run-d").mkdir()  # still training
    assert [found.id for found in checkpoints.available()] == ["basic-cnn-mnist", "run-b", "run-c", "run-a"]


def test_the_folders_of_all_runs_are_looked_at_only_when_something_has_changed(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = folders / "runs"
    for name in ("run-a", "run-b"):
        (runs / name).mkdir(parents=True)
    save(runs / "run-a", "run-a")

    def scanned() -> tuple[list[str], int]:
        """The runs' checkpoints, and how many files were looked at."""
        looked, look = [], Path.stat
        with monkeypatch.context() as patch:
            patch.setattr(Path, "stat", lambda path, **given: looked.append(path) or look(path, **given))
            found = [checkpoint.id for checkpoint in checkpoints.scan().checkpoints]
        return found, sum(path.parent.parent == runs for path in looked)

    os.utime(runs, (1_000_000_000, 1_000_000_000))
    found, looked = scanned()
    assert found == ["run-a"]
    assert looked > 2  # in both folders, and at what is read
    assert scanned() == (["run-a"], 1)
    save(runs / "run-b", "run-b")
    assert sorted(scanned()[0]) == ["run-a", "run-b"]


def test_nothing_there_is_an_empty_list() -> None:
    assert checkpoints.available() == []
    with pytest.raises(UnknownKeyError, match="Unknown checkpoint 'basic-cnn-mnist'"):
        checkpoints.find("basic-cnn")


def test_a_rewritten_checkpoint_is_seen(folders: Path) -> None:
    shipped(folders)
    assert checkpoints.get("basic-cnn-mnist").recipe.seed == 1
    new = save(folders / "checkpoints", "basic-cnn-mnist", seed=1234)
    assert checkpoints.get("basic-cnn-mnist") == new


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "cannot be parsed"),
        ("[]", "cannot be parsed"),
        ("{}", "id"),
        ("\udcff", "cannot be parsed"),
        ("[" * 200_000, "cannot be parsed"),
    ],
)
def test_a_damaged_json_is_reported_and_the_others_work(folders: Path, text: str, reason: str) -> None:
    shipped(folders, "resnet-mini")
    shipped(folders)
    path = folders / "checkpoints/basic-cnn-mnist.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    listing = checkpoints.scan()
    assert [found.id for found in listing.checkpoints] == ["resnet-mini-mnist"]
    assert [problem.id for problem in listing.problems] == ["basic-cnn-mnist"]
    with pytest.raises(CheckpointError, match=reason):
        checkpoints.get("basic-cnn-mnist")


def test_a_json_under_another_name_is_refused(folders: Path) -> None:
    shipped(folders)
    folder = folders / "checkpoints"
    shutil.copy(folder / "basic-cnn-mnist.json", folder / "resnet-mini-mnist.json")
    with pytest.raises(CheckpointError, match="describes a different checkpoint, basic-cnn-mnist"):
        checkpoints.find("resnet-mini")


def test_changed_weights_are_refused(folders: Path) -> None:
    saved = shipped(folders)
    data = bytearray(saved.weights.read_bytes())
    data[-1] ^= 1
    saved.weights.write_bytes(data)
    with pytest.raises(CheckpointError, match=r"basic-cnn-mnist cannot be used: the SHA-256 of .*get both"):
        checkpoints.load_model(saved)


def test_missing_weights_are_refused(folders: Path) -> None:
    saved = shipped(folders)
    saved.weights.unlink()
    with pytest.raises(CheckpointError, match=r"basic-cnn-mnist\.safetensors cannot be read"):
        checkpoints.load_model(saved)


def forge(saved: Checkpoint, data: bytes, **changes: object) -> Checkpoint:
    """Weights that are not ``saved``'s, under a SHA-256 that is right."""
    import hashlib

    saved.weights.write_bytes(data)
    path = saved.weights.with_suffix(".json")
    facts = {**json.loads(path.read_text()), "sha256": hashlib.sha256(data).hexdigest(), **changes}
    path.write_bytes(sealed_json(facts))
    return checkpoints.get(saved.id)


def test_weights_of_another_architecture_are_refused(folders: Path) -> None:
    saved = shipped(folders)
    recipe = {**saved.recipe.to_dict(), "architecture": "resnet-mini"}
    forged = forge(saved, saved.weights.read_bytes(), architecture="resnet-mini", recipe=recipe)
    with pytest.raises(CheckpointError, match="does not match the architecture resnet-mini: conv1"):
        checkpoints.load_model(forged)


def test_an_architecture_that_is_gone_is_refused(folders: Path) -> None:
    saved = shipped(folders)
    recipe = {**saved.recipe.to_dict(), "architecture": "lenet"}
    with pytest.raises(CheckpointError, match="Unknown architecture 'lenet'"):
        forge(saved, saved.weights.read_bytes(), architecture="lenet", recipe=recipe)
    assert checkpoints.available() == []


def refused(saved: Checkpoint, facts: dict[str, object]) -> None:
    """With these facts beside its weights, ``saved`` is among the problems and all others work."""
    saved.weights.with_suffix(".json").write_text(json.dumps(facts))
    listing = checkpoints.scan()
    assert [problem.id for problem in listing.problems] == [saved.id]
    assert [found.id for found in listing.checkpoints] == ["resnet-mini-mnist"]
    with pytest.raises(CheckpointError, match="cannot be parsed"):
        checkpoints.get(saved.id)


@pytest.mark.parametrize(
    "changes",
    [
        {"test_accuracy": "high"},
        {"test_accuracy": 7},
        {"test_accuracy": -0.1},
        {"test_accuracy": float("nan")},
        {"test_accuracy": True},
        {"best_test_accuracy": 1.5},
        {"test_loss": float("inf")},
        {"test_loss": False},
        {"stopped": "no"},
        {"epochs": {}},
        {"epochs": [7]},
        {"epochs": [{**dataclasses.asdict(EPOCHS[0]), "test_accuracy": "abc"}]},
        {"epochs": [{**dataclasses.asdict(EPOCHS[0]), "train_loss": float("nan")}]},
        {"recipe": []},
        {"sha256": None},
        {"dataset": "emnist"},
        {"dataset": "mnist-sample"},
        {"architecture": "resnet-mini"},
        {"options": {"width": 3}},
        {"rate_changes": {}},
        {"rate_changes": [7]},
        {"rate_changes": [{"step": 1}]},
        {"rate_changes": [{"step": 1, "learning_rate": float("nan")}]},
        {"origin": 3},
        {"unheard_of": 1},
    ],
    ids=str,
)
def test_facts_that_cannot_be_are_refused(folders: Path, changes: dict[str, object]) -> None:
    shipped(folders, "resnet-mini")
    saved = shipped(folders)
    refused(saved, {**saved.to_dict(), **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": ["a"]},
        {"mean": []},
        {"mean": None},
        {"mean": [[1]]},
        {"mean": [0.1, 0.1, 0.1], "deviation": [0.3, 0.3, 0.3]},
        {"deviation": [0]},
        {"deviation": [float("nan")]},
        {"architecture": "../x"},
        {"architecture": "resnet-mini"},
        {"architecture": ["basic-cnn"]},
        {"dataset": "mnist-sample"},
        {"options": {"width": 3}},
        {"options": [1]},
        {"seed": "x"},
        {"epochs": 10**400},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_recipe_that_cannot_be_is_refused(folders: Path, changes: dict[str, object]) -> None:
    shipped(folders, "resnet-mini")
    saved = shipped(folders)
    refused(saved, {**saved.to_dict(), "recipe": {**saved.recipe.to_dict(), **changes}})


def test_a_folder_and_a_pipe_that_look_like_facts_take_nothing_down(folders: Path) -> None:
    saved = shipped(folders)
    (folders / "checkpoints" / "folder.json").mkdir()
    os.mkfifo(folders / "checkpoints" / "pipe.json")
    (folders / "checkpoints" / "nowhere.json").symlink_to(folders / "nothing")
    listing = checkpoints.scan()
    assert listing.checkpoints == (saved,)
    assert [problem.id for problem in listing.problems] == ["folder", "pipe"]
    assert "folder.json is not a file" in str(listing.problems[0])


def test_facts_that_cannot_be_read_take_nothing_down(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped(folders, "resnet-mini")
    saved = shipped(folders)
    own = save(folders / "runs" / "run-a", "run-a")
    save(folders / "runs" / "run-b", "run-b")
    stat, read_bytes = Path.stat, Path.read_bytes

    def no_stat(path: Path, **options: bool) -> os.stat_result:
        if path.name == "run-b.json":
            raise PermissionError(13, "Permission denied")
        return stat(path, **options)

    def no_bytes(path: Path) -> bytes:
        if path.name == f"{saved.id}.json":
            raise OSError(5, "Input/output error")
        return read_bytes(path)

    monkeypatch.setattr(Path, "stat", no_stat)
    monkeypatch.setattr(Path, "read_bytes", no_bytes)
    listing = checkpoints.scan()
    assert [found.id for found in listing.checkpoints] == ["resnet-mini-mnist", own.id]
    assert [problem.id for problem in listing.problems] == [saved.id]
    assert "Input/output error" in str(listing.problems[0])


def test_a_runs_folder_that_is_none_takes_nothing_down(folders: Path) -> None:
    saved = shipped(folders)
    (folders / "runs").write_text("")
    assert checkpoints.available() == [saved]


def _spoiled(name: str, saved: Checkpoint) -> bytes:
    tensors = safetensors.torch.load(saved.weights.read_bytes())
    if name == "nan":
        tensors["fc.bias"][3] = float("nan")
    elif name == "missing":
        del tensors["fc.bias"]
    elif name == "extra":
        tensors["fc2.bias"] = torch.zeros(3)
    elif name == "shape":
        tensors["fc.weight"] = torch.zeros(10, 2200)
    else:
        tensors["fc.weight"] = tensors["fc.weight"].half()
    return safetensors.torch.save(tensors)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("nan", "fc.bias contains infinite or NaN values"),
        ("missing", "fc.bias is missing"),
        ("extra", "fc2.bias is not part of the network"),
        ("shape", r"fc.weight is torch.float32 10 x 2200 instead of torch.float32 10 x 320"),
        ("type", r"fc.weight is torch.float16 10 x 320 instead of"),
    ],
)
def test_weights_that_do_not_fit_are_named(folders: Path, damage: str, reason: str) -> None:
    saved = shipped(folders)
    forged = forge(saved, _spoiled(damage, saved))
    with pytest.raises(CheckpointError, match=reason):
        checkpoints.load_model(forged)


def test_a_file_that_is_no_safetensors_is_refused(folders: Path) -> None:
    forged = forge(shipped(folders), b"pickle")
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        checkpoints.load_model(forged)


@pytest.mark.parametrize("kind", ["F4", "F8_E8M0", "F6_E2M3", "X9"])
def test_numbers_of_a_kind_that_torch_lacks_are_refused(folders: Path, kind: str) -> None:
    tensor = {"dtype": kind, "shape": [16], "data_offsets": [0, 8 if kind == "F4" else 16]}
    header = json.dumps({"fc.weight": tensor}).encode()
    data = len(header).to_bytes(8, "little") + header + bytes(tensor["data_offsets"][1])
    forged = forge(shipped(folders), data)
    with pytest.raises(CheckpointError, match="basic-cnn-mnist cannot be used"):
        checkpoints.load_model(forged)


def test_a_full_disk_keeps_the_previous_checkpoint(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = shipped(folders)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="disk is full"):
        save(folders / "checkpoints", "basic-cnn-mnist", seed=9)
    assert checkpoints.get("basic-cnn-mnist") == saved
    checkpoints.load_model(saved)


def test_facts_that_cannot_be_written_keep_the_previous_weights(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = shipped(folders)
    sync, synced = os.fsync, []

    def full(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(28, "No space left on device")
        sync(descriptor)

    with monkeypatch.context() as filling:
        filling.setattr("os.fsync", full)
        with pytest.raises(StorageError, match=r"basic-cnn-mnist\.json was not written"):
            save(folders / "checkpoints", saved.id, seed=9)
    unmeasured = dataclasses.replace(result(seed=9), test_loss=math.nan)
    with pytest.raises(ValueError, match="JSON"):
        checkpoints.save(saved.weights.parent, saved.id, unmeasured, dataset_digest="", run_id="r1")
    assert checkpoints.get(saved.id) == saved
    checkpoints.load_model(saved)
    assert len(list(saved.weights.parent.iterdir())) == 2


def test_a_training_that_was_steered_says_so(folders: Path) -> None:
    steered = dataclasses.replace(result(), rate_changes=(RateChange(40, 0.5), RateChange(70, 0.05)))
    saved = checkpoints.save(
        folders / "checkpoints", "a", steered, dataset_digest="", run_id="r1", origin="r0"
    )
    assert checkpoints.get("a") == saved
    facts = json.loads(saved.weights.with_suffix(".json").read_text())
    assert facts["rate_changes"][1] == {"step": 70, "learning_rate": 0.05}
    assert facts["origin"] == "r0"


def test_facts_of_earlier_versions_are_read(folders: Path) -> None:
    saved = shipped(folders)
    path = saved.weights.with_suffix(".json")
    facts = json.loads(path.read_text())
    del facts["rate_changes"], facts["origin"], facts["seal"]
    path.write_text(json.dumps(facts))
    assert checkpoints.get(saved.id) == saved


def test_a_link_cannot_reach_other_folders(folders: Path) -> None:
    shipped(folders)
    shutil.copytree(folders / "checkpoints", folders / "elsewhere")
    with pytest.raises(UnknownKeyError):
        checkpoints.get("../elsewhere/basic-cnn-mnist")


def test_evaluation_of_a_checkpoint_is_honest(folders: Path) -> None:
    on_sample = save(folders / "checkpoints", "basic-cnn-mnist-sample", dataset="mnist-sample")
    found = evaluate_checkpoint(on_sample, "mnist-sample")
    data = datasets.load("mnist-sample")
    with torch.no_grad():
        scores = checkpoints.load_model(on_sample)((data.test_images / 255 - 0.1307) / 0.3081)
    assert found.images == 1_000
    assert found.accuracy == pytest.approx((scores.argmax(1) == data.test_labels).float().mean().item())
    with pytest.raises(CnnvizError, match="MNIST's training set"):
        evaluate_checkpoint(shipped(folders), "mnist-sample")


def test_of_many_runs_the_newest_are_offered_and_those_that_are_named(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        saved = save(folders / "runs" / f"2026010{number}-aaaaaa", f"2026010{number}-aaaaaa")
        os.utime(saved.weights.with_suffix(".json"), (number, number))
    listing = checkpoints.scan(2, {"20260101-aaaaaa", "unknown"})
    names = [found.id for found in listing.checkpoints]
    assert names == ["20260105-aaaaaa", "20260104-aaaaaa", "20260101-aaaaaa"]
    monkeypatch.setattr(checkpoints, "scan", lambda: pytest.fail("all are read for one"))
    assert checkpoints.get("20260100-aaaaaa").id == "20260100-aaaaaa"
