"""What is wrong with a policy, and where: the same for the command line, HTTP and tests."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """`line` and `column` count from 1, columns in code points. An error keeps a policy from being saved."""

    line: int
    column: int
    severity: Literal["error", "warning"]
    message: str
    hint: str | None = None


class PolicyErrors(ValueError):
    """A policy that cannot be used. `problems` holds all errors and warnings, by place."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        first = next((problem for problem in problems if problem.severity == "error"), problems[0])
        others = sum(problem.severity == "error" for problem in problems) - 1
        more = f" (and {others} more)" if others > 0 else ""
        super().__init__(f"line {first.line}, column {first.column}: {first.message}{more}")


def sort_problems(problems: Iterable[Problem]) -> list[Problem]:
    """By place, the first hundred: errors rather than warnings."""
    kept = sorted(problems, key=lambda problem: (problem.severity, problem.line, problem.column, problem.message))
    return sorted(kept[:_MOST], key=lambda problem: (problem.line, problem.column, problem.severity, problem.message))


def render_problems(problems: Iterable[Problem], source: str, filename: str) -> str:
    """As compilers write: place, message, the line with a mark under it, and how to mend it."""
    lines = source.split("\n")
    return "".join(_render(problem, lines, filename) for problem in problems)


def describe_problems(problems: Iterable[Problem]) -> list[dict[str, object]]:
    """For JSON."""
    return [asdict(problem) for problem in problems]


def did_you_mean(word: str, known: Iterable[str], most: int = 15) -> str | None:
    """A hint with the closest of `known`, else with all of them when they are at most so many."""
    names = list(known)
    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(word.lower(), by_lower, 1, _ALIKE)
    if close:
        return f"did you mean '{by_lower[close[0]]}'?"
    return "one of " + ", ".join(names) if names and len(names) <= most else None


_MOST: Final = 100
_ALIKE: Final = 0.7
_WIDEST: Final = 160


def _render(problem: Problem, lines: Sequence[str], filename: str) -> str:
    head = f"{filename}:{problem.line}:{problem.column}: {problem.severity}: {problem.message}\n"
    # Tabs would shift the mark.
    line = lines[problem.line - 1].rstrip("\r").replace("\t", " ") if problem.line <= len(lines) else ""
    at = problem.column - 1
    cut = max(0, at - _WIDEST // 2) if len(line) > _WIDEST else 0
    shown = f"   | {line[cut : cut + _WIDEST]}\n   | {' ' * (at - cut)}^\n"
    return head + shown + (f" hint: {problem.hint}\n" if problem.hint else "")
