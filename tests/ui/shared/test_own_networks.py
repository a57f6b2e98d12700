"""How many networks a person keeps, on all servers of a class together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cnnviz.classroom.limits import LimitError
from cnnviz.own import kept
from cnnviz.own.definition import Definition
from cnnviz.own.reading import Reading
from cnnviz.settings import settings
from cnnviz.training.store.store import RunStore
from cnnviz.ui.shared import own_networks, rights
from tests.pages.training_page import ME


def test_two_servers_do_not_pass_a_person_s_limit_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_of_class = {
        "CNNVIZ_RUNS_DIR": str(tmp_path),
        "CNNVIZ_TEACHER_PASSWORD": "correct horse",
        "CNNVIZ_CLASS_NETWORKS": "1",
    }
    for name, value in settings_of_class.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(own_networks, "owner", lambda: ME)
    monkeypatch.setattr(rights, "owner", lambda: ME)
    monkeypatch.setattr(rights, "may_do_anything", lambda: False)
    another, nothing = RunStore(settings()), Reading()
    with ThreadPoolExecutor(1) as pool:
        with another.alone():
            waiting = pool.submit(own_networks.keep, Definition("second"), nothing)
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
            kept.keep(Definition("first"), nothing, ME)
        with pytest.raises(LimitError, match="You keep 1 networks"):
            waiting.result()
    another.close()
    assert [network.definition.text for network in kept.scan().networks] == ["first"]
