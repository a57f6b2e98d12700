"""The app of :func:`cnnviz.hosted.starting.explore`: Streamlit, which ends when standard input does."""

from __future__ import annotations

import os
import runpy
import sys
import threading


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_input, daemon=True).start()
    sys.argv[0] = "streamlit"
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
