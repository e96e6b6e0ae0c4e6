"""The example plug-in, installed as its README says, is found by its entry point and works behind the guard."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/plaudit-alt-profanity"

ASK = """
import asyncio, json, sys
from services.moderation.judging.classifier import Writing
from services.moderation.judging.classifiers import Classifiers

async def main():
    classifiers = Classifiers.enabled(["alt-profanity"])
    writings = [Writing("shop", fields) for fields in json.load(sys.stdin)]
    stop, troubles = asyncio.Event(), []
    asyncio.get_running_loop().call_later(0.5, stop.set)
    await classifiers.watch(lambda name, trouble: troubles.append(trouble), stop)
    answers = await classifiers.classify(writings)
    signals = [[(s.detector, s.category, s.severity, s.field, s.start, s.end, s.matched, s.confidence)
                for s in answer.signals] for answer in answers]
    print(json.dumps({"signals": signals, "failures": [len(a.failures) for a in answers], "troubles": troubles}))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where the package is installed beside what is there anyway. Nothing is fetched."""
    source = tmp_path_factory.mktemp("source") / EXAMPLE.name  # builds leave files beside what they build
    target = tmp_path_factory.mktemp("target")
    shutil.copytree(EXAMPLE, source)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    install += ["--no-deps", "--no-build-isolation", "--target", str(target), str(source)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {**os.environ, "PYTHONPATH": f"{target}{os.pathsep}{ROOT}", "PYTHONWARNINGS": "error"}


def ask(environment: dict[str, str], fields: list[dict[str, str]]) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        input=json.dumps(fields),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_marks_the_sentence(environment: dict[str, str]) -> None:
    text = "  Fits well, \U0001f600! You are a fucking idiot, seller.\nThe colour is as shown."
    said = ask(environment, [{"text": "It fits well."}, {"title": "Good", "text": text}, {}])

    assert said["failures"] == [0, 0, 0]
    assert said["troubles"] == []
    assert said["signals"][0] == said["signals"][2] == []
    ((*what, confidence),) = said["signals"][1]
    start = text.index("You")
    end = text.index(".\n") + 1
    assert what == ["alt-profanity", "profanity", None, "text", start, end, text[start:end]]
    assert 0.97 <= confidence <= 1


def test_sentences_are_found_in_linear_time(environment: dict[str, str]) -> None:
    fields = [{"text": piece * (100_000 // len(piece))} for piece in (".", " ", ". ", "\n", "a", "! \n", "日本。")]

    said = ask(environment, fields)

    assert said["failures"] == [0] * len(fields)


def test_plaudit_check_asks_it(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "check", "--classifier", "alt-profanity"],
        input='{"id":1,"text":"It fits well."}\n{"id":2,"text":"You are a fucking idiot, seller."}\n{"id":3}\n',
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [1, 2, 3]
    assert [
        [flag["detector"] == "alt-profanity" for flag in answer["flags"]].count(True) for answer in answers[:2]
    ] == [
        0,
        1,
    ]


def test_a_service_does_not_start_without_what_is_enabled(environment: dict[str, str]) -> None:
    without = {**environment, "PYTHONPATH": str(ROOT), "PLAUDIT_CLASSIFIERS": "alt-profanity"}
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "serve", "moderation", "--part", "worker", "--port", "0"],
        env={**without, "PLAUDIT_POSTGRES": "postgres://nobody@127.0.0.1:1/nothing"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 1
    assert "plaudit: no classifier is called 'alt-profanity'" in done.stderr
    assert "Traceback" not in done.stderr
