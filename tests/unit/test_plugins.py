"""Enabled plug-ins are found as installed packages declare them, and a wrong one is refused at the start."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from services.moderation.judging.plugins import PluginError, load_classifiers

Install = Callable[..., None]

GOOD = """
class Model:
    name = "{name}"
    batch_size = 8
    timeout_seconds = 1
    on_failure = "ignore"
    def classify(self, batch):
        return [[] for _ in batch]
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a package on the path as an installer leaves it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def place(name: str, source: str = GOOD, package: str = "first", attribute: str = "Model") -> None:
        module = f"plugin_{package}"
        (tmp_path / f"{module}.py").write_text(source.replace("{name}", name))
        info = tmp_path / f"{package}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[plaudit.classifiers]\n{name} = {module}:{attribute}\n")
        monkeypatch.delitem(sys.modules, module, raising=False)

    return place


def test_none_enabled() -> None:
    assert load_classifiers([]) == []


def test_those_enabled_are_made_in_their_order(install: Install) -> None:
    install("politeness", package="first")
    install("topic-7", package="second")
    install("unused", "raise SystemExit", package="third")

    assert [made.name for made in load_classifiers(["topic-7", "politeness"])] == ["topic-7", "politeness"]


def test_a_name_that_nobody_gave(install: Install) -> None:
    install("politeness")

    with pytest.raises(PluginError, match=r"no classifier is called 'polite'; installed are: .*politeness"):
        load_classifiers(["polite"])


def test_the_same_name_from_two_packages(install: Install) -> None:
    install("politeness", package="first")
    install("politeness", package="second")

    with pytest.raises(PluginError, match=r"several packages .* 'politeness': first, second"):
        load_classifiers(["politeness"])


def test_a_name_given_twice(install: Install) -> None:
    install("politeness")

    with pytest.raises(PluginError, match="enabled twice"):
        load_classifiers(["politeness", "politeness"])


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("Other = 1", "AttributeError"),
        ("def Model(): raise OSError('no model file')", "OSError: no model file"),
        ("Model = 7", "TypeError"),
    ],
)
def test_one_that_cannot_be_made(install: Install, source: str, says: str) -> None:
    install("politeness", source)

    with pytest.raises(PluginError, match=f"politeness cannot be loaded: {says}"):
        load_classifiers(["politeness"])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("name = 'other'", "`name` must be 'politeness'"),
        ("batch_size = 0", "`batch_size`"),
        ("batch_size = 2.5", "`batch_size`"),
        ("batch_size = True", "`batch_size`"),
        ("timeout_seconds = 0", "`timeout_seconds`"),
        ("timeout_seconds = float('nan')", "`timeout_seconds`"),
        ("timeout_seconds = 3600", "`timeout_seconds`"),
        ("timeout_seconds = 'long'", "`timeout_seconds`"),
        ("on_failure = 'reject'", "`on_failure`"),
        ("classify = None", "`classify`"),
    ],
)
def test_one_that_is_not_what_was_agreed(install: Install, line: str, says: str) -> None:
    install("politeness", f"{GOOD}    {line}\n")

    with pytest.raises(PluginError, match=says):
        load_classifiers(["politeness"])


@pytest.mark.parametrize(
    ("name", "says"), [("lexicon", "built-in detector"), ("Polite", "lower-case"), ("x" * 65, "64 at the most")]
)
def test_names_that_may_not_be_had(install: Install, name: str, says: str) -> None:
    install(name)

    with pytest.raises(PluginError, match=says):
        load_classifiers([name])
