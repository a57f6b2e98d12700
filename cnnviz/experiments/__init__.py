"""The course's arguments as experiments: a claim, recipes that test it, one figure, and a verdict.

Each experiment is a file in :mod:`cnnviz.experiments.catalogue`. Importing this imports no torch.
"""

from cnnviz.experiments.catalogue import get, keys, registered
from cnnviz.experiments.experiment import Experiment, Outcome, Outcomes, Panel, Setting, Variant, Verdict

__all__ = [
    "Experiment",
    "Outcome",
    "Outcomes",
    "Panel",
    "Setting",
    "Variant",
    "Verdict",
    "get",
    "keys",
    "registered",
]
