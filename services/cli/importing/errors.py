"""What ends an import before its file does."""

from __future__ import annotations


class ImportProblem(Exception):
    """Says what is wrong and how to put it right, and never what a review says."""


class Interrupted(Exception):
    """A person, or the system, asked the import to stop."""
