"""Regular expressions that are compiled when they are first used: most texts need none of them, and `plaudit check`
should not wait for a hundred of them to start.
"""

import re
from typing import Any, AnyStr, cast


class _Lazy:
    def __init__(self, source: Any, flags: int) -> None:
        self._source, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(self._source, self._flags)
        for method in ("search", "match", "fullmatch", "finditer", "findall", "sub", "split", "pattern"):
            setattr(self, method, getattr(compiled, method))  # from now on found without coming here
        return getattr(compiled, name)


def lazy(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """As `re.compile`, but that errors in `source` show at the first use: every pattern has its tests."""
    return cast("re.Pattern[AnyStr]", _Lazy(source, flags))
