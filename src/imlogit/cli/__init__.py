"""The command line: arguments in, tables out. What it does is done elsewhere."""

from imlogit.cli.app import run

__all__ = ["run"]
