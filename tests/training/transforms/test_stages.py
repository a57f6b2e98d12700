import numpy as np
import pytest
import torch

from cnnviz.training.loop.batches import Normaliser
from cnnviz.training.transforms.augmentation import NONE, Augmentation
from cnnviz.training.transforms.preparation import Permutation, Preparation
from cnnviz.training.transforms.stages import Stages, stages

IMAGE = np.random.default_rng(0).integers(0, 256, (3, 32, 32)).astype(np.uint8)


def shown(**choices: object) -> Stages:
    values: dict[str, object] = {
        "augmentation": NONE,
        "draws": 4,
        "seed": 1,
        "permutation_seed": None,
        "resize": None,
        "mean": (0.5, 0.5, 0.5),
        "deviation": (0.25, 0.25, 0.25),
    }
    return stages(IMAGE, **{**values, **choices})  # type: ignore[arg-type]


def test_steps_that_are_not_taken_are_none() -> None:
    found = shown()
    assert found.draws is found.permuted is found.resized is None
    np.testing.assert_allclose(found.normalised, (IMAGE / 255 - 0.5) / 0.25, atol=1e-5)


@pytest.mark.parametrize("augmentation", [Augmentation(flip=True), Augmentation(contrast=0.5)])
def test_what_is_shown_is_what_a_network_in_training_gets(augmentation: Augmentation) -> None:
    found = shown(augmentation=augmentation, permutation_seed=3, resize=96)
    normalise = Normaliser((0.5,) * 3, (0.25,) * 3, torch.device("cpu"))
    preparation = Preparation(
        normalise, resize=96, permutation=Permutation(3, (3, 32, 32)), augmentation=augmentation
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
