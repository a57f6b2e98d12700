from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from cnnviz import architectures
from cnnviz.cli.main import main
from cnnviz.cli.terminal import TrainingProgress, never_fail_for_an_encoding, print_json
from cnnviz.cli.training_commands import add_recipe_options, recipe_from
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.training.recipe.augmentation import Augmentation
from cnnviz.training.recipe.recipe import FIELDS, Recipe, recipe_text
from cnnviz.training.store.runs import Command, Status
from cnnviz.training.store.store import open_store
from cnnviz.training.worker import worker
from cnnviz.training.worker.heartbeat import Heartbeat
from tests.golden import INCEPTION_MINI_TABLE

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command in this process: its exit status, standard output and standard error."""
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path / "data"))

    def run_(*words: str) -> tuple[int, str, str]:
        try:
            status = main(words)
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run_


def document(result: tuple[int, str, str]) -> Any:
    assert result[0] == 0, result[2]
    return json.loads(result[1])


def one_line(text: str) -> str:
    assert len(text.strip().splitlines()) == 1
    assert "Traceback" not in text
    return text


def test_list(run: Run) -> None:
    listed = document(run("list", "--json"))
    assert [entry["key"] for entry in listed] == list(architectures.keys())
    assert {"key", "title", "group", "input_shape", "dataset", "total_params"} == set(listed[0])
    assert {entry["key"]: entry["total_params"] for entry in listed}["inception-mini"] == 97298
    assert "97,298" in run("list")[1]


def test_summary_as_torchsummary_prints_it(run: Run) -> None:
    status, out, err = run("summary", "inception-mini", "--format", "torchsummary")
    assert (status, err) == (0, "")
    assert out.strip() == INCEPTION_MINI_TABLE.strip()


def test_summary_as_json(run: Run) -> None:
    summary = document(run("summary", "inception-mini", "--format", "json"))
    assert set(summary) == {
        "model", "input_shape", "total_params", "macs", "ops", "modules", "unexecuted", "failure", "outputs", "warnings",
    }  # fmt: skip
    assert summary["input_shape"] == [1, 28, 28]
    assert set(summary["ops"][0]) == {
        "index", "name", "type", "kind", "inputs", "input_shapes", "output_shape", "params", "macs", "reused",
        "kernel_size", "stride", "padding", "dilation", "groups",
    }  # fmt: skip
    assert summary["macs"] == sum(op["macs"] for op in summary["ops"]) == 6019200
    assert [m["name"] for m in summary["modules"] if m["container"]] == ["incep1", "incep2"]


def test_a_broken_summary_is_a_failure_that_names_the_fix(run: Run) -> None:
    status, out, err = run("summary", "inception-mini", "--input", "1,32,32")
    assert status == 1
    assert "88 x 5 x 5 = 2200" in one_line(err)
    assert "Linear(2200, 10)" in err
    assert "flatten" in out
    status, out, _ = run("summary", "inception-mini", "--input", "1,32,32", "--format", "json")
    failure = json.loads(out)["failure"]
    assert status == 1
    assert failure["fix"] == {"path": "fc.in_features", "value": 2200, "text": "Linear(2200, 10)"}
    fixed = run("summary", "inception-mini", "--input", "1,32,32", "--set", "fc.in_features=2200")
    assert fixed[0] == 0


def test_why_1408(run: Run) -> None:
    why = document(run("why", "inception-mini", "--json"))
    assert why["layer"] == "fc"
    assert set(why["steps"][0]) == {"op", "rule", "substituted", "result", "text"}
    told = [step["substituted"] for step in why["steps"]]
    assert told[0] == "(28 - 5)/1 + 1 = 24"
    assert "16 + 24 + 24 + 24 = 88" in told
    assert "88 x 4 x 4 = 1408" in told
    assert run("why", "inception-mini", "--layer", "incep1.cat")[1].count("16 + 24 + 24 + 24 = 88") == 2
    status, out, err = run("why", "inception-mini", "--input", "1,32,32")
    assert status == 1
    assert out.startswith("fc fails. How the shape that arrives there comes about:")
    assert "88 x 5 x 5 = 2200" in out
    assert err.startswith("fc receives 88 x 5 x 5 = 2200 features, but Linear(1408, 10) expects 1408.")
    status, out, err = run("why", "inception-mini", "--input", "1,32,32", "--layer", "fc", "--json")
    failure = json.loads(out)["failure"]
    assert (status, failure["expected"], failure["received"]) == (1, 1408, 2200)
    assert why["failure"] is None


def test_a_file_of_ones_own(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mynet.py"
    path.write_text(
        "from torch import nn\n"
        "class Net(nn.Sequential):\n"
        "    def __init__(self):\n"
        "        super().__init__(nn.Conv2d(1, 4, 5), nn.Flatten(), nn.Linear(100, 10))\n"
    )
    status, out, err = run("summary", f"{path}:Net", "--input", "1,28,28")
    assert status == 1
    assert "4 x 24 x 24 = 2304" in one_line(err)
    assert "4 x 24 x 24" in out
    status, _, err = run("summary", f"{path}:Net")
    assert status == 2
    assert "--input C,H,W" in one_line(err)


NETS = """
from torch import nn
class Narrow(nn.Sequential):
    def __init__(self, width, depth=1):
        super().__init__(*(nn.Linear(4 if not n else width, width) for n in range(depth)))
