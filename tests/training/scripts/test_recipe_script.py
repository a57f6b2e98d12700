"""The exported script, in a process without cnnviz, has the losses of the run, to the last digit."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cnnviz import architectures, datasets
from cnnviz.training.loop.loop import train
from cnnviz.training.recipe.recipe import Recipe, script_name
from cnnviz.training.scripts.scripts import recipe_script
from tests.datasets import cifar_files, idx_files
from tests.training.watching import Losses

SMALL = {"epochs": 2, "threads": 1, "device": "cpu"}
SAMPLE = {**SMALL, "dataset": "mnist-sample", "train_images": 300}
RECIPES = {
    "mlp": Recipe.default("mlp", **SAMPLE),
    "dropout": Recipe.default("mlp", **SAMPLE, options={"width": 12, "dropout": 50}, optimizer="adamw"),
    "augmented": Recipe.default(
        "basic-cnn",
        **SAMPLE,
        augmentation={"rotation": 15.0, "shift": 0.1, "stroke_width": 1.0, "crop_padding": 2},
    ),
    "xavier, a last image alone": Recipe.default(
        "lenet-bn", **{**SAMPLE, "train_images": 257, "batch_size": 128}
    ),
    "permuted, cosine, squared error": Recipe.default(
        "small-cnn", **SAMPLE, permutation_seed=3, schedule="cosine", loss="mse", weight_decay=0.001
    ),
    "second pass, steps, scores": Recipe.default(
        "lenet5",
        **SAMPLE,
        optimizer="adam",
        learning_rate=0.002,
        schedule="step",
        train_accuracy="second-pass",
        seed=7,
        loss="mse",
    ),
    "resized": Recipe.default(
        "densenet",
        **{**SAMPLE, "train_images": 64},
        resize=32,
        options={"growth": 2, "layers": 1, "blocks": 2},
    ),
    "smaller": Recipe.default(
        "densenet",
        **{**SAMPLE, "train_images": 64},
        resize=20,
        options={"growth": 2, "layers": 1, "blocks": 2},
    ),
    "all of mnist": Recipe.default("mlp", **{**SMALL, "device": "auto"}, batch_size=8),
    "auxiliary": Recipe.default(
        "googlenet", **{**SMALL, "epochs": 1}, train_images=8, resize=64, options={"auxiliary": True}
    ),
    "colours": Recipe.default(
        "lenet-cifar",
        **SMALL,
        mean=(0.5, 0.4, 0.3),
        augmentation={"flip": True, "brightness": 0.4, "contrast": 0.2, "saturation": 0.3},
    ),
    "cifar": Recipe.default("vgg-cifar", **{**SMALL, "epochs": 1}),
}
DRIVER = """
import hashlib, os, runpy, sys
from pathlib import Path
sys.modules["cnnviz"] = None
os.chdir(sys.argv[1])
from torchvision.datasets import CIFAR10
CIFAR10._check_integrity = lambda self: True  # the files of a test are not the official ones
CIFAR10._load_meta = lambda self: None
sys.argv[1:] = ["images"]
for file in sorted(Path().glob("*.py")):
    print("file", file.stem)
    runpy.run_path(str(file), run_name="__main__")
"""
EPOCH = re.compile(r"training loss (\S+), accuracy (\S+)%\n  test loss (\S+), accuracy (\S+)%")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What each recipe's script prints; all run one after the other in one process without cnnviz."""
    folder = tmp_path_factory.mktemp("scripts")
    idx_files.write(folder / "images", 33, 20)
    idx_files.write(folder / "images", 33, 20, name="FashionMNIST")
    cifar_files.write(folder / "images", 8)
    for number, recipe in enumerate(RECIPES.values()):
        (folder / f"{number:02}.py").write_text(recipe_script(recipe))
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", DRIVER, str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert len(list(folder.glob("*.pt"))) == len(RECIPES)
    texts = ran.stdout.split("file ")[1:]
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("CNNVIZ_DATA_DIR", str(folder / "images"))
        yield dict(zip(RECIPES, texts, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_losses_are_those_of_the_run_to_the_last_digit(name: str, printed: dict[str, str]) -> None:
    recipe = RECIPES[name]
    recipe.validate()
    result = train(recipe, datasets.load(recipe.dataset), Losses())
    found = [tuple(map(float, figures)) for figures in EPOCH.findall(printed[name])]
    assert found == [
        (
            epoch.train_loss,
            float(f"{100 * epoch.train_accuracy:.2f}"),
            epoch.test_loss,
            float(f"{100 * epoch.test_accuracy:.2f}"),
        )
        for epoch in result.epochs
    ]


def test_a_script_for_one_process_says_nothing_of_others() -> None:
    alone, several = (
        recipe_script(Recipe.default("lenet-bn", dataset="mnist-sample", workers=workers))
        for workers in (1, 2)
    )
    assert 'DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")\n' in alone
    for word in ("RANK", "torchrun", "torch.distributed", "torch._dynamo", "share"):
        assert word in several
        assert word not in alone


@pytest.mark.slow
def test_a_script_for_several_processes_has_the_losses_of_one(tmp_path: Path) -> None:
    """With batch normalisation, augmentation, and a last batch in which one of the processes has no image."""
    recipe = Recipe.default(
        "lenet-bn", **{**SAMPLE, "train_images": 62, "batch_size": 20}, augmentation={"shift": 0.1}
    )
    (tmp_path / "train.py").write_text(recipe_script(dataclasses.replace(recipe, workers=3)))
    ran = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=3", "train.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = [tuple(map(float, figures)) for figures in EPOCH.findall(ran.stdout)]
    result = train(recipe, datasets.load(recipe.dataset), Losses())
    assert [(loss, test_loss) for loss, _, test_loss, _ in found] == [
        pytest.approx((epoch.train_loss, epoch.test_loss), rel=1e-4) for epoch in result.epochs
    ]


TRAINED = [known.key for known in architectures.registered("network") if known.dataset]


@pytest.mark.parametrize("key", TRAINED)
def test_there_is_a_script_for_every_network(key: str) -> None:
    recipe = Recipe.default(key)
    text = recipe_script(recipe)
    compile(text, script_name(recipe), "exec")
    assert "cnnviz" not in text.partition('"""\n\n')[2]


def test_only_what_the_recipe_uses_is_written() -> None:
    simple = recipe_script(RECIPES["mlp"])
    for word in ("augment", "PERMUTATION", "interpolate", "DEVICE", "initialise", "changes", "[:-1]", "math"):
        assert word not in simple
    augmented = recipe_script(RECIPES["augmented"])
    assert "def warp(" in augmented
    assert "def recolour(" not in augmented
