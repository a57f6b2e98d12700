"""The command line: the same core without a browser."""

from cnnviz.cli.main import main

__all__ = ["main"]
