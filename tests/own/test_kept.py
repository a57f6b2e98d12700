"""Own networks on the disk: kept once, listed, renamed, deleted and restored; damaged files are told."""

import json
import os
import time
from pathlib import Path

import pytest

from cnnviz.classroom.people import name_of, new_token
from cnnviz.errors import UsageError
from cnnviz.own import kept
from cnnviz.own.definition import Definition
from cnnviz.own.kept import DamagedError, NotKeptError
from cnnviz.own.reading import Reading, read

STUDENTS = Path(__file__).parent / "students"
ME, OTHER = "a" * 64, "b" * 64  # digests; a token of 32 digits is what versions before kept


def student(name: str) -> str:
    return (STUDENTS / f"{name}.py").read_text()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path))
    return tmp_path / "networks"


def keep(text: str, owner: str | None = ME, replaces: str | None = None) -> kept.Kept:
    definition = Definition(text)
    return kept.keep(definition, read(definition), owner, replaces)


def test_a_kept_network_tells_what_pages_must_know_before_it_is_built() -> None:
    made = keep(student("plain"))
    assert kept.get(made.key) == made
    assert (made.title, made.input_shape, made.classes, made.owner) == ("Net", (1, 28, 28), 10, ME)
    assert (made.runs, made.log_softmax, made.takes_images) == (True, False, True)
    assert keep(
        student("plain").replace("return self.fc(x)", "return F.log_softmax(self.fc(x), 1)")
    ).log_softmax
    broken = keep(student("wrong_linear"))
    assert (broken.runs, broken.classes, broken.input_shape) == (False, None, (1, 28, 28))
    maps = keep(student("autoencoder"))
    assert (maps.runs, maps.classes, maps.takes_images) == (True, None, False)


def test_the_same_network_kept_twice_is_one_and_belongs_to_both() -> None:
    mine = keep(student("plain"))
    keep(student("residual"))
    theirs = keep(student("plain"), OTHER)
    assert theirs.key == mine.key
    assert theirs.created_at == mine.created_at
    assert kept.listed(OTHER)[0].key == mine.key
    assert len(kept.listed()) == 2


def test_ones_own_come_first_and_the_newest_first_of_all() -> None:
    first, second = keep(student("plain")), keep(student("residual"))
    other = keep(student("sequential"), OTHER)
    assert [network.key for network in kept.listed()] == [other.key, second.key, first.key]
    assert [network.key for network in kept.listed(ME)] == [second.key, first.key, other.key]


def test_networks_of_one_title_are_numbered_in_the_order_in_which_they_were_kept() -> None:
    first, second = keep(student("plain")), keep(student("wrong_linear"))
    assert kept.labels(kept.listed()) == {first.key: "Net", second.key: "Net (2)"}


def test_a_text_without_a_class_has_no_title_that_would_stay() -> None:
    first = keep("x = 1\n")
    assert kept.labels([first]) == {first.key: "Network"}
    assert keep(student("plain"), replaces=first.key).title == "Net"


def test_a_new_version_takes_the_place_and_the_given_title_of_the_old_one() -> None:
    first = keep(student("wrong_linear"))
    kept.rename(first.key, " My \n net ")
    second = keep(student("plain"), replaces=first.key)
    assert [network.key for network in kept.listed(ME)] == [second.key]
    assert second.title == "My net"
    assert kept.get(first.key).replaced_by == second.key
    assert [network.key for network in (keep(student("wrong_linear"), replaces=second.key),)] == [first.key]
    assert [network.key for network in kept.listed(ME)] == [first.key]


def test_what_is_deleted_is_not_listed_can_be_opened_and_comes_back() -> None:
    made = keep(student("plain"))
    kept.delete(made.key)
    assert kept.listed() == ()
    assert kept.get(made.key).deleted_at is not None
    assert kept.restore(made.key) == made == kept.listed()[0]
    kept.delete(made.key)
    assert keep(student("plain")).is_listed


@pytest.mark.parametrize("title", ["", "  ", "a" * 81])
def test_a_title_that_is_none_is_refused(title: str) -> None:
    with pytest.raises(UsageError, match="1 to 80 characters"):
        kept.rename(keep(student("plain")).key, title)


def test_of_two_who_wrote_the_same_text_one_can_leave_it_to_the_other(folder: Path) -> None:
    definition = student("plain")
    keep(definition, ME)
    key = keep(definition, OTHER).key
    assert kept.get(key).owners == (ME, OTHER)
    assert kept.leave(key, ME).owners == (OTHER,)
    assert kept.get(key).is_listed


def test_a_token_that_a_file_holds_is_read_as_the_name_of_its_person(folder: Path) -> None:
    token = new_token()
    key = keep(student("plain"), token).key
    assert kept.get(key).owners == (name_of(token),)
    assert token not in (folder / f"{key}.json").read_text()


@pytest.mark.parametrize(
    "key", ["own-../../etc/passwd", "own-", "own-0123456789abcdeg", "own-" + "0" * 16, "x\0"]
)
def test_a_key_is_never_a_path(key: str, folder: Path) -> None:
    folder.mkdir()
    with pytest.raises(NotKeptError, match="not kept on this server"):
        kept.get(key)


def test_damaged_files_are_told_and_the_others_go_on_working(folder: Path) -> None:
    good, cut, other = (keep(student(name)) for name in ("plain", "residual", "sequential"))
    (folder / f"{cut.key}.json").write_bytes((folder / f"{cut.key}.json").read_bytes()[:-40])
    values = json.loads((folder / f"{other.key}.json").read_text())
    values["definition"]["text"] += "\n"
    (folder / f"{other.key}.json").write_text(json.dumps(values))
    (folder / "own-0000000000000000.json").write_text("[]")
    (folder / "own-0000000000000001.json").mkdir()
    (folder / "notes.json").write_text("none of ours")
    listing = kept.scan()
    assert [network.key for network in listing.networks] == [good.key]
    told = {problem.key: str(problem) for problem in listing.problems}
    assert set(told) == {cut.key, other.key, "own-0000000000000000", "own-0000000000000001"}
    assert "cannot be parsed" in told[cut.key]
    assert "describes a different network" in told[other.key]
    with pytest.raises(DamagedError, match="describes a different network"):
        kept.get(other.key)


def test_a_text_that_is_too_long_is_not_kept(folder: Path) -> None:
    with pytest.raises(UsageError, match="100,000 bytes"):
        kept.keep(Definition("#" * 100_001), Reading())
    assert not folder.exists()


def test_a_listing_of_a_hundred_networks_takes_a_few_milliseconds(folder: Path) -> None:
    values = json.loads((folder / f"{keep(student('plain')).key}.json").read_text())
    for number in range(100):
        values["definition"]["text"] = student("plain") + f"# {number}\n" + "#" * 20_000
        key = Definition(values["definition"]["text"]).key
        (folder / f"{key}.json").write_text(json.dumps(values))
    assert len(kept.listed()) == 101
    taken = []
    for _ in range(10):
        begun = time.perf_counter()
        kept.listed()
        taken.append(time.perf_counter() - begun)
    assert min(taken) < 0.02


def test_a_change_by_another_process_is_seen(folder: Path) -> None:
    made = keep(student("plain"))
    assert kept.listed()[0].title == "Net"
    path = folder / f"{made.key}.json"
    path.write_text(path.read_text().replace('"title": "Net"', '"title": "Ten"'))
    os.utime(path, ns=(time.time_ns() + 10**9, time.time_ns() + 10**9))
    assert kept.listed()[0].title == "Ten"
