from __future__ import annotations

from typing import Any

from cnnviz.training.recipe.differences import differing, flat, label
from cnnviz.training.recipe.recipe import Recipe


def recipe(architecture: str = "basic-cnn", **changes: Any) -> dict[str, Any]:
    return Recipe.default(architecture, **{"dataset": "mnist-sample", **changes}).to_dict()


def test_only_what_differs_is_named() -> None:
    assert differing([recipe(), recipe()]) == []
    assert differing([recipe(), recipe(epochs=3), recipe(seed=2)]) == ["epochs", "seed"]
    assert differing([recipe(), recipe(workers=1)]) == []
    assert differing([recipe(), recipe(workers=2)]) == ["workers"]
    assert differing([recipe(), recipe(augmentation={"flip": True})]) == ["augmentation.flip"]


def test_an_option_that_is_not_chosen_has_the_network_s_value() -> None:
    usual = recipe("densenet")
    assert differing([usual, recipe("densenet", options={"growth": 32})]) == []
    assert differing([usual, recipe("densenet", options={"growth": 16})]) == ["options.growth"]
    assert flat(usual)["options.growth"] == 32


def test_options_of_other_networks_are_no_difference() -> None:
    assert differing([recipe("densenet"), recipe("small-cnn")]) == ["architecture", *differing_but_options()]
    three = [recipe("densenet"), recipe("densenet", options={"growth": 16}), recipe("small-cnn")]
    assert "options.growth" in differing(three)


def differing_but_options() -> list[str]:
    """The fields, networks and options aside, in which the course trains the two networks differently."""
    one, other = ({**recipe(key), "architecture": "", "options": {}} for key in ("densenet", "small-cnn"))
    return differing([one, other])


def test_what_is_not_used_does_not_differ() -> None:
    adam = [recipe(optimizer="adam", momentum=momentum) for momentum in (0.0, 0.9)]
    assert differing(adam) == []
    assert differing([*adam, recipe(momentum=0.9)]) == ["optimizer", "momentum"]
    assert differing([recipe(step_epochs=1), recipe(step_epochs=2)]) == []
    assert differing([recipe(schedule="step"), recipe(schedule="step", step_epochs=2)]) == ["step_epochs"]


def test_every_field_has_a_name_that_a_person_reads() -> None:
    names = [str(label(name, "densenet")) for name in flat(recipe("densenet"))]
    assert not [name for name in names if "_" in name or "." in name]
    assert str(label("options.growth", "densenet")) == "Channels added per layer"
    assert str(label("augmentation.crop_padding", "densenet")) == "crop padding"


def test_what_another_cnnviz_knew_is_called_as_it_stands_there() -> None:
    strange = {"architecture": "transformer", "options": {"heads": 8}, "epochs": 3}
    assert differing([strange, {**strange, "options": {"heads": 4}}]) == ["options.heads"]
    assert label("options.heads", "transformer") == "heads"
    assert label("warmup", "transformer") == "warmup"
