"""Everything that imports streamlit, apart from app.py and pages/.

A person's text is never read by the server that shows it: whoever imports anything of this folder has it read in the
sandbox, whichever part of cnnviz asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cnnviz.own import asking
from cnnviz.own.definition import Definition

if TYPE_CHECKING:
    from cnnviz.own.reading import Reading


def _in_sandbox(definition: Definition, edits: Mapping[str, object] | None = None) -> Reading:
    from cnnviz.own import sandbox

    return sandbox.read(definition, edits)


asking.use(_in_sandbox)
