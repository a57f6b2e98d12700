"""Networks as text, read in a process of their own: nothing that goes wrong there reaches the server.

The functions here take a :class:`~cnnviz.own.definition.Definition` and give plain data, checked on arrival. They may be
called from any thread; the process starts with the first call, or with :func:`start`, and ends with the server.
"""

from cnnviz.own.sandbox.client import (
    autograd_dot,
    changes,
    editable,
    read,
    start,
    torchinfo_report,
    trial_written,
)

__all__ = ["autograd_dot", "changes", "editable", "read", "start", "torchinfo_report", "trial_written"]
