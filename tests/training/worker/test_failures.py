"""Why a training failed, in words."""

from __future__ import annotations

from cnnviz.tracing.lines import note_line
from cnnviz.training.worker.failures import first_line, too_little_memory, with_line


def test_an_error_is_told_with_its_line_and_too_little_memory_with_what_to_do() -> None:
    error = RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory\nframe #0"
    )
    told = too_little_memory(error, {"batch_size": 64})
    assert told is not None
    assert "Choose a batch size below 64" in str(told)
    assert with_line(error, told) == told
    note_line(error, 7)
    assert str(with_line(error, told)).startswith("Line 7: There is not enough memory")


def test_any_other_error_is_told_by_its_first_line() -> None:
    assert too_little_memory(ValueError("odd"), {}) is None
    assert first_line(ValueError("odd\nat length")) == "odd"
    assert first_line(ZeroDivisionError()) == "ZeroDivisionError"
