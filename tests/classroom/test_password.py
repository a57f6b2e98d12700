import pytest

from cnnviz.classroom.password import (
    FORGOTTEN_AFTER,
    FREE_ATTEMPTS,
    LONGEST_WAIT,
    MOST_ATTEMPTS,
    WAIT_OF_ALL,
    Attempts,
    PasswordError,
    digest,
    is_digest,
    matches,
)

KNOWN = digest("correct horse")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of attempts, without the time that each is meant to take."""
    monkeypatch.setattr(
        "cnnviz.classroom.password.matches", lambda password, _known: password == "correct horse"
    )


def wrong(attempts: Attempts, address: str = "one") -> str:
    with pytest.raises(PasswordError) as caught:
        attempts.check("wrong", KNOWN, address)
    return str(caught.value)


def test_a_digest_holds_no_password_and_differs_each_time() -> None:
    assert is_digest(KNOWN)
    assert "correct" not in KNOWN
    assert digest("correct horse") != KNOWN
    assert matches("correct horse", KNOWN)
    assert not matches("correct hors", KNOWN)
    assert not is_digest("scrypt:no:hex")
    assert not is_digest("correct horse")


@pytest.mark.usefixtures("quick")
def test_the_wait_doubles_and_the_right_password_does_not_pass_during_it() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _attempt in range(FREE_ATTEMPTS):
        assert "not the teacher's" in wrong(attempts)
    assert "try again in 2 s" in wrong(attempts)
    with pytest.raises(PasswordError, match="try again"):
        attempts.check("correct horse", KNOWN, "one")
    clock.now += 2
    assert "not the teacher's" in wrong(attempts)
    assert "try again in 4 s" in wrong(attempts)
    clock.now += 4
    attempts.check("correct horse", KNOWN, "one")
    assert "not the teacher's" in wrong(attempts)  # what was wrong before is forgotten


@pytest.mark.usefixtures("quick")
def test_an_address_never_waits_longer_than_half_a_minute_and_old_attempts_are_forgotten() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _attempt in range(20):
        assert "not the teacher's" in wrong(attempts)
        clock.now += LONGEST_WAIT
    clock.now += FORGOTTEN_AFTER
    for _attempt in range(FREE_ATTEMPTS):
        assert "not the teacher's" in wrong(attempts)


@pytest.mark.usefixtures("quick")
def test_one_address_does_not_lock_the_others_out_but_many_together_are_stopped() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for number in range(MOST_ATTEMPTS):
        attempts.check("correct horse", KNOWN, "another")
        wrong(attempts, str(number))
    with pytest.raises(PasswordError, match="try again"):
        attempts.check("correct horse", KNOWN, "another")
    clock.now += WAIT_OF_ALL
    attempts.check("correct horse", KNOWN, "another")
