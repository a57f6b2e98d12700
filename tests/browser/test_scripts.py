"""Files of JavaScript that are joined share one scope."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from cnnviz.browser import script

NAME = re.compile(r"^(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)


@pytest.mark.parametrize("names", [script.COMPUTING, (*script.SHOWING, "page")], ids=["worker", "page"])
def test_no_name_is_declared_twice(names: tuple[str, ...]) -> None:
    declared = Counter(NAME.findall(script.joined(names)))
    assert len(declared) > 20
    assert [name for name, count in declared.items() if count > 1] == []
