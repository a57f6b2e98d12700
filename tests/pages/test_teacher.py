"""A server that a class shares: who may control what, and the teacher's page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest
from torch import nn

import cnnviz
from cnnviz import experiments
from cnnviz.classroom import password, presence
from cnnviz.classroom.rules import rules, set_rules
from cnnviz.experiments import running
from cnnviz.training.store.runs import Kind, Status
from cnnviz.training.store.store import RunStore
from tests.pages.training_page import ME, SOMEBODY, buttons, mine, recipe, texts

OpenPage = Callable[..., AppTest]
TRAIN, TEACHER = "pages/train.py", "pages/teacher.py"
CONTROLS = {"pause", "stop", "tool-words"}


@pytest.fixture
def shared(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    """A class's store; nobody has shown the password yet."""
    monkeypatch.setenv("CNNVIZ_TEACHER_PASSWORD", "correct horse")
    known = password.Teachers()
    monkeypatch.setattr("cnnviz.ui.shared.rights.TEACHERS", known)
    here = presence.Presence()
    monkeypatch.setattr("cnnviz.ui.shared.classroom.PRESENCE", here)
    monkeypatch.setattr("cnnviz.ui.teacher.desk.PRESENCE", here)
    return store


def unlocked(open_page: OpenPage) -> AppTest:
    app = open_page(TEACHER)
    app.text_input(key="teacher-password").input("correct horse")
    app.button(key="unlock").click().run()
    assert not app.exception
    return app


def is_stopped(store: RunStore, run_id: str) -> bool:
    """Whether the run has stopped, or its worker will hear that it must."""
    return store.get(run_id).status == Status.STOPPED or Kind.STOP in store.requested(run_id)


def captions(app: AppTest) -> str:
    return "\n".join(caption.value for caption in app.caption)


def test_somebody_else_s_run_is_watched_and_not_controlled(open_page: OpenPage, shared: RunStore) -> None:
    theirs = shared.create(recipe(), owner=SOMEBODY)
    app = open_page(TRAIN, run=theirs)
    assert not CONTROLS & buttons(app).keys()
    assert "and the teacher, can control it" in captions(app)
    assert buttons(app)["branch"]  # everybody may go on from it with a run of their own
    own = mine(shared)
    app = open_page(TRAIN, run=own)
    app.button(key="stop").click().run()
    assert is_stopped(shared, own)


def test_the_teacher_controls_everything(open_page: OpenPage, shared: RunStore) -> None:
    theirs, from_terminal = shared.create(recipe(), owner=SOMEBODY), shared.create(recipe())
    assert not CONTROLS & buttons(open_page(TRAIN, run=from_terminal)).keys()
    unlocked(open_page)
    open_page(TRAIN, run=from_terminal).button(key="stop").click().run()
    app = open_page(TRAIN, run=theirs)
    app.toggle(key="steer-others").set_value(True).run()
    app.button(key="stop").click().run()
    assert is_stopped(shared, from_terminal)
    assert is_stopped(shared, theirs)


def test_nothing_of_the_teacher_s_is_there_without_the_password(
    open_page: OpenPage, shared: RunStore
) -> None:
    shared.create(recipe(), owner=SOMEBODY)
    app = open_page(TEACHER)
    assert "stop-all" not in buttons(app)
    app.text_input(key="teacher-password").input("wrong")
    app.button(key="unlock").click().run()
    assert "not the teacher's password" in texts(app)
    assert "stop-all" not in buttons(app)


def test_the_teacher_sees_who_is_there_stops_runs_and_locks_the_page(
    open_page: OpenPage, shared: RunStore
) -> None:
    theirs = shared.create(recipe(), owner=SOMEBODY)
    app = unlocked(open_page)
    (table,) = app.dataframe
    assert list(table.value["Person"]) == [ME[:6]]
    assert "Runs use 0 MB of disk space (0 MB of it in the trash); the limit is 20,000 MB." in captions(app)
    with cnnviz.watch(nn.Linear(1, 1)) as run:  # stops in its own program alone
        app.run()
        assert f"stop-{run.id}" not in buttons(app)
        app.button(key="stop-all").click().run()
        assert not texts(app)
        assert shared.get(run.id or "").status == Status.RUNNING
    assert is_stopped(shared, theirs)
    app.button(key="lock").click().run()
    assert "stop-all" not in buttons(app)
    assert app.text_input(key="teacher-password").value == ""


