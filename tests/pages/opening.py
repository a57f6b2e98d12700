from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from streamlit.testing.v1 import AppTest

from cnnviz.settings import PROJECT_DIRECTORY


def opened(
    page: str,
    query: Mapping[str, str | list[str]],
    prepare: Callable[[AppTest], object] = lambda app: None,
) -> AppTest:
    """A page as a browser that follows a link gets it, without an exception; ``prepare`` says who comes."""
    app = AppTest.from_file(str(PROJECT_DIRECTORY / "app.py"), default_timeout=60)
    prepare(app)
    for name, value in query.items():
        app.query_params[name] = value
    if page != "app.py":
        app.switch_page(page)
    app.run()
    assert not app.exception, app.exception
    return app


def given(component: Any) -> Any:
    """What an element of ``app.get("bidi_component")`` gets to show: the data of :func:`markup.in_browser`'s stand in a
    list; None without any.
    """
    told = json.loads(component.proto.json or "null")
    return told[0] if isinstance(told, list) and len(told) == 1 else told
