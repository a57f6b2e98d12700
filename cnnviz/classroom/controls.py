"""The kinds of controls that a teacher can take away from the class, and from pages that are presented."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from cnnviz.language import Message


class Control(StrEnum):
    """A kind of controls, as the rules of the class name it."""

    TRAINING = "training"
    UPLOADS = "uploads"
    SHARING = "sharing"
    OWN = "own"
    EXPORT = "export"


TITLES: Mapping[Control, Message] = MappingProxyType(
    {
        Control.TRAINING: Message("Training: start, pause, stop, change, delete"),
        Control.UPLOADS: Message("Uploads and the camera"),
        Control.SHARING: Message("Sharing links and recipes"),
        Control.OWN: Message("Own networks"),
        Control.EXPORT: Message("Downloads"),
    }
)
