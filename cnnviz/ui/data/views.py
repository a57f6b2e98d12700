"""The views of the Data page."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cnnviz.language import Message
from cnnviz.ui.data import contents, preparation
from cnnviz.ui.data.contents import Subject
from cnnviz.ui.shared.views import View

VIEWS: Mapping[str, View[[Subject]]] = MappingProxyType(
    {
        "samples": View(Message("Samples"), contents.samples),
        "classes": View(Message("Classes"), contents.classes),
        "values": View(Message("Values"), contents.values),
        "recipe": View(Message("Preparation"), preparation.show),
    }
)
