from __future__ import annotations

from collections.abc import Callable

import pytest

from cnnviz.experiments import running
from cnnviz.experiments.experiment import Experiment, Setting
from cnnviz.experiments.running import Group
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import worker
from tests.training.conftest import configuration as configuration
from tests.training.conftest import store as store

Carry = Callable[[Experiment, Setting], Group]


@pytest.fixture
def carry_out(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> Carry:
    """Run an experiment as the page does, but with the workers in this process."""
    monkeypatch.setattr(worker, "start_queued", lambda *_arguments, **_options: [])

    def carry_out_(experiment: Experiment, setting: Setting) -> Group:
        group_id = running.start(store, experiment, setting)
        while (run_id := store.take_next(1)) is not None:
            worker.main(run_id)
        group = running.group_of(store, group_id)
        assert group is not None
        return group

    return carry_out_
