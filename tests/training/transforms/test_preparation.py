import pytest
import torch
import torchvision.transforms.v2.functional as tv
from torch.nn import functional as F

from cnnviz.training.loop.batches import Normaliser
from cnnviz.training.transforms.augmentation import Augmentation
from cnnviz.training.transforms.preparation import Permutation, Preparation, resized

CPU = torch.device("cpu")


def images(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


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
    found = Preparation(normaliser(3), resize=96).test(batch)
    expected = (tv.resize(batch.float(), [96, 96]) / 255 - 0.4) / 0.25
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    assert found.shape == (3, 3, 96, 96)


def test_without_changes_training_and_test_images_are_the_same_and_nothing_is_drawn() -> None:
    batch, generator = images(3, 1, 28, 28), torch.Generator().manual_seed(0)
    before = generator.get_state()
    preparation = Preparation(normaliser(1))
    assert preparation.training(batch, generator).equal(preparation.test(batch))
    assert preparation.test(batch).equal(normaliser(1)(batch))
    assert generator.get_state().equal(before)


def test_only_training_images_are_augmented_and_memory_is_left_as_it_is() -> None:
    batch = images(8, 1, 28, 28)
    before = batch.clone()
    preparation = Preparation(normaliser(1), augmentation=Augmentation(flip=True))
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
    augmented = Preparation(normaliser(1), augmentation=changes).training(
        batch, torch.Generator().manual_seed(5)
    )
    whole = Preparation(normaliser(1), resize=16, permutation=permutation, augmentation=changes)
    found = whole.training(batch, torch.Generator().manual_seed(5))
    torch.testing.assert_close(found, resized(permutation(augmented), 16))
    torch.testing.assert_close(whole.test(batch), resized(permutation(normaliser(1)(batch)), 16))
