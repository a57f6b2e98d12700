"""The key of an own network, and its way through a file."""

import json

import pytest

from cnnviz.errors import UsageError
from cnnviz.own.definition import Definition

TEXT = "class Net(nn.Module):\n    pass\n"


def test_the_key_is_the_digest_of_the_text_and_of_what_was_chosen_beside_it() -> None:
    plain = Definition(TEXT)
    others = [
        Definition(TEXT + " "),
        Definition(TEXT, "Net"),
        Definition(TEXT, arguments=(("classes", "10"),)),
        Definition(TEXT, input_shape=(1, 28, 28)),
    ]
    assert plain.key == "own-75c1ba956058cf7b" == Definition(TEXT).key
    assert len({plain.key, *(other.key for other in others)}) == 5


def test_a_definition_comes_back_from_a_file() -> None:
    definition = Definition(TEXT, "Net", (("classes", "10"), ("name", '"a"')), (3, 32, 32))
    assert Definition.from_dict(json.loads(json.dumps(definition.to_dict()))) == definition
    assert definition.values == {"classes": 10, "name": "a"}


@pytest.mark.parametrize(
    ("field", "value"),
    [("class_name", 3), ("arguments", [1]), ("arguments", {"a": "{"}), ("input_shape", [0]), ("text", None)],
)
def test_a_file_that_holds_no_definition_names_the_field(field: str, value: object) -> None:
    with pytest.raises(UsageError, match="code is missing" if field == "text" else field):
        Definition.from_dict({"text": TEXT, field: value})
