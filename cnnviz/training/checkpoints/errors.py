"""What can go wrong with trained weights."""

from __future__ import annotations

from cnnviz.errors import CnnvizError
from cnnviz.language import Message


class CheckpointError(CnnvizError):
    """A checkpoint cannot be trusted or does not fit; the others go on working."""

    def __init__(self, checkpoint_id: str, reason: Message) -> None:
        super().__init__(
            Message("The checkpoint {id} cannot be used: {reason}.", id=checkpoint_id, reason=reason)
        )
        self.id = checkpoint_id