def test_a_limit_that_the_teacher_sets_stops_the_next_run(open_page: OpenPage, shared: RunStore) -> None:
    set_rules(limits={"epochs": 2})
    app = open_page(TRAIN, model="basic-cnn", dataset="mnist-sample", epochs="3")
    app.button(key="start").click().run()
    assert "A run of 3 epochs is too long for this class; choose at most 2." in texts(app)
    assert shared.list() == []
    app = unlocked(open_page)
    app.number_input(key="limit-epochs").set_value(3)
    app.button(key="apply-limits").click().run()
    teachers_own = open_page(TRAIN, model="basic-cnn", dataset="mnist-sample", epochs="5")
    teachers_own.button(key="start").click().run()  # no limit is the teacher's
    assert [run.epochs for run in shared.list()] == [5]
    assert rules().limits["epochs"] == 3


def test_waiting_runs_of_one_person_are_limited(open_page: OpenPage, shared: RunStore) -> None:
    set_rules(limits={"runs": 1})
    mine(shared)
    app = open_page(TRAIN, model="basic-cnn", dataset="mnist-sample", epochs="1")
    app.button(key="start").click().run()
    assert "you would have 2 runs that train or wait" in texts(app)
    assert len(shared.list()) == 1


def test_a_hidden_page_is_neither_in_the_menu_nor_behind_its_link(
    open_page: OpenPage, shared: RunStore
) -> None:
    app = unlocked(open_page)
    shown = [name for name in app.multiselect[0].options if name != "Experiments"]
    assert len(shown) == len(app.multiselect[0].options) - 1
    app.multiselect(key="teacher-pages").set_value([name.lower() for name in shown]).run()
    assert rules().hidden == ("experiments",)
    assert not any("hidden this page" in info.value for info in open_page("pages/experiments.py").info)
    app.button(key="lock").click().run()
    closed = open_page("pages/experiments.py")
    assert "Your teacher has hidden this page for now." in texts(closed)
    assert not closed.title


def send(app: AppTest, address: str) -> None:
    """Ask everybody to open a link."""
    app.text_input(key="teacher-link").input(address)
    app.button(key="send").click().run()


def test_a_link_for_everybody_is_shown_until_it_is_opened_or_closed(
    open_page: OpenPage, shared: RunStore
) -> None:
    app = unlocked(open_page)
    send(app, "https://elsewhere.example/login")
    assert "is no link to a page of this server" in texts(app)
    assert rules().invitation is None
    send(app, "http://10.0.0.5:8501/architecture?model=inception-mini&view=why")
    app.button(key="lock").click().run()
    student = open_page("pages/data.py")
    assert "close-invitation" in buttons(student)
    student.button(key="close-invitation").click().run()
    assert "close-invitation" not in buttons(student)
    assert "close-invitation" in buttons(open_page("app.py"))  # another session
    assert "close-invitation" in buttons(open_page("pages/architecture.py", model="basic-cnn"))
    there = open_page("pages/architecture.py", model="inception-mini", view="why")
    assert "close-invitation" not in buttons(there)


@pytest.mark.parametrize("address", ["", " ", "http://[", "teacher", "nonsense?x=1"])
def test_what_is_no_link_to_a_page_of_the_class_gets_a_sentence(
    open_page: OpenPage, shared: RunStore, address: str
) -> None:
    app = unlocked(open_page)
    send(app, address)
    assert not app.exception
    assert "is no link to a page of this server" in texts(app)
    assert rules().invitation is None


