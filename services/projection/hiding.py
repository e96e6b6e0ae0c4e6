"""When a key is hidden because a record of it could not be read, and from which sequence on it shows again.

Sequences are compared within one key of one topic only.
"""

from __future__ import annotations


def hide_from(current: int, hidden_from: int | None, sequence: int | None) -> int | None:
    """What `hidden_from` becomes with an unreadable record of this sequence; None is a sequence nobody could read.

    Such a record comes after the `current` one at least. Of several, the newest one hides; an old one does not.
    """
    if sequence is not None and sequence <= current:
        return hidden_from
    return max(hidden_from or 0, current + 1 if sequence is None else sequence)


def shown_by(hidden_from: int | None, sequence: int) -> int | None:
    """What `hidden_from` becomes with a readable record that is newer than the current one."""
    return None if hidden_from is not None and sequence >= hidden_from else hidden_from
