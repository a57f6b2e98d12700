import math

import pytest
import torch
import torchvision.transforms.v2.functional as tv
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import InterpolationMode

from cnnviz.standalone import excerpt
from cnnviz.training.recipe import augmentation as changes
from cnnviz.training.recipe.augmentation import NONE, Augmentation

ALL = Augmentation(
    crop_padding=3,
    flip=True,
    rotation=20,
    scale=0.2,
    shift=0.1,
    shear=10,
    stroke_width=1.5,
    brightness=0.3,
    contrast=0.3,
    saturation=0.3,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=seeded(seed))


def test_nothing_asked_for_changes_and_draws_nothing() -> None:
    batch, generator = images(4, 3, 8, 8), seeded()
    assert changes.augment(batch, generator, NONE) is batch
    assert generator.get_state().equal(seeded().get_state())


@pytest.mark.parametrize("shape", [(5, 1, 28, 28), (5, 3, 32, 32), (1, 3, 8, 12)])
def test_the_same_generator_gives_the_same_images(shape: tuple[int, ...]) -> None:
    batch = images(*shape)
    before = batch.clone()
    first, again = (changes.augment(batch, seeded(7), ALL) for _ in range(2))
    assert first.equal(again)
    assert first.shape == batch.shape
    assert first.dtype == torch.float32
    assert 0 <= first.min() <= first.max() <= 255
    assert batch.equal(before)
    assert not first.equal(changes.augment(batch, seeded(8), ALL))


def test_a_run_goes_on_where_the_generator_was_saved() -> None:
    batch, generator = images(4, 1, 12, 12), seeded()
    changes.augment(batch, generator, ALL)
    saved = generator.get_state()
    expected = changes.augment(batch, generator, ALL)
    resumed = torch.Generator()
    resumed.set_state(saved)
    assert changes.augment(batch, resumed, ALL).equal(expected)


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    changes.augment(images(4, 3, 12, 12), seeded(), ALL)
    assert torch.get_rng_state().equal(before)


def test_channels_last_in_memory_makes_no_difference() -> None:
    batch = images(6, 3, 10, 10)
    last = batch.contiguous(memory_format=torch.channels_last)
    results = [changes.augment(x, seeded(), ALL) for x in (batch, last)]
    assert torch.allclose(*results, atol=1e-3)


@pytest.mark.parametrize(("padding", "flip"), [(4, False), (0, True), (2, True)])
def test_each_crop_is_a_window_of_the_padded_image_as_it_is_or_mirrored(padding: int, flip: bool) -> None:
    batch = images(200, 2, 6, 5)
    result = changes.augment(batch, seeded(), Augmentation(crop_padding=padding, flip=flip))
    assert result.dtype == torch.uint8
    windows = torch.nn.functional.pad(batch, (padding,) * 4).unfold(2, 6, 1).unfold(3, 5, 1)
    seen = set()
    for number in range(len(batch)):
        found = {
            (int(top), int(left), mirrored)
            for mirrored in (False, True)
            for top, left in (
                (windows[number] == (result[number].flip(2) if mirrored else result[number])[:, None, None])
                .all(dim=0)
                .all(dim=-1)
                .all(dim=-1)
                .nonzero()
            )
        }
        assert found
        seen |= found
    assert {mirrored for _, _, mirrored in seen} == ({False, True} if flip else {False})
    assert {top for top, _, _ in seen} == {left for _, left, _ in seen} == set(range(2 * padding + 1))


def test_half_of_the_images_are_flipped() -> None:
    batch = torch.zeros(4000, 1, 2, 2, dtype=torch.uint8)
    batch[..., 0] = 9
    flipped = changes.augment(batch, seeded(), Augmentation(flip=True))[:, 0, 0, 1] == 9
    assert 0.45 < flipped.float().mean() < 0.55


@given(
    angle=st.floats(-180, 180),
    size=st.floats(0.5, 2),
    across=st.integers(-4, 4),
    down=st.integers(-4, 4),
    shear=st.floats(-40, 40),
    height=st.integers(7, 14),
)
@settings(max_examples=60, deadline=None)
def test_one_affine_change_is_torchvisions(
    angle: float, size: float, across: int, down: int, shear: float, height: int
) -> None:
    batch = images(2, 3, height, 10).float()
    expected = tv.affine(
        batch, angle, [across, down], size, [shear, 0.0], interpolation=InterpolationMode.BILINEAR
    )

    def both(value: float) -> torch.Tensor:
        return torch.full((2,), value)

    found = changes.warp(
        batch,
        both(math.radians(angle)),
        both(size),
        torch.tensor([[across / 10, down / height]] * 2),
        both(math.radians(shear)),
    )
    # near a border of the image half a rounding decides whether a pixel is inside
    close = torch.isclose(found, expected, atol=0.1)
    assert close.float().mean() > 0.97


