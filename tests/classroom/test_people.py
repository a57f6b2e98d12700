from cnnviz.classroom.people import is_among, is_token, name_of, new_token, stored


def test_a_name_tells_nothing_of_its_token_and_is_always_the_same() -> None:
    token = new_token()
    assert is_token(token)
    assert token not in name_of(token)
    assert name_of(token) == name_of(token) != name_of(new_token())


def test_what_versions_before_stored_becomes_the_name() -> None:
    token = new_token()
    assert stored(token) == name_of(token) == stored(name_of(token))


def test_nobody_is_among_nobody() -> None:
    name = name_of(new_token())
    assert is_among(name, [None, name])
    assert not is_among(name, [None, name_of(new_token())])
    assert not is_among(name, [])
