"""What can go wrong with data."""

from __future__ import annotations

from pathlib import Path

from cnnviz.errors import CnnvizError
from cnnviz.language import Message


class DatasetMissingError(CnnvizError):
    """A data set is not on this machine."""


class DatasetDamagedError(CnnvizError):
    """A file of a data set is not what it should be."""

    def __init__(self, path: Path, reason: Message, cure: Message) -> None:
        super().__init__(Message("{path} is damaged: {reason}. {cure}", path=path, reason=reason, cure=cure))
        self.path = path


class DownloadError(CnnvizError):
    """A data set could not be downloaded."""


def damaged_download(path: Path, reason: Message) -> DatasetDamagedError:
    """A file of a data set that can be downloaded again is not what it should be."""
    return DatasetDamagedError(path, reason, Message("Delete it and download the data set again."))
