"""How much memory a training takes, and how much there is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cnnviz import datasets
from cnnviz.training.loop import memory
from cnnviz.training.loop.batches import Batches
from cnnviz.training.loop.session import new_session
from cnnviz.training.recipe.recipe import Recipe

GIGABYTE = 10**9


def control_group(root: Path, **files: str) -> Path:
    """A folder like the one in which Linux tells about a container's memory."""
    for name, text in files.items():
        root.mkdir(exist_ok=True)
        (root / name.replace("_", ".", 1)).write_text(text + "\n")
    return root


def available(root: Path, monkeypatch: pytest.MonkeyPatch) -> int | None:
    """What is free where ``root`` is the only one that tells."""
    monkeypatch.setattr(memory, "_CONTROL_GROUPS", root)
    monkeypatch.setattr(memory, "_of_linux", lambda: None)
    monkeypatch.setattr(memory, "_of_unix", lambda: None)
    return memory.available()


def test_files_that_the_system_may_forget_are_free_in_a_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics = "anon 900000000\nfile 3000000000\ninactive_file 2500000000\nactive_file 500000000"
    root = control_group(
        tmp_path, memory_max="4000000000", memory_current="3900000000", memory_stat=statistics
    )
    assert available(root, monkeypatch) == 2_600_000_000


def test_files_that_the_system_may_forget_are_free_under_version_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statistics = "inactive_file 1\ntotal_inactive_file 2500000000"
    control_group(
        tmp_path / "memory",
        memory_limit_in_bytes="4000000000",
        memory_usage_in_bytes="3900000000",
        memory_stat=statistics,
    )
    assert available(tmp_path, monkeypatch) == 2_600_000_000


def test_a_container_that_is_full_has_nothing_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = control_group(tmp_path, memory_max="1000", memory_current="1200")  # and no statistics
    assert available(root, monkeypatch) == 0


def test_a_container_without_a_limit_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = control_group(tmp_path, memory_max="max", memory_current="1200", memory_stat="inactive_file 100")
    assert available(root, monkeypatch) is None


def test_what_this_process_has_reserved_on_the_gpu_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (3 * GIGABYTE, 16 * GIGABYTE))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 5 * GIGABYTE)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: GIGABYTE)
    assert memory.available("cuda") == 7 * GIGABYTE


def needed(key: str, **changes: object) -> int:
    return memory.needed(Recipe.default(key, **changes))


def test_colour_images_are_counted_as_they_are_loaded_and_as_they_are_used() -> None:
    image, loaded = 3 * 32 * 32, 60_000
    fewer = needed("lenet-cifar") - needed("lenet-cifar", train_images=10_000)
    assert fewer == 40_000 * image
    assert needed("lenet-cifar") > memory.PROCESS_BYTES + 2 * loaded * image


def test_a_large_batch_is_counted_while_the_next_one_is_prepared() -> None:
    """lenet-cifar's operations keep 26 KB an image; the prepared batches, 2 of 12 KB, come on top."""
    recipe = Recipe.default("lenet-cifar")
    working = memory._step_bytes(memory.trace_of(recipe), 4096) - memory._step_bytes(
        memory.trace_of(recipe), 8192
    )
    grown = needed("lenet-cifar", batch_size=8192) - needed("lenet-cifar", batch_size=4096)
    assert grown == -working + 2 * 4096 * 3 * 32 * 32 * 4


def test_several_processes_share_a_batch_and_nothing_else() -> None:
    one, two = (needed("lenet-cifar", workers=workers) for workers in (1, 2))
    assert 1.8 * one < two < 2.1 * one
    recipe = Recipe.default("lenet-cifar", workers=2)
    assert memory.needed(recipe) == memory.needed_by(recipe) + memory.needed_by(recipe, leads=False)
    of_a_part = Recipe.default("lenet-cifar", workers=2, batch_size=8192)
    grown = memory.needed_by(of_a_part) - memory.needed_by(recipe)
    assert grown < needed("lenet-cifar", batch_size=8192) - needed("lenet-cifar")


def place_of(batches: Batches) -> int:
    """Where the images of ``batches`` lie."""
    return batches._images.data_ptr()


@pytest.mark.parametrize(
    ("key", "chosen", "is_copied"),
    [("lenet-cifar", None, True), ("lenet-cifar", 20, True), ("mlp", None, False), ("mlp", 20, True)],
)
def test_no_images_are_copied_twice(key: str, chosen: int | None, is_copied: bool) -> None:
    recipe = Recipe.default(key, batch_size=8, train_images=chosen)
    info = datasets.get(recipe.dataset)
    images = torch.randint(0, 256, (40, *info.input_shape), dtype=torch.uint8)
    labels = torch.arange(40) % 10
    data = datasets.Dataset(info.key, info.classes, images, labels, images, labels, digest="")
    session = new_session(recipe, data, torch.device("cpu"))
    assert place_of(session.train) == place_of(session.known)
    assert (place_of(session.train) != images.data_ptr()) == is_copied


@pytest.mark.parametrize(
    ("batch_size", "most"),
    [(64, 8 * 64), (128, 5 * 128), (4096, 4096)],
)
def test_few_large_batches_are_prepared_at_once(batch_size: int, most: int) -> None:
    info = datasets.get("cifar10")
    images = torch.zeros((3 * 4096, *info.input_shape), dtype=torch.uint8)
    labels = torch.arange(len(images)) % 10
    data = datasets.Dataset(info.key, info.classes, images, labels, images[:1], labels[:1], digest="")
    train = new_session(Recipe.default("lenet-cifar", batch_size=batch_size), data, torch.device("cpu")).train
    x, _ = train.take(torch.arange(len(labels)), 0)
    assert len(x) == batch_size
    prepared = x.untyped_storage().nbytes()  # by itself: a failure would print all the numbers
    assert prepared == most * 3 * 32 * 32 * 4
