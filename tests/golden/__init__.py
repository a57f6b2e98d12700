"""Exact numbers of the course's networks, and the table that a student sees there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ARCHITECTURES: dict[str, Any] = json.loads((Path(__file__).parent / "architectures.json").read_text())
INCEPTION_MINI_TABLE = (Path(__file__).parent / "inception-mini.torchsummary.txt").read_text()
