import dataclasses
import json
import subprocess
import sys

import pytest

from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.training.recipe.augmentation import NONE, PRESETS, STRENGTHS, Augmentation


def test_off_unless_asked_for() -> None:
    assert not NONE
    assert not Augmentation(crop_padding=0, rotation=0)
    for entry in dataclasses.fields(Augmentation):
        assert Augmentation(**{entry.name: True if entry.name == "flip" else 1})


def test_plain_values_come_back() -> None:
    wanted = Augmentation(crop_padding=4, flip=True, rotation=12.5, stroke_width=1.0, contrast=0.25)
    assert Augmentation.from_dict(json.loads(json.dumps(wanted.to_dict()))) == wanted
    assert Augmentation.from_dict({"flip": True}) == Augmentation(flip=True)
    with pytest.raises(UnknownKeyError, match="did you mean 'rotation'"):
        Augmentation.from_dict({"rotatoin": 3})


@pytest.mark.parametrize("name", STRENGTHS)
def test_both_ends_of_a_range_are_allowed_and_nothing_beyond(name: str) -> None:
    limits = STRENGTHS[name].limits
    whole = int if limits.whole else float
    for value in (limits.low, limits.high):
        Augmentation(**{name: whole(value)}).validate()
    for value in (whole(limits.high + 1), -1, float("nan"), float("inf"), True, "1", None):
        with pytest.raises(UsageError, match=f"{limits.label} must be an? (integer|number) from 0.*; got "):
            Augmentation(**{name: value}).validate()  # type: ignore[arg-type]


def test_half_a_pixel_is_no_padding_and_a_number_no_switch() -> None:
    with pytest.raises(UsageError, match=r"crop padding must be an integer from .*; got 1\.5"):
        Augmentation(crop_padding=1.5).validate()  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"horizontal flip must be true or false; got 1"):
        Augmentation(flip=1).validate()  # type: ignore[arg-type]


def test_a_recipe_can_name_it_without_torch() -> None:
    code = "import sys, cnnviz.training.recipe.image_preparation; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_presets_can_be_used() -> None:
    for preset in PRESETS.values():
        preset.augmentation.validate()
    assert [key for key, preset in PRESETS.items() if not preset.augmentation] == ["none"]