def test_a_link_leads_everybody_where_the_teacher_was_in_their_own_language(
    open_page: OpenPage, shared: RunStore
) -> None:
    app = unlocked(open_page)
    send(app, "http://x/architecture?model=inception-mini&lang=zh&embed=true")
    app.button(key="lock").click().run()
    (way,) = [
        link.proto
        for link in open_page("pages/data.py").get("page_link")
        if "model=incep" in link.proto.query_string
    ]
    assert (way.page, way.query_string) == ("architecture", "model=inception-mini")


def test_a_page_that_was_drawn_for_the_teacher_does_nothing_any_more_once_it_is_locked(
    open_page: OpenPage, shared: RunStore
) -> None:
    theirs = shared.create(recipe(), owner=SOMEBODY)
    page, run = unlocked(open_page), open_page(TRAIN, run=theirs)
    run.toggle(key="steer-others").set_value(True).run()
    open_page(TEACHER).button(key="lock").click().run()  # in another tab
    page.button(key="stop-all").click().run()
    run.button(key="stop").click().run()
    assert not is_stopped(shared, theirs)
    assert "Only its owner and the teacher" in texts(run)
    assert "stop-all" not in buttons(page)


LIMITED = {
    "images": (800, {"epochs": "1"}, "images in all"),
    "parameters": (100, {"epochs": "1"}, "has 8,490 parameters"),
    "batch_mb": (1, {"epochs": "1", "batch_size": "640"}, "A batch of 640 images takes 2 MB"),
    "cores": (
        5,
        {"epochs": "1", "threads": "3", "workers": "2"},
        "2 processes of 3 threads each would use 6 cores, and this class allows 5",
    ),
    "memory_mb": (600, {"epochs": "1", "batch_size": "100"}, "MB of memory, and this class allows 600"),
}


@pytest.mark.parametrize("name", LIMITED)
def test_every_limit_of_a_run_says_what_to_choose(open_page: OpenPage, shared: RunStore, name: str) -> None:
    limit, form, sentence = LIMITED[name]
    set_rules(limits={name: limit})
    app = open_page(TRAIN, model="basic-cnn", dataset="mnist-sample", **form)
    app.button(key="start").click().run()
    assert sentence in texts(app)
    assert shared.list() == []


def test_an_experiment_counts_with_all_its_runs_and_a_resumed_run_counts_too(
    open_page: OpenPage, shared: RunStore
) -> None:
    set_rules(limits={"runs": 1})
    app = open_page("pages/experiments.py", experiment="depth-without-shortcuts")
    app.button(key="start").click().run()
    assert "runs that train or wait" in texts(app)
    assert shared.list() == []
    first = mine(shared)
    shared.request_stop(first)
    mine(shared)
    app = open_page(TRAIN, run=first)
    app.button(key="resume").click().run()
    assert "you would have 2 runs that train or wait" in texts(app)
    assert shared.get(first).status == Status.STOPPED


def test_full_disk_sends_old_runs_to_the_trash_and_then_refuses(
    open_page: OpenPage, shared: RunStore
) -> None:
    set_rules(limits={"disk_mb": 1})
    old, named = mine(shared), mine(shared)
    shared.describe(named, "my best", None)
    for run in (old, named):
        shared.request_stop(run)
        shared.folder(run).mkdir(parents=True)
        (shared.folder(run) / "state").write_bytes(b"." * 700_000)
    app = open_page(TRAIN, model="basic-cnn", dataset="mnist-sample", epochs="1")
    app.button(key="start").click().run()
    assert "runs of this class use 2 MB of disk space, and only 1 are allowed" in texts(app)
    assert [run.id for run in shared.list()] == [named]
    app = open_page(TRAIN, run=named)
    assert "runs without a name were moved to the trash (1)" in texts(app)
    app.button(key=f"restore-{old}").click().run()
    app = open_page(TRAIN, model="basic-cnn", dataset="mnist-sample", epochs="1")
    app.button(key="start").click().run()
    assert [run.id for run in shared.list()] == [named, old]


def test_the_teacher_s_training_is_limited_by_memory_alone(open_page: OpenPage, shared: RunStore) -> None:
    set_rules(limits={"memory_mb": 600, "disk_mb": 1})
    unlocked(open_page)
    app = open_page(TRAIN, model="basic-cnn", dataset="mnist-sample", epochs="1")
    app.button(key="start").click().run()
    assert "this class allows 600" in texts(app)
    assert shared.list() == []


