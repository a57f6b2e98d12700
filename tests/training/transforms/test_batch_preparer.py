import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as tv
from torch.nn import functional as F

from cnnviz.training.recipe.augmentation import Augmentation
from cnnviz.training.recipe.image_preparation import ImagePreparation
from cnnviz.training.transforms.batch_preparer import (
    BatchPreparer,
    Normaliser,
    Permutation,
    Stages,
    resized,
    stages,
)

CPU = torch.device("cpu")


def images(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def prepared(channels: int, **values: Any) -> ImagePreparation:
    return ImagePreparation((0.4,) * channels, (0.25,) * channels, **values)


def normaliser(channels: int) -> Normaliser:
    return Normaliser([0.4] * channels, [0.25] * channels, CPU)


@pytest.mark.parametrize("side", [14, 96, 224])
@pytest.mark.parametrize("channels", [1, 3])
def test_resizing_is_torchvisions(channels: int, side: int) -> None:
    batch = images(2, channels, 28, 28).float()
    found = resized(batch, side)
    expected = F.interpolate(batch, (side, side), mode="bilinear", antialias=True)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(found, tv.resize(batch, [side, side]), atol=1e-3, rtol=0)
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_images_that_have_the_size_stay_as_they_are() -> None:
    batch = images(2, 1, 28, 28).float()
    assert resized(batch, None) is batch
    assert resized(batch, 28) is batch


def test_a_network_gets_normalised_images_of_its_size() -> None:
    batch = images(3, 3, 32, 32)
    found = BatchPreparer(prepared(3, resize=96), (3, 32, 32)).test(batch)
    expected = (tv.resize(batch.float(), [96, 96]) / 255 - 0.4) / 0.25
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    assert found.shape == (3, 3, 96, 96)


def test_without_changes_training_and_test_images_are_the_same_and_nothing_is_drawn() -> None:
    batch, generator = images(3, 1, 28, 28), torch.Generator().manual_seed(0)
    before = generator.get_state()
    preparation = BatchPreparer(prepared(1), (1, 28, 28))
    assert preparation.training(batch, generator).equal(preparation.test(batch))
    assert preparation.test(batch).equal(normaliser(1)(batch))
    assert generator.get_state().equal(before)


def test_only_training_images_are_augmented_and_memory_is_left_as_it_is() -> None:
    batch = images(8, 1, 28, 28)
    before = batch.clone()
    preparation = BatchPreparer(prepared(1, augmentation=Augmentation(flip=True)), (1, 28, 28))
    found = preparation.training(batch, torch.Generator().manual_seed(0))
    expected = normaliser(1)(batch)
    flipped = [not one.equal(other) for one, other in zip(found, expected, strict=True)]
    assert 0 < sum(flipped) < 8
    for one, other, turned in zip(found, expected, flipped, strict=True):
        assert one.equal(other.flip(2) if turned else other)
    assert preparation.test(batch).equal(expected)
    assert batch.equal(before)


def test_a_permutation_moves_the_pixels_of_all_images_and_channels_alike() -> None:
    permutation = Permutation(3, (2, 4, 5))
    batch = images(6, 2, 4, 5)
    found = permutation(batch)
    assert sorted(permutation.order.tolist()) == list(range(20))
    assert permutation.order.tolist() != list(range(20))
    for image, moved in zip(batch, found, strict=True):
        for channel, other in zip(image, moved, strict=True):
            assert other.flatten().tolist() == channel.flatten()[permutation.order].tolist()


def test_a_permutation_is_its_seed() -> None:
    batch = images(2, 1, 28, 28)
    first, same, other = (Permutation(seed, (1, 28, 28))(batch) for seed in (1, 1, 2))
    assert first.equal(same)
    assert not first.equal(other)


def test_images_are_augmented_before_their_pixels_are_permuted_and_resized_after_it() -> None:
    batch = images(4, 1, 8, 8)
    permutation = Permutation(0, (1, 8, 8))
    changes = Augmentation(crop_padding=2)
    augmented = BatchPreparer(prepared(1, augmentation=changes), (1, 8, 8)).training(
        batch, torch.Generator().manual_seed(5)
    )
    whole = BatchPreparer(prepared(1, resize=16, permutation_seed=0, augmentation=changes), (1, 8, 8))
    found = whole.training(batch, torch.Generator().manual_seed(5))
    torch.testing.assert_close(found, resized(permutation(augmented), 16))
    torch.testing.assert_close(whole.test(batch), resized(permutation(normaliser(1)(batch)), 16))


IMAGE = np.random.default_rng(0).integers(0, 256, (3, 32, 32)).astype(np.uint8)
SHOWN = ImagePreparation((0.5,) * 3, (0.25,) * 3)


def shown(draws: int = 4, seed: int = 1, **choices: Any) -> Stages:
    return stages(IMAGE, dataclasses.replace(SHOWN, **choices), draws=draws, seed=seed)


def test_steps_that_are_not_taken_are_none() -> None:
    found = shown()
    assert found.draws is found.permuted is found.resized is None
    np.testing.assert_allclose(found.normalised, (IMAGE / 255 - 0.5) / 0.25, atol=1e-5)


@pytest.mark.parametrize("augmentation", [Augmentation(flip=True), Augmentation(contrast=0.5)])
def test_what_is_shown_is_what_a_network_in_training_gets(augmentation: Augmentation) -> None:
    found = shown(augmentation=augmentation, permutation_seed=3, resize=96)
    preparation = BatchPreparer(
        dataclasses.replace(SHOWN, augmentation=augmentation, permutation_seed=3, resize=96), (3, 32, 32)
    )
    batch = torch.from_numpy(IMAGE)[None].expand(4, -1, -1, -1)
    expected = preparation.training(batch, torch.Generator().manual_seed(1))
    np.testing.assert_allclose(found.normalised, expected[0].numpy(), atol=1e-6)
    assert found.resized is not None
    np.testing.assert_allclose(found.resized, (expected[0].numpy() * 0.25 + 0.5) * 255, atol=0.51)


def test_each_draw_is_another_and_the_next_seed_has_others() -> None:
    strong = Augmentation(rotation=90, shift=0.3)
    draws = shown(augmentation=strong).draws
    assert draws is not None
    assert draws.shape == (4, 3, 32, 32)
    assert len({draw.tobytes() for draw in draws}) == 4
    np.testing.assert_array_equal(draws, shown(augmentation=strong).draws)
    assert (draws != shown(augmentation=strong, seed=2).draws).any()


def test_the_image_itself_is_left_alone() -> None:
    before = IMAGE.copy()
    shown(augmentation=Augmentation(brightness=1.0), permutation_seed=1, resize=224)
    np.testing.assert_array_equal(IMAGE, before)
