from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cnnviz.storage.parts import Part, in_force, part_of


def test_an_object_of_a_growing_file_is_told_from_a_file() -> None:
    part = Part("events/one", 7, 123, 45)
    assert part_of(part.name, 45) == part
    assert part_of("steps.bin", 45) is None
    assert part_of("snapshots/000000001-0001.safetensors", 45) is None


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.randoms(), st.data())
def test_those_count_that_follow_each_other_from_the_beginning_of_the_last_generation(
    sizes: list[int], random: object, data: st.DataObject
) -> None:
    ends = [sum(sizes[: index + 1]) for index in range(len(sizes))]
    new = [Part("f", 5, end - size, size) for end, size in zip(ends, sizes, strict=True)]
    old = [Part("f", generation, offset, 3) for generation in (1, 4) for offset in (0, 3, 6)]
    late = [Part("f", 9, 12, 1)]  # a generation whose beginning is not there yet
    listed = data.draw(st.permutations([*new, *old, *late]))
    assert list(in_force(listed)) == new
    missing = data.draw(st.sampled_from(new[1:])) if len(new) > 1 else None
    if missing is not None:
        assert list(in_force([part for part in listed if part != missing])) == new[: new.index(missing)]


def test_nothing_counts_without_a_beginning() -> None:
    assert in_force([Part("f", 1, 4, 4)]) == ()