def test_who_asks_for_too_many_pages_is_told_to_wait(
    open_page: OpenPage, shared: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cnnviz.ui.shared.classroom.REQUESTS", presence.Requests(lambda: 0.0))
    set_rules(limits={"requests": 2})
    assert open_page("pages/data.py").title
    assert open_page("app.py").title
    app = open_page("pages/data.py")
    assert not app.title
    assert "more than 2 pages and updates within a minute" in texts(app)
    assert "Wait 30 s" in texts(app)


def test_a_file_that_is_too_large_for_the_class_is_refused(open_page: OpenPage, shared: RunStore) -> None:
    set_rules(limits={"upload_mb": 1})
    app = open_page(TRAIN, model="basic-cnn", dataset="mnist-sample")
    (files,) = [upload for upload in app.get("file_uploader") if upload.key == "upload-files"]
    assert files.proto.max_upload_size_mb == 1
    files.upload("w.safetensors", b"." * 1_200_000).run()
    app.button(key="keep-upload").click().run()
    assert "The file has 1.2 MB, and this class allows 1; choose a smaller one." in texts(app)


def test_a_server_without_a_password_is_one_person_s_own(open_page: OpenPage, store: RunStore) -> None:
    theirs = store.create(recipe(), owner=SOMEBODY)
    app = open_page(TRAIN, run=theirs)
    app.toggle(key="steer-others").set_value(True).run()
    app.button(key="stop").click().run()
    assert is_stopped(store, theirs)
    assert "one person's own" in texts(open_page(TEACHER))


def test_what_the_teacher_switches_off_is_not_drawn_and_does_nothing_any_more(
    open_page: OpenPage, shared: RunStore
) -> None:
    own = mine(shared)
    before = open_page(TRAIN, run=own)
    desk = unlocked(open_page)
    chosen = desk.multiselect(key="teacher-controls")
    desk.multiselect(key="teacher-controls").set_value([n for n in chosen.value if n != "training"]).run()
    assert rules().controls == ("training",)
    desk.button(key="lock").click().run()
    before.button(key="stop").click().run()
    assert not is_stopped(shared, own)
    assert "Your teacher has switched this off for now." in [error.value for error in before.error]
    after = open_page(TRAIN, run=own)
    assert not {"start", "stop", "pause", "branch"} & buttons(after).keys()


def test_nothing_is_undone_where_it_is_switched_off(open_page: OpenPage, shared: RunStore) -> None:
    group = running.start(shared, experiments.get("pixels-in-disorder"), "quick", ME)
    shared.stop_group(group)
    app = open_page("pages/experiments.py", group=group)
    app.button(key="delete").click().run()
    set_rules(controls=("training",))
    app.button(key="undo-delete").click().run()
    assert "Your teacher has switched this off for now." in [error.value for error in app.error]
    assert "undo-delete" not in buttons(app)
    assert not [key for key in buttons(open_page(TRAIN)) if str(key).startswith("restore-")]
    assert shared.group(group) == []


def test_a_presented_page_has_the_controls_that_are_left(open_page: OpenPage, shared: RunStore) -> None:
    own = mine(shared)
    assert not {"start", "stop", "pause"} & buttons(open_page(TRAIN, run=own, present="1")).keys()
    set_rules(presented=("training",))
    assert {"start", "stop", "pause"} <= buttons(open_page(TRAIN, run=own, present="1")).keys()
    set_rules(controls=("training",))
    assert not {"start", "stop", "pause"} & buttons(open_page(TRAIN, run=own, present="1")).keys()


def test_nobody_opens_a_network_of_their_own_where_it_is_switched_off(
    open_page: OpenPage, shared: RunStore
) -> None:
    set_rules(controls=("own",))
    app = open_page("pages/architecture.py", model="own")
    assert "Your teacher has switched this off for now." in [info.value for info in app.info]
    assert not [e for e in app.get("bidi_component") if "editor" in e.proto.id]