class Other(nn.ReLU):
    pass
"""


def test_a_file_without_a_class_and_a_class_that_takes_arguments(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "nets.py"
    path.write_text(NETS)
    for name in (f"{path}", f"{path}:"):
        status, _, err = run("summary", name, "--input", "4")
        assert status == 2
        assert f"{path}:Narrow, {path}:Other" in one_line(err)
    status, _, err = run("summary", f"{path}:Narrow", "--input", "4")
    assert status == 2
    assert "--set width=VALUE" in one_line(err)
    words = ("summary", f"{path}:Narrow", "--input", "4", "--format", "json", "--set", "width=3")
    assert document(run(*words))["total_params"] == 15
    assert document(run(*words, "--set", "depth=2"))["total_params"] == 27
    assert document(run(*words, "--set", "0.bias=false"))["total_params"] == 12
    status, _, err = run(*words, "--set", "0.in_features=5")
    assert status == 1
    assert "0.in_features = 5 instead of 4" in one_line(err) or "Linear(5, 3) expects 5" in one_line(err)
    (tmp_path / "empty.py").write_text("")
    assert "The file defines no classes yet" in one_line(
        run("summary", str(tmp_path / "empty.py"), "--input", "4")[2]
    )


@pytest.mark.parametrize("form", ["table", "torchsummary"])
def test_a_diagnosis_is_printed_once(run: Run, form: str) -> None:
    _, out, err = run("summary", "inception-mini", "--input", "1,32,32", "--format", form)
    assert (out + err).count("fc receives") == 1
    assert "The table ends at fc." in out


def test_auxiliary_classifiers_are_said_to_be_for_training(run: Run) -> None:
    _, out, _ = run("summary", "googlenet", "--set", "auxiliary=true")
    assert "Used only in training" in out
    assert "auxiliary1.fc1.weight (2,097,152)" in out


def test_what_ones_own_file_prints_is_no_result(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "chatty.py"
    path.write_text(
        "from torch import nn\n"
        "print('loading')\n"
        "class Net(nn.ReLU):\n"
        "    pass\n"
        "class Exits(nn.Module):\n"
        "    def forward(self, x):\n"
        "        raise SystemExit(0)\n"
    )
    status, out, err = run("summary", f"{path}:Net", "--input", "1,4,4", "--format", "json")
    assert (status, json.loads(out)["failure"]) == (0, None)
    assert "loading" in err
    status, _, err = run("summary", f"{path}:Exits", "--input", "1,4,4")
    assert status == 1
    assert "SystemExit" in err


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("summary", "basic-cnn", "--set", "conv1=3"), "specify which of its arguments"),
        (("summary", "googlenet", "--set", "aux=true"), "Unknown option 'aux'; did you mean 'auxiliary'"),
        (("summary", "densenet", "--set", "grwth=4"), "did you mean 'growth'"),
        (("summary", "basic-cnn", "--set", "growth=4"), "basic-cnn has no options"),
        (("summary", "densenet", "--set", "x.y=4"), "there are 96, including: average"),
        (("summary", "basic-cnn", "--set", "pooling.stride=0"), "it must be an integer from 1"),
        (("summary", "inceptoin-mini"), "did you mean 'inception-mini'"),
        (("summary", "convnext_tiny"), "did you mean 'torchvision:convnext_tiny'"),
        (("summary", "ResNet50"), "did you mean 'torchvision:resnet50'"),
        (("why", "efficientnet"), "did you mean 'torchvision:efficientnet_"),
        (("summary", "torchvision.models.resnet34"), "did you mean 'torchvision:resnet34'"),
        (("why", "basic-cnn", "--layer", "conv9"), "Unknown layer 'conv9'"),
        (("train", "basic-cnm"), "did you mean 'basic-cnn'"),
        (("train", "basic-cnn", "--dataset", "mnits"), "did you mean 'mnist'"),
        (("train", "basic-cnn", "--lr", "900"), "learning rate"),
        (("train", "basic-cnn", "--epochs", "0"), "epochs"),
        (("train", "basic-cnn", "--optimizer", "adm"), "sgd | adam | adamw"),
        (("train", "basic-cnn", "--dataset", "cifar10"), "1 x 28 x 28"),
        (("train", "mlp", "--option", "widht=3"), "did you mean 'width'"),
        (
            ("train", "mlp", "--option", "width=many"),
            "Option width must be an integer from 1 to 512; got many",
        ),
        (
            ("train", "mlp", "--augment", "rotation=999"),
            "rotation must be a number from 0.0 to 180.0; got 999",
        ),
        (("train", "mlp", "--augment", "rotation"), "must be rotation=VALUE, flip, or one of"),
        (("train", "mlp", "--augment", "mirror=1"), "Unknown augmentation option 'mirror'"),
        (("train", "lenet-bn", "--batch-size", "1"), "for a single image, the standard deviation is 0"),
        (("evaluate", "no-such-checkpoint"), "no-such-checkpoint"),
        (
            ("summary", "basic-cnn", "--input", "1,0,28"),
            "such as 1,28,28 for (channels, height, width); got 1,0,28",
        ),
        (("summary", "basic-cnn", "--set", "fc.in_featurs=3"), "did you mean 'in_features'"),
    ],
)
def test_wrong_usage_names_the_value_and_the_closest_match(
    run: Run, words: tuple[str, ...], match: str
) -> None:
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert match in one_line(err)


@pytest.mark.parametrize(
    "words",
    [
        ("summary", "basic-cnn", "--input", "1,a"),
        ("summary", "basic-cnn", "--set", "x"),
        ("train", "mlp", "--option", "x"),
        ("train", "mlp", "--epochs", "many"),
        ("nonsense",),
        (),
    ],
)
def test_words_that_cannot_be_parsed(run: Run, words: tuple[str, ...]) -> None:
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert "error:" in err


@pytest.mark.slow
def test_train_then_use_the_checkpoint(run: Run, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    words = "train basic-cnn --dataset mnist-sample --epochs 2 --json --export".split()
    status, out, err = run(*words, str(shelf))
    trained = document((status, out, err))
    assert set(trained) == {"run_id", "epochs", "test_accuracy", "best_test_accuracy"}
    first, epoch = trained["epochs"]
    assert set(epoch) == {
        "epoch", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "seconds", "images_per_second",
    }  # fmt: skip
    assert 0.6 < trained["test_accuracy"] <= 1
    assert trained["test_accuracy"] == epoch["test_accuracy"] != first["test_accuracy"]
    assert trained["best_test_accuracy"] == max(first["test_accuracy"], epoch["test_accuracy"])

    (listed,) = document(run("runs", "--json"))
    assert listed["run_id"] == trained["run_id"]
    assert (listed["status"], listed["epoch"], listed["epochs"]) == ("finished", 2, 2)

    evaluated = document(run("evaluate", trained["run_id"], "--json"))
    assert (evaluated["images"], evaluated["dataset"]) == (1000, "mnist-sample")
    assert evaluated["accuracy"] == pytest.approx(trained["test_accuracy"], abs=0.002)
    name = f"basic-cnn-mnist-sample-{trained['run_id']}"  # two epochs are not the course's recipe
    assert f"exported as {name}: its recipe is not the course's" in err
    assert sorted(path.name for path in shelf.iterdir()) == [
        f"{name}.history.safetensors",
        f"{name}.json",
        f"{name}.safetensors",
    ]

    image = Image.new("L", (200, 300), 255)
    ImageDraw.Draw(image).line([(120, 40), (110, 260)], fill=0, width=22)
    image.save(tmp_path / "one.png")
    (predicted,) = document(run("predict", str(tmp_path / "one.png"), "--model", trained["run_id"], "--json"))
    assert (predicted["class"], predicted["label"]) == (1, "1")
    assert sum(predicted["probabilities"]) == pytest.approx(1)


def test_every_field_of_a_recipe_has_an_option(run: Run, tmp_path: Path) -> None:
    words = (
        "train mlp --dataset mnist-sample --option width=5 --optimizer adamw --lr 0.01 --weight-decay 0.1 "
        "--schedule step --step-epochs 2 --step-factor 0.5 --loss mse --initialisation xavier --train-images 100 "
        "--permutation-seed 3 --train-accuracy second-pass --augment digits --augment rotation=3 --augment flip "
        "--epochs 1 --batch-size 50 --threads 1 --seed 9 --device cpu --json"
    )
    run_id = document(run(*words.split()))["run_id"]
    facts = json.loads((tmp_path / "runs" / run_id / f"{run_id}.json").read_text())
    recipe = facts["recipe"]
    assert facts["options"] == {"width": 5}
    expected = {
        "optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.1, "schedule": "step", "step_epochs": 2,
        "step_factor": 0.5, "loss": "mse", "initialisation": "xavier", "train_images": 100, "permutation_seed": 3,
        "train_accuracy": "second-pass", "batch_size": 50, "seed": 9, "resize": None,
    }  # fmt: skip
    assert {name: recipe[name] for name in expected} == expected
    changes = {name: value for name, value in recipe["augmentation"].items() if value}
    assert (changes["rotation"], changes["flip"], changes["stroke_width"]) == (3, True, 1.0)


def test_what_images_are_normalised_with_is_an_option(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    document(run("train", "mlp", "--mean", "0.25", "--deviation", "0.125", "--script", str(script), "--json"))
    assert "0.25" in script.read_text()
    assert "0.125" in script.read_text()


def parsed(*words: str) -> Recipe:
    """The recipe that these words of ``train`` ask for."""
    parser = argparse.ArgumentParser()
    add_recipe_options(parser)
    return recipe_from(parser.parse_args(words))


def test_there_is_an_option_for_every_field_of_a_recipe() -> None:
    parser = argparse.ArgumentParser()
    add_recipe_options(parser)
    fields = set(FIELDS) - {"architecture", "own"}  # the key of a person's network stands for its code
    assert fields <= vars(parser.parse_args(["mlp"])).keys()


def test_a_saved_recipe_is_trained_by_and_changed_by_other_options(tmp_path: Path) -> None:
    saved = Recipe.default(
        "mlp",
        dataset="mnist-sample",
        options={"width": 9},
        seed=5,
        epochs=7,
        mean=(0.25,),
        augmentation={"rotation": 3.0},
    )
    file = tmp_path / "mine.recipe.json"
    file.write_text(recipe_text(saved))
    assert parsed("--recipe", str(file)) == saved
    changed = parsed("--recipe", str(file), "--epochs", "2", "--lr", "0.5", "--augment", "flip")
    assert changed == saved.changed(epochs=2, learning_rate=0.5, augmentation=Augmentation(flip=True))
    elsewhere = parsed("--recipe", str(file), "--dataset", "fashion-mnist")
    usual = Recipe.default("mlp", dataset="fashion-mnist")
    assert usual.preparation.deviation != saved.preparation.deviation
    assert elsewhere.preparation == dataclasses.replace(
        saved.preparation, deviation=usual.preparation.deviation
    )
    assert elsewhere.preparation.mean == (0.25,)


def test_of_a_saved_network_s_options_those_that_are_not_named_stay(tmp_path: Path) -> None:
    options = {"growth": 8, "layers": 2}
    file = tmp_path / "mine.recipe.json"
    file.write_text(recipe_text(Recipe.default("densenet", options=options)))
    assert parsed("--recipe", str(file), "--option", "growth=4").options == {**options, "growth": 4}


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("train", "--epochs", "2"), "one of the arguments KEY --recipe is required"),
        (("train", "mlp", "--recipe", "x.json"), "not allowed with argument"),
        (("train", "--recipe", "x.json"), "Cannot read the recipe x.json (No such file or directory)"),
        (("train", "mlp", "--mean", "grey"), "'grey' must have one number per channel, such as"),
        (("train", "mlp", "--mean", "0.1,0.2"), "mean must be one number per channel (1); got 0.1, 0.2"),
    ],
)
def test_what_train_cannot_begin_with_is_said(run: Run, words: tuple[str, ...], match: str) -> None:
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert match in err


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ("request_stop", "was stopped after"),
        ("request_pause", "for so long that it lost its place"),
    ],
)
def test_a_run_that_a_page_ended_says_so_and_how_to_go_on(
    run: Run, monkeypatch: pytest.MonkeyPatch, wish: str, said: str
) -> None:
    monkeypatch.setenv("CNNVIZ_PAUSE_SECONDS", "0.1")

    def on_step(self: TrainingProgress, step: int, *figures: float) -> None:
        if step == 3:
            store = open_store()
            getattr(store, wish)(store.list()[0].id)

    monkeypatch.setattr(TrainingProgress, "on_step", on_step)
    status, out, err = run(*"train mlp --dataset mnist-sample --train-images 100 --epochs 1000".split())
    open_store().close()
    assert status == 0
    assert "test accuracy" in out
    (line,) = (line for line in err.splitlines() if said in line)
    assert "Resume on the Train page" in line
    assert " of 2,000 steps" in line


def test_a_run_that_goes_on_in_another_process_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_PAUSE_SECONDS", "0.1")
    leave = Heartbeat.leave

    def on_step(self: TrainingProgress, step: int, *figures: float) -> None:
        if step == 3:
            store = open_store()
            store.request_pause(store.list()[0].id)

    def resumed_at_the_last_moment(heartbeat: Heartbeat) -> Sequence[Command]:
        unheard = leave(heartbeat)
        heartbeat.store.resume(heartbeat.run_id)
        return unheard

    monkeypatch.setattr(TrainingProgress, "on_step", on_step)
    monkeypatch.setattr(Heartbeat, "leave", resumed_at_the_last_moment)
    monkeypatch.setattr(worker, "start_queued", lambda settings: None)
    status, _out, err = run(*"train mlp --dataset mnist-sample --train-images 100 --epochs 1000".split())
    (waiting,) = open_store().list()
    open_store().close()
    assert (status, waiting.status) == (0, Status.QUEUED)
    assert (
        f"Run {waiting.id} gave up its place after {waiting.step:,} of 2,000 steps; it continues in another process"
        in err
    )


def test_a_recipe_is_written_as_a_script_and_nothing_is_trained(run: Run, tmp_path: Path) -> None:
    script = tmp_path / "new" / "mine.py"
    words = ("train", "mlp", "--epochs", "3", "--seed", "7", "--script", str(script))
    assert document(run(*words, "--json")) == {"script": str(script)}
    text = script.read_text()
    compile(text, script.name, "exec")
    assert "EPOCHS = 3\n" in text
    assert "SEED = 7\n" in text
    assert document(run("runs", "--json")) == []
    status, out, err = run(*words[:-1], str(tmp_path))
    assert (status, out) == (1, "")
    assert "Cannot write" in one_line(err)


def test_all_included_networks_for_digits_read_an_image(run: Run, tmp_path: Path) -> None:
    image = Image.new("L", (200, 300), 255)
    ImageDraw.Draw(image).line([(120, 40), (110, 260)], fill=0, width=22)
    image.save(tmp_path / "one.png")
    read = document(run("predict", str(tmp_path / "one.png"), "--json"))
    assert len(read) == 7
    assert {entry["label"] for entry in read} == {"1"}


def test_a_network_for_colour_images_is_refused_with_those_that_read_digits(run: Run, tmp_path: Path) -> None:
    image = Image.new("L", (200, 300), 255)
    ImageDraw.Draw(image).line([(120, 40), (110, 260)], fill=0, width=22)
    image.save(tmp_path / "one.png")
    words = ("predict", str(tmp_path / "one.png"), "--model", "basic-cnn", "--model", "lenet-cifar", "--json")
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    said = one_line(err)
    assert said.startswith("lenet-cifar-cifar10 was trained on CIFAR-10, so it cannot read a digit.")
    assert "basic-cnn-mnist, " in said
    assert "fashion" not in said


def test_a_damaged_checkpoint_does_not_keep_the_good_ones_from_reading(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for key in ("basic-cnn", "inception-mini", "resnet-mini"):
        for shipped in (PROJECT_DIRECTORY / "checkpoints").glob(f"{key}-mnist.*"):
            shutil.copy(shipped, shelf)
    monkeypatch.setenv("CNNVIZ_CHECKPOINTS_DIR", str(shelf))
    image = Image.new("L", (200, 300), 255)
    ImageDraw.Draw(image).line([(120, 40), (110, 260)], fill=0, width=22)
    image.save(tmp_path / "one.png")
    words = ("predict", str(tmp_path / "one.png"))
    assert {entry["label"] for entry in document(run(*words, "--json"))} == {"1"}

    with (shelf / "basic-cnn-mnist.safetensors").open("ab") as weights:
        weights.write(b"!")
    status, out, err = run(*words, "--json")
    good = ["inception-mini-mnist", "resnet-mini-mnist"]
    assert (status, [entry["model"] for entry in json.loads(out)]) == (1, good)
    assert "basic-cnn-mnist cannot be used: the SHA-256" in one_line(err)
    status, out, err = run(*words)
    assert (status, [line.split()[0] for line in out.splitlines()]) == (1, good)
    assert "basic-cnn-mnist cannot be used" in one_line(err)

    (shelf / "resnet-mini-mnist.json").write_text("{")
    status, out, err = run(*words)
    assert (status, [line.split()[0] for line in out.splitlines()]) == (1, good[:1])
    assert [line.split()[1] for line in sorted(err.splitlines())] == ["basic-cnn-mnist", "resnet-mini-mnist"]

    (shelf / "inception-mini-mnist.safetensors").unlink()
    status, out, err = run(*words, "--json")
    assert (status, out, len(err.splitlines())) == (1, "", 3)


def test_problems_outside_are_failures_not_wrong_usage(run: Run, tmp_path: Path) -> None:
    blank = tmp_path / "blank.png"
    Image.new("L", (50, 50), 255).save(blank)
    for words, match in (
        (("train", "basic-cnn"), "--download"),
        (("evaluate", "basic-cnn"), "CNNVIZ_DATA_DIR"),
        (("predict", str(tmp_path / "missing.png")), "missing.png"),
        (("predict", str(blank)), "is blank"),
    ):
        status, out, err = run(*words)
        assert (status, out) == (1, "")
        assert match in one_line(err)
    assert document(run("runs", "--json")) == []  # a run that could not begin is none


def test_texts_are_in_the_language_that_is_asked_for(run: Run) -> None:
    _, _, english = run("summary", "inception-mini", "--input", "1,32,32")
    _, _, chinese = run("--lang", "zh", "summary", "inception-mini", "--input", "1,32,32")
    assert english != chinese
    assert "88 x 5 x 5 = 2200" in chinese


@pytest.mark.slow
def test_as_a_program_json_is_all_there_is_on_standard_output(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIRECTORY), "CNNVIZ_RUNS_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "cnnviz", "list", "--json"],
        capture_output=True, text=True, cwd=tmp_path, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert len(json.loads(done.stdout)) == len(architectures.keys())
    assert done.stderr == ""


def test_why_of_what_is_not_executed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "own.py"
    file.write_text(
        "from torch import nn\nclass Same(nn.Module):\n    def forward(self, x):\n        return x\n"
    )
    assert main(["why", f"{file}:Same", "--input", "1,8,8"]) == 1
    assert "executes no operation" in capsys.readouterr().err
    assert main(["why", "basic-cnn", "--input", "1,32,32", "--layer", "relu_9"]) == 1
    assert "relu_9 is not reached: the forward pass fails at fc" in capsys.readouterr().err


# -- encodings --------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["ascii", "gb18030"])
@pytest.mark.parametrize(
    "words",
    [
        ["list", "--help"],
        ["why", "lenet"],
        ["why", "lenet", "--json"],
        ["summary", "nosuch"],
        ["train", "--help"],
    ],
)
def test_output_never_fails_for_its_encoding(
    words: list[str], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: dict[str, tuple[str, str]] = {}
    for asked in (encoding, "utf-8"):
        files = io.BytesIO(), io.BytesIO()
        out, err = (io.TextIOWrapper(file, encoding=asked) for file in files)
        monkeypatch.setattr("sys.stdout", out)
        monkeypatch.setattr("sys.stderr", err)
        with contextlib.suppress(SystemExit):
            main([*words, "--lang", "zh"])
        out.flush()
        err.flush()
        said[asked] = files[0].getvalue().decode(out.encoding), files[1].getvalue().decode(err.encoding)
    assert said[encoding] == said["utf-8"]
    assert re.search("[一-鿿]", "".join(said[encoding])), said


def test_a_character_that_the_encoding_lacks_is_replaced_in_text_and_escaped_in_json(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(file, encoding="iso-8859-1"))
    never_fail_for_an_encoding()
    print("a – b é")
    print_json(["–é"])
    sys.stdout.flush()
    assert file.getvalue() == b'a ? b \xe9\n[\n  "\\u2013\\u00e9"\n]\n'


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="This system has no file without an end")
def test_a_file_without_an_end_is_refused(run: Run) -> None:
    assert run("own", "/dev/zero") == (1, "", "The text has more than 100,000 bytes.\n")
    status, out, err = run("train", "--recipe", "/dev/zero")
    assert (status, out) == (2, "")
    assert "Choose a recipe saved on the Train page." in err
