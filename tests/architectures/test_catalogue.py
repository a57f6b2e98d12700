from __future__ import annotations

import pytest
import torch

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.errors import UnknownKeyError, UsageError
from cnnviz.language import LANGUAGES
from cnnviz.tracing.trace import trace
from tests.networks import ALL, CHEAP, each, on_meta
from tests.speaking import spoken


@each(CHEAP)
class TestEveryArchitecture:
    def test_gives_finite_class_scores_and_gradients(self, architecture: Architecture) -> None:
        model = architecture.build_seeded(0)
        scores = model(torch.rand(3, *architecture.input_shape, generator=torch.Generator().manual_seed(0)))
        assert scores.ndim == (2 if architecture.classes else 4)
        assert scores.shape[:2] == (3, architecture.classes or scores.shape[1])
        assert scores.isfinite().all()
        scores.sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())

    def test_takes_channels_last(self, architecture: Architecture) -> None:
        model = architecture.build_seeded(0).eval()
        x = torch.rand(2, *architecture.input_shape, generator=torch.Generator().manual_seed(0))
        plain = model(x)
        model.to(memory_format=torch.channels_last)
        torch.testing.assert_close(
            model(x.to(memory_format=torch.channels_last)), plain, rtol=1e-4, atol=1e-5
        )

    def test_tells_its_idea_in_every_language(self, architecture: Architecture) -> None:
        told = set()
        for code in LANGUAGES:
            with spoken(code):
                told.add(str(architecture.idea))
        assert len(told) == len(LANGUAGES)

    def test_seeded_weights_leave_the_global_generator_alone(self, architecture: Architecture) -> None:
        before = torch.get_rng_state()
        one, other = architecture.build_seeded(7), architecture.build_seeded(7)
        assert torch.equal(torch.get_rng_state(), before)
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
        different = architecture.build_seeded(8)
        pairs = zip(one.parameters(), different.parameters(), strict=True)
        assert not all(torch.equal(a, b) for a, b in pairs)


def test_unknown_key_names_the_closest() -> None:
    with pytest.raises(UnknownKeyError, match="did you mean 'inception-mini'"):
        architectures.get("inceptoin-mini")


OPTION_VALUES = [
    (architecture.key, name, value)
    for architecture in ALL
    for name, option in architecture.options.items()
    for value in option.choices or ((False, True) if option.low is None else (option.low, option.high))
]


def test_there_are_options() -> None:
    assert len(OPTION_VALUES) > 20


@pytest.mark.parametrize(("key", "name", "value"), OPTION_VALUES)
def test_every_value_of_an_option_builds_a_network_that_works(key: str, name: str, value: object) -> None:
    architecture = architectures.get(key)
    traced = trace(on_meta(architecture, **{name: value}), architecture.input_shape)
    assert traced.failure is None
    if architecture.classes:
        assert traced.ops[-1].output_shape == (architecture.classes,)


@pytest.mark.parametrize(
    ("key", "name", "value", "allowed"),
    [
        ("densenet", "growth", 0, "an integer from 1 to 64"),
        ("densenet", "growth", True, "an integer from 1 to 64"),
        ("densenet", "growth", 10**30, "an integer from 1 to 64"),
        ("vgg11", "divisor", 3, r"1 \| 2 \| 4 \| 8"),
        ("lenet5", "activation", "softplus", r"tanh \| sigmoid \| relu"),
        ("googlenet", "auxiliary", 1, "true or false"),
    ],
)
def test_other_values_are_refused(key: str, name: str, value: object, allowed: str) -> None:
    with pytest.raises(UsageError, match=f"Option {name} must be {allowed}; got {str(value)[:9]}"):
        architectures.get(key).build(**{name: value})


def test_auxiliary_classifiers_answer_while_training_alone() -> None:
    network = architectures.get("googlenet").build_seeded(0, auxiliary=True)
    x = torch.rand(2, 1, 96, 96)
    main, early, late = network(x)
    assert main.shape == early.shape == late.shape == (2, 10)
    assert network.eval()(x).shape == (2, 10)


def test_groups() -> None:
    blocks = architectures.registered("block")
    assert len(blocks) == 9
    assert {*architectures.keys("network"), *architectures.keys("block")} == {*architectures.keys()}
    assert all(block.classes is None and block.dataset is None for block in blocks)


def test_unknown_option_is_refused() -> None:
    with pytest.raises(UnknownKeyError, match="Unknown option 'growth'"):
        architectures.get("basic-cnn").build(growth=32)
