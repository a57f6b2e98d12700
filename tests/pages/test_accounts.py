"""A class whose people have accounts: nothing without a login, and who is who."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.classroom import presence
from cnnviz.classroom.people import name_of_account
from cnnviz.training.store.store import RunStore
from cnnviz.ui.shared import accounts
from tests.pages.opening import opened
from tests.pages.training_page import ME, SOMEBODY, buttons, recipe, texts

ISSUER = "https://login.example"
ANN = {"is_logged_in": True, "iss": ISSUER, "sub": "1", "name": "Ann *A*", "email": "Ann@school.example"}
ANNS_KEY = name_of_account(ISSUER, "1")
NOBODY = {"is_logged_in": False}

OpenAs = Callable[..., AppTest]


@pytest.fixture
def open_as(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAs]:
    """Open a page of a server with accounts, on which ``teacher@school.example`` is a teacher."""
    monkeypatch.setenv("CNNVIZ_TEACHERS", "Teacher@school.example, other")
    here = presence.Presence()
    monkeypatch.setattr("cnnviz.ui.shared.classroom.PRESENCE", here)
    monkeypatch.setattr("cnnviz.ui.teacher.desk.PRESENCE", here)

    def open_(user: dict[str, Any], page: str = "app.py", **query: str) -> AppTest:
        def prepare(app: AppTest) -> None:
            app.secrets["auth"] = {"client_id": "cnnviz"}
            app.user = user

        return opened(page, query, prepare)

    accounts._section.cache_clear()
    yield open_
    accounts._section.cache_clear()


def test_nobody_sees_a_page_without_a_login(open_as: OpenAs) -> None:
    app = open_as(NOBODY, "pages/train.py", model="basic-cnn")
    assert [title.value for title in app.title] == ["Log in"]
    assert [key for key in buttons(app) if key] == ["login-"]
    assert not app.get("page_link")


def test_runs_belong_to_the_account(open_as: OpenAs, store: RunStore) -> None:
    app = open_as(ANN, "pages/train.py", model="basic-cnn", dataset="mnist-sample", epochs="1")
    app.button(key="start").click().run()
    (run,) = store.list()
    assert run.owner == ANNS_KEY
    assert len(ANNS_KEY) == 64
    assert ANNS_KEY not in (ME, SOMEBODY, name_of_account(ISSUER + "1", ""))
    assert "stop" in buttons(open_as(ANN, "pages/train.py", run=run.id))
    bob = {**ANN, "sub": "2"}  # whatever else an account says
    assert "stop" not in buttons(open_as(bob, "pages/train.py", run=run.id))


@pytest.mark.parametrize(
    ("told", "is_teacher"),
    [
        ({"email": "TEACHER@school.example", "email_verified": True}, True),
        ({"email": "teacher@school.example"}, False),  # anybody may have written it
        ({"email": "teacher@school.example", "email_verified": "true"}, False),
        ({"email": "ann@school.example", "email_verified": True}, False),
        ({"email_verified": True}, False),
    ],
)
def test_a_teacher_is_whose_verified_address_is_in_the_list(
    open_as: OpenAs, store: RunStore, told: dict[str, Any], is_teacher: bool
) -> None:
    store.create(recipe(), owner=ANNS_KEY)
    open_as(ANN)
    user = {"is_logged_in": True, "iss": ISSUER, "sub": "t", **told}
    app = open_as(user, "pages/teacher.py")
    assert ("stop-all" in buttons(app)) is is_teacher
    if is_teacher:
        assert "Ann \\*A\\*" in [caption.value for caption in app.caption]
    else:
        assert not app.text_input  # there is no password
        assert name_of_account(ISSUER, "t") in texts(app)


def test_a_key_in_the_list_makes_a_teacher_as_well(open_as: OpenAs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNNVIZ_TEACHERS", ANNS_KEY)
    assert "stop-all" not in buttons(open_as({**ANN, "sub": "2"}, "pages/teacher.py"))
    assert "One link for everybody" in [title.value for title in open_as(ANN, "pages/teacher.py").subheader]
