"""W3C trace context, taken over from whoever sends something."""

from __future__ import annotations

import re

from shared.events.cloudevents import traceparent

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def continued(given: str | None) -> str:
    """The trace that was given if it is one, else a new one."""
    return given if given is not None and _TRACEPARENT.fullmatch(given) else traceparent()
