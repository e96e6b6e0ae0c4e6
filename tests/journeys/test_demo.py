"""`plaudit demo` as a stranger runs it: the real command, from an empty directory to the public answer."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from services.cli.demo.sample import load_sample
from services.cli.embedded.datadir import DataDir, is_free, temporary_data_dir
from services.moderation.policy.policy import default_policy

COUNT = len(load_sample())
DEFAULT = f"default@{default_policy().version}"
ADDRESS = re.compile(r"127\.0\.0\.1:(\d+)")
LAST_EXAMPLE = "# and read it with the answer"


@contextmanager
def running(*options: str, temporary: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """The command, its output to be read line by line; ended with the block if it has not ended by itself."""
    environment = {**os.environ, "COLUMNS": "100"} | ({"TMPDIR": str(temporary)} if temporary else {})
    with subprocess.Popen(
        [sys.executable, "-m", "services.cli", "demo", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()


def read_until(process: subprocess.Popen[str], wanted: str, lines_after: int = 0) -> list[str]:
    """Its lines up to the one that begins with `wanted`, and some more."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith(wanted):
            lines += [next(process.stdout).rstrip("\n") for _ in range(lines_after)]
            return lines
    raise AssertionError("the demo ended early:\n" + "\n".join(lines))


def commands(lines: list[str]) -> list[str]:
    """What is to be pasted: the lines after those that explain."""
    return [command for what, command in pairwise(lines) if what.startswith("# ")]


def paste(script: list[str]) -> list[Any]:
    """In one shell, as somebody would; what is answered is one JSON document after the other."""
    done = subprocess.run(["/bin/sh", "-c", "\n".join(script)], capture_output=True, text=True, check=True, timeout=60)
    decoder, rest, answers = json.JSONDecoder(), done.stdout.strip(), []
    while rest:
        answer, end = decoder.raw_decode(rest)
        answers.append(answer)
        rest = rest[end:].strip()
    return answers


def nothing_listens(lines: list[str]) -> bool:
    ports = {int(port) for line in lines for port in ADDRESS.findall(line)}
    assert ports, "the output names no address"
    return all(is_free(port) for port in ports)


def tally(lines: list[str], outcome: str) -> int:
    """How many rows of the table have the outcome."""
    return sum(bool(re.search(rf" (HTTP |batch|Kafka) +{outcome} ", line)) for line in lines)


def test_a_demo_that_stays_can_be_tried_stopped_and_continued() -> None:
    if shutil.which("curl") is None:
        pytest.skip("the examples are curl calls, and curl is not installed")
    with temporary_data_dir() as data_dir:
        kept = f"--data-dir={data_dir.root}"
        with running("--stay", kept) as process:
            lines = read_until(process, LAST_EXAMPLE, 1)
            first = [line for line in lines if line.startswith("✓ ")]
            assert any(re.fullmatch(rf"✓ decisions: {COUNT} +[\d.]+ s", line) for line in first)
            assert any("exactly the approved ones" in line for line in first)
            assert f"✓ decided by policy {DEFAULT}: {COUNT} reviews" in first
            assert sum("(held): 404" in line or "(rejected): 404" in line for line in first) == 2
            assert tally(lines, "approved") + tally(lines, "held") + tally(lines, "rejected") == COUNT
            assert min(tally(lines, "held"), tally(lines, "rejected")) >= 10
            assert any(line.startswith("2 dead letters") for line in lines)
            assert any(line.startswith("all ") and line.count(" ms") == 3 for line in lines)
            check_examples(commands(lines))
            check_policies(lines)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        assert nothing_listens(lines)
        again = subprocess.run(
            [sys.executable, "-m", "services.cli", "demo", kept],
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert again.returncode == 0, again.stdout + again.stderr
        assert again.stdout.count(f": {COUNT // 3} unchanged") == 2
        # What the pasted calls approved and submitted is public too.
        before, after = (public_count("\n".join(lines)), public_count(again.stdout))
        assert after == before + 2
        assert "plk_" not in again.stdout
        assert (data_dir.root / "logs").exists()


def check_policies(lines: list[str]) -> None:
    """What is said about policies can be done as it is said."""
    hints = [re.search(r"plaudit ((?:policy|explain) .*)", line) for line in lines]
    listing, explaining, of_this_demo = [hint[1] for hint in hints if hint]
    assert of_this_demo.startswith(f"{listing} --data-dir=")
    listed, explained = (
        subprocess.run(
            [sys.executable, "-m", "services.cli", *shlex.split(command)],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
        for command in (of_this_demo, explaining)
    )
    assert DEFAULT in listed
    assert "held by rule contact-details" in explained


def check_examples(script: list[str]) -> None:
    """The answers to the pasted commands, in their order: the key's line has none."""
    key, *calls = script
    assert key.startswith("KEY=plk_")
    listing, summary, storefront, submitted, held, approved, shown, reply, replied = paste(script)
    assert len(listing["data"]) == 3
    assert summary["entity_id"] == "kettle-17"
    assert summary["count"] > 0
    assert storefront["Includes"]["Products"]["kettle-17"]["ReviewStatistics"]["TotalReviewCount"] == summary["count"]
    assert len(storefront["Results"]) == 2
    assert submitted["status"] == "pending"
    assert len(held["cases"]) == 3
    assert approved["status"] == "approved"
    assert reply["outcome"] == "set"
    # Within a moment, which a pasted call may fall into.
    for _ in range(100):
        shown, replied = paste([calls[6], calls[8]])
        if "id" in shown and "response" in replied:
            break
    assert shown["id"] == approved["review_id"]
    assert replied["response"]["content"].startswith("Thank you")
    (conflict,) = paste([key, calls[5]])
    assert conflict["error"]["code"] == "CONFLICT"


def public_count(output: str) -> int:
    """As the demo says it at its end."""
    approved = re.search(r"✓ \d+ reviews, (\d+) of them approved, and the public sees exactly these", output)
    assert approved is not None
    return int(approved[1])


def test_a_demo_that_is_interrupted_takes_everything_with_it() -> None:
    with temporary_data_dir() as temporary:
        with running(temporary=temporary.root) as process:
            lines = read_until(process, "✓ starting kafka and postgres")
            (root,) = temporary.root.iterdir()
            ports = json.loads((DataDir(root).run / "ports.json").read_text())
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130, lines
        assert list(temporary.root.iterdir()) == []
        assert all(is_free(port) for port in ports.values())
