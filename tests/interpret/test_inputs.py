from __future__ import annotations

import numpy as np
import pytest
import torch

from cnnviz.interpret.inputs import Preparing, middle_part, middle_square, on_paper, scaled, with_channels
from cnnviz.training.recipe.image_preparation import ImagePreparation
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.transforms.batch_preparer import BatchPreparer

GREY = Preparing(ImagePreparation((0.1307,), (0.3081,)), (1, 28, 28))
COLOUR = Preparing(ImagePreparation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25)), (3, 32, 32))
LARGE = Preparing(ImagePreparation((0.2,), (0.3,), resize=96), (1, 28, 28))
PERMUTED = Preparing(ImagePreparation((0.2,), (0.3,), permutation_seed=4), (1, 28, 28))


def pixels(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


@pytest.mark.parametrize("preparing", [GREY, COLOUR, LARGE, PERMUTED])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 300, 200), (1, 1, 1), (1, 5, 90)])
def test_any_image_fits_any_network(preparing: Preparing, shape: tuple[int, ...]) -> None:
    key = preparing.key(pixels(*shape))
    assert key.input_shape == preparing.input_shape
    assert key.tensor().shape == (1, *preparing.input_shape)
    assert key.tensor().isfinite().all()
    assert key.seen().shape == preparing.input_shape


@pytest.mark.parametrize(
    ("preparing", "changes"),
    [
        (GREY, {}),
        (LARGE, {"resize": 96, "mean": (0.2,), "deviation": (0.3,)}),
        (PERMUTED, {"permutation_seed": 4, "mean": (0.2,), "deviation": (0.3,)}),
    ],
)
def test_an_image_of_the_data_set_is_prepared_as_in_training(
    preparing: Preparing, changes: dict[str, object]
) -> None:
    recipe = Recipe.default("basic-cnn", **changes)
    image = pixels(1, 28, 28)
    expected = BatchPreparer(recipe.preparation, (1, 28, 28)).test(torch.from_numpy(image)[None])
    assert torch.equal(preparing.key(image).tensor(), expected)


@pytest.mark.parametrize("preparing", [GREY, COLOUR, LARGE, PERMUTED])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_a_batch_is_its_images_one_by_one(preparing: Preparing, shape: tuple[int, ...]) -> None:
    images = pixels(5, *shape)
    batch = preparing.batch(torch.from_numpy(images))
    single = torch.cat([preparing.key(image).tensor() for image in images])
    assert torch.allclose(batch, single, atol=1e-5)


def test_what_the_network_sees_is_the_image_unless_it_is_permuted() -> None:
    image = pixels(1, 28, 28)
    assert np.array_equal(GREY.key(image).seen(), image)
    permuted = PERMUTED.key(image).seen()
    assert not np.array_equal(permuted, image)
    assert np.array_equal(np.sort(permuted, axis=None), np.sort(image, axis=None))


def test_grey_and_colour() -> None:
    assert with_channels(np.full((3, 1, 1), 200, np.uint8), 1).tolist() == [[[200]]]
    red = np.zeros((3, 1, 1), np.uint8)
    red[0] = 255
    assert with_channels(red, 1).tolist() == [[[76]]]
    assert with_channels(np.full((1, 1, 2), 9, np.uint8), 3).tolist() == [[[9, 9]]] * 3


def test_the_middle_is_cut_out() -> None:
    image = np.arange(12, dtype=np.uint8).reshape(1, 3, 4)
    assert middle_square(image).tolist() == [[[0, 1, 2], [4, 5, 6], [8, 9, 10]]]
    assert scaled(image, (6, 8)).shape == (1, 6, 8)
    assert scaled(image, (3, 4)) is image
    assert middle_part(image, 2, 4).tolist() == [[[0, 1, 2, 3], [4, 5, 6, 7]]]
    assert middle_part(image, 6, 2).tolist() == [[[1], [5], [9]]]


def test_of_an_input_that_is_no_square_the_proportions_are_kept() -> None:
    wide = Preparing(ImagePreparation((0.0,), (1.0,)), (1, 2, 4))
    image = np.repeat(np.arange(6, dtype=np.uint8), 8).reshape(1, 6, 8)  # every row has its number
    assert wide.key(image).seen().tolist() == [[[1] * 4, [3] * 4]] or wide.key(image).seen().shape == (
        1,
        2,
        4,
    )
    assert wide.key(image).input_shape == wide.input_shape == (1, 2, 4)


def test_transparent_places_are_white() -> None:
    rgba = np.array([[[0, 0, 0, 255], [0, 0, 0, 0], [255, 0, 0, 128]]], np.uint8)
    assert on_paper(rgba)[:, 0].T.tolist() == [[0, 0, 0], [255, 255, 255], [255, 127, 127]]