def test_affine_draws_fill_their_range_and_do_not_leave_it() -> None:
    """A dot in the middle of an edge tells by how much its image was turned, moved and scaled."""
    batch = torch.zeros(2000, 1, 41, 41)
    batch[:, 0, 20, 36] = 255.0
    rows, columns = torch.meshgrid(torch.arange(41.0), torch.arange(41.0), indexing="ij")

    def centres(**change: float) -> tuple[torch.Tensor, torch.Tensor]:
        found = changes.augment(batch, seeded(), Augmentation(**change))[:, 0]  # type: ignore[arg-type]
        mass = found.sum(dim=(1, 2))
        return (found * rows).sum(dim=(1, 2)) / mass - 20, (found * columns).sum(dim=(1, 2)) / mass - 20

    down, right = centres(rotation=30.0)
    angles = torch.rad2deg(torch.atan2(down, right))
    assert 28 < angles.max() < 31
    assert -31 < angles.min() < -28
    down, right = centres(shift=0.1)
    for moved in (down, right - 16):
        assert 3.9 < moved.max() < 4.2
        assert -4.2 < moved.min() < -3.9
    down, right = centres(scale=0.2)
    assert 12.5 < right.min() < 13.1
    assert 18.9 < right.max() < 19.5
    assert down.abs().max() < 0.1


def test_strokes_become_wider_and_thinner_by_so_many_pixels() -> None:
    batch = torch.zeros(5, 1, 21, 21)
    batch[..., 8:13] = 255.0  # an upright stroke, five pixels wide
    change = torch.tensor([0.0, 1.0, -1.0, 3.0, -4.0])
    result = changes.restroke(batch, change, 4.0)
    widths = result[:, 0, 10].sum(dim=1) / 255
    torch.testing.assert_close(widths, 5 + change)
    assert result[0].equal(batch[0])
    assert 0 <= result.min() <= result.max() <= 255


def test_stroke_widths_are_drawn_on_both_sides() -> None:
    batch = torch.zeros(500, 1, 21, 21)
    batch[..., 8:13] = 255.0
    result = changes.augment(batch, seeded(), Augmentation(stroke_width=2.0))
    widths = result[:, 0, 10].sum(dim=1) / 255
    assert 3 <= widths.min() < 3.1
    assert 6.9 < widths.max() <= 7.001


FACTORS = st.floats(0, 2)


@given(brightness=FACTORS, contrast=FACTORS, saturation=FACTORS, channels=st.sampled_from([1, 3]))
@settings(max_examples=40, deadline=None)
def test_colours_are_torchvisions(
    brightness: float, contrast: float, saturation: float, channels: int
) -> None:
    batch = images(2, channels, 6, 6).float()
    expected = tv.adjust_contrast(tv.adjust_brightness(batch / 255, brightness), contrast)
    expected = tv.adjust_saturation(expected, saturation) if channels == 3 else expected
    found = changes.recolour(
        batch, *(torch.full((2,), value) for value in (brightness, contrast, saturation))
    )
    torch.testing.assert_close(found / 255, expected, atol=1e-4, rtol=0)


def test_each_image_is_changed_by_itself() -> None:
    batch = images(1, 3, 16, 16).expand(32, -1, -1, -1)
    for change in ALL.to_dict():
        alone = changes.augment(batch, seeded(), Augmentation(**{change: getattr(ALL, change)}))
        assert len({tuple(image.flatten().tolist()) for image in alone}) > 1


@pytest.mark.parametrize("change", changes.CHANGES, ids=lambda change: change.__name__)
def test_a_script_can_hold_the_source_of_a_change(change: changes.Change) -> None:
    """For people without cnnviz: with torch alone it does the same."""
    written = excerpt("mlp", {}, further=[("training.recipe.augmentation", change.__name__)])
    assert "cnnviz" not in written.imports + written.definitions
    names: dict[str, object] = {}
    exec(f"{written.imports}\n{written.definitions}", names)
    alone = names[change.__name__]
    assert callable(alone)
    batch, values = images(2, 3, 8, 8), dict(ALL.changes())[change]
    assert alone(batch, seeded(), **values).equal(change(batch, seeded(), **values))
