"""The query string as the vendor reads it: names in any case, what is repeated or unknown tolerated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

from services.query.bazaarvoice.errors import Code, refused
from services.query.core.query import storable

MAX_FIELDS = 200
MAX_SHOWN = 100
_BOOLEANS = {"true": True, "false": False}


class Parameters:
    """Values of each name in the order in which they were sent. Empty ones count as not sent."""

    __slots__ = ("_spelled", "_values")

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        values: dict[str, list[str]] = {}
        spelled: dict[str, str] = {}
        for name, value in pairs:
            if value:
                key = name.lower()
                values.setdefault(key, []).append(value)
                if "/" in name:
                    spelled.setdefault(key, name)
        self._values = values
        self._spelled = spelled

    def or_else(self, other: Parameters) -> Parameters:
        """These, and of names that are not among them the other's."""
        both = Parameters(())
        both._values = {**other._values, **self._values}
        both._spelled = {**other._spelled, **self._spelled}
        return both

    def scalar(self, name: str) -> str:
        """The first of several; '' without one. `name` is in lower case, here and below."""
        values = self._values.get(name)
        return values[0].strip() if values else ""

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def items(self, name: str) -> list[str]:
        """A list's items, of all times that it was sent; empty ones dropped."""
        return [item.strip() for value in self.all(name) for item in value.split(",") if item.strip()]

    def typed(self, prefix: str) -> Iterator[tuple[str, list[str]]]:
        """Of `Filter_Comments` and its like: the type and the values; `prefix` is `filter_`."""
        for name, values in self._values.items():
            if name.startswith(prefix):
                yield name.removeprefix(prefix), values

    def names_after(self, prefix: str) -> list[str]:
        """Values that stand in names, as in `tagid_Pro/Soft`, in the spelling in which they came; of `tagid_pro/`."""
        slashes = prefix.count("/")
        found = [whole for key, whole in self._spelled.items() if key.startswith(prefix) and len(key) > len(prefix)]
        return [whole.split("/", slashes)[-1] for whole in found]

    def flag(self, name: str) -> bool:
        """Raises Refused for what is neither true nor false."""
        text = self.scalar(name)
        if not text:
            return False
        value = read_boolean(text)
        if value is None:
            raise refused(Code.INVALID_PARAMETERS, f"Invalid value of '{name}': send true or false.")
        return value


def read_boolean(text: str) -> bool | None:
    return _BOOLEANS.get(text.lower())


def read_parameters(query_string: bytes) -> Parameters:
    """Raises Refused for what cannot be text of a database, and for more parameters than any client sends."""
    try:
        text = query_string.decode()
    except UnicodeDecodeError:
        text = query_string.decode("latin-1")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise refused(
            Code.INVALID_PARAMETERS, f"Too many parameters: send {MAX_FIELDS} at the most; lists take commas."
        ) from None
    if not all(storable(value) for _, value in pairs):
        raise refused(Code.INVALID_PARAMETERS, "A parameter holds a NUL or a lone surrogate: send text as UTF-8.")
    return Parameters(pairs)


def shown(text: str) -> str:
    """A name as it was sent, for a message: no longer than a name is."""
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"
