"""`plaudit check`: a line out for each line in, whatever the line, with the places of what was found."""

from __future__ import annotations

import gzip
import json
import os
import resource
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli.app import app
from services.moderation.engine.signal import Category, Detector, Severity

PLAUDIT = [sys.executable, "-m", "services.cli"]
POLICY = """
name: house
rules:
  - name: mail
    when: signals.exists(s, s.detector == "email")
    outcome: reject
    codes: [PII]
    note: Holds an e-mail address.
  - {name: german, when: 'review.locale == "de" && review.title == "Titel"', outcome: hold, queue: german, note: n}
default: {outcome: approve, note: n}
"""


def check(data: bytes | str, *options: str) -> tuple[int, list[Any], str]:
    """Exit code, answers, and what was said on standard error."""
    given = data.encode() if isinstance(data, str) else data
    done = CliRunner().invoke(app, ["check", *options], input=given, catch_exceptions=False)
    return done.exit_code, [json.loads(line) for line in done.stdout_bytes.splitlines()], done.stderr


def lines(*values: dict[str, Any]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def test_an_approved_text() -> None:
    code, answers, _ = check(lines({"id": 1, "text": "It fits well.", "title": "Good", "rating": 5, "locale": "en"}))

    assert code == 0
    assert answers == [{"id": 1, "decision": "approved", "rule": "default", "codes": [], "flags": []}]


def test_what_is_found_has_its_place_in_the_text_as_it_was_given() -> None:
    text = "\U0001f600 Ünïcode first: write to jane@example.com"
    code, answers, _ = check(lines({"id": "a", "text": text, "title": "What a fucking mess"}))

    assert code == 0
    (answer,) = answers
    assert list(answer) == ["id", "decision", "rule", "codes", "flags"]
    assert answer["decision"] == "rejected"
    assert "PRF" in answer["codes"]
    mail = next(flag for flag in answer["flags"] if flag["detector"] == "email")
    assert mail == {
        "detector": "email",
        "category": "contact",
        "severity": None,
        "field": "text",
        "start": 26,
        "end": 42,
        "matched": "jane@example.com",
    }
    word = next(flag for flag in answer["flags"] if flag["detector"] == "lexicon")
    assert (word["category"], word["severity"], word["field"], word["start"]) == ("profanity", "strong", "title", 7)


def test_a_line_that_is_wrong_is_answered_in_its_place() -> None:
    data = b'{"id":1,"text":"a"}\nnope\n\n{"id":2}\n{"id":3,"text":"b\xff"}\n[]\n{"id":4,"text":"c"}'
    code, answers, _ = check(data)

    assert code == 1
    assert [(answer["id"], answer.get("error", {}).get("line")) for answer in answers] == [
        (1, None),
        (None, 2),
        (2, 4),
        (3, 5),
        (None, 6),
        (4, None),
    ]
    assert answers[2] == {"id": 2, "error": {"line": 4, "field": "text", "message": "is missing"}}


def test_a_line_that_is_too_long_is_answered_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.cli.checking.run.LONGEST_LINE", 100)
    code, answers, _ = check(lines({"id": 1, "text": "a"}, {"id": 2, "text": "b" * 200}, {"id": 3, "text": "c"}))

    assert code == 1
    assert [answer["id"] for answer in answers] == [1, None, 3]
    assert "longer than" in answers[1]["error"]["message"]


def test_nothing_in_nothing_out() -> None:
    assert check("") == (0, [], "")
    assert check("\n \n") == (0, [], "")


def test_a_byte_order_mark_is_no_text() -> None:
    assert check(b'\xef\xbb\xbf{"id":1,"text":"It fits."}')[1][0]["decision"] == "approved"


def test_a_first_line_of_nothing_but_a_byte_order_mark_is_blank() -> None:
    code, answers, _ = check(b'\xef\xbb\xbf\r\n{"id":1,"text":"It fits."}')
    assert (code, [answer["id"] for answer in answers]) == (0, [1])
    assert check(b"\xef\xbb\xbf") == (0, [], "")


def test_a_line_of_more_than_a_megabyte_is_not_read() -> None:
    code, answers, _ = check(lines({"id": 1, "text": "a" * 1024 * 1024}))
    assert code == 1
    assert "longer than 1,048,576 bytes" in answers[0]["error"]["message"]


@pytest.mark.parametrize("command", [["check"], ["check", "--verbose"], ["explain"]])
def test_closed_streams_are_said_in_a_line(command: list[str]) -> None:
    for closed, says in (("<&-", "standard input is closed"), (">&-", "standard output is closed")):
        shell = ["sh", "-c", f'"$@" {closed}', "sh", *PLAUDIT, *command]
        done = subprocess.run(shell, input="{}", capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert says in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_terminal_of_ascii_only(options: list[str]) -> None:
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = subprocess.run(
        [*PLAUDIT, "explain", *options], input="Größe: shït".encode(), capture_output=True, check=False, env=ascii_only
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (json.loads(done.stdout)["decision"] if options else done.stdout.decode("ascii")).startswith("rejected")
    asked = b'{"id":1,"text":"Gr\xc3\xb6\xc3\x9fe"}'
    done = subprocess.run([*PLAUDIT, "check"], input=asked, capture_output=True, check=False, env=ascii_only)
    assert (done.returncode, json.loads(done.stdout)["decision"]) == (0, "approved")


def test_files_gzip_and_standard_input_in_their_order(tmp_path: Path) -> None:
    first, second = tmp_path / "first.ndjson", tmp_path / "second.ndjson.gz"
    first.write_text('{"id":1,"text":"a"}\n{"id":2}')
    second.write_bytes(gzip.compress(b'{"id":3,"text":"b"}\n'))

    code, answers, _ = check('{"id":4,"text":"c"}', str(first), str(second), "-")

    assert code == 1
    assert [answer["id"] for answer in answers] == [1, 2, 3, 4]
    assert answers[1]["error"] == {"file": str(first), "line": 2, "field": "text", "message": "is missing"}


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08", b"no gzip", gzip.compress(b"{}" * 1000)[:-9]])
def test_a_damaged_file_is_said_in_a_line(tmp_path: Path, content: bytes) -> None:
    damaged = tmp_path / "damaged.gz"
    damaged.write_bytes(content)

    done = subprocess.run([*PLAUDIT, "check", damaged], capture_output=True, text=True, check=False)

    assert done.returncode == (2 if content else 0), done.stderr
    assert ("cannot be read" in done.stderr) == bool(content)
    assert "Traceback" not in done.stderr


def test_another_policy(tmp_path: Path) -> None:
    policy = tmp_path / "house.yaml"
    policy.write_text(POLICY)
    texts = lines(
        {"id": 1, "text": "write to jane@example.com"},
        {"id": 2, "text": "fuck"},
        {"id": 3, "text": "gut", "title": "Titel", "locale": "de"},
    )
    code, answers, stderr = check(texts, "--policy", str(policy))

    assert (code, stderr) == (0, "")
    assert [(answer["decision"], answer["rule"], answer["codes"]) for answer in answers] == [
        ("rejected", "mail", ["PII"]),
        ("approved", "default", []),
        ("held", "german", []),
    ]


def test_a_policy_with_an_error_is_refused_with_its_place(tmp_path: Path) -> None:
    policy = tmp_path / "house.yaml"
    policy.write_text(POLICY.replace("s.detector", "s.detectr"))

    done = subprocess.run(
        [*PLAUDIT, "check", "--policy", policy], input="", capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert f"{policy}:5:" in done.stderr
    assert "did you mean 'detector'?" in done.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--languages", "english"], "ISO 639-1"),
        (["--policy", "nowhere.yaml"], "nowhere.yaml"),
        (["--classifier", "nobody"], "no classifier is called 'nobody'"),
        (["nowhere.ndjson"], "nowhere.ndjson"),
    ],
)
def test_options_that_cannot_be(options: list[str], says: str) -> None:
    done = subprocess.run([*PLAUDIT, "check", *options], input="", capture_output=True, text=True, check=False)

    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_languages_and_words_of_the_site(tmp_path: Path) -> None:
    words = tmp_path / "words.yaml"
    words.write_text(
        "add:\n  - shoddyware\n  - {entry: grumblebox, category: insult, severity: mild}\n"
        "remove: [fuck]\ncompetitor: [Acme Gadgets]\n"
    )
    text = "This shoddyware is a grumblebox, fuck, get Acme Gadgets instead."
    code, answers, _ = check(lines({"id": 1, "text": text}), "--words", str(words), "--languages", "en,es")

    assert code == 0
    found = {flag["matched"]: (flag["category"], flag["severity"]) for flag in answers[0]["flags"]}
    assert found == {
        "shoddyware": ("profanity", "strong"),
        "grumblebox": ("insult", "mild"),
        "Acme Gadgets": ("competitor", None),
    }


@pytest.mark.parametrize(
    "words",
    [
        "[a]",
        "add: [{word: a}]",
        "more: [a]",
        "add: [{entry: a, category: rude}]",
        "add: [a",
        "add: [3]",
        "add: rude",  # not the words r, u, d and e
        "add: 3",
        "add: [{entry: a, severity: [mild]}]",
    ],
)
def test_words_that_cannot_be(tmp_path: Path, words: str) -> None:
    file = tmp_path / "words.yaml"
    file.write_text(words)

    done = subprocess.run([*PLAUDIT, "check", "--words", file], input="", capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith(f"plaudit: {file}: ")


def test_words_that_are_nested_without_end(tmp_path: Path) -> None:
    file = tmp_path / "words.yaml"
    file.write_text("add: " + "[" * 5_000)

    done = subprocess.run([*PLAUDIT, "check", "--words", file], input="", capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (2, f"plaudit: {file} is nested too deeply\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_answers_that_cannot_be_written_are_no_fault_of_what_is_read() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*PLAUDIT, "check"], input=b'{"text": "a"}\n', stdout=full, stderr=subprocess.PIPE, check=False
        )

    assert done.returncode == 1
    assert done.stderr.startswith(b"plaudit: the answers cannot be written: ")
    assert done.stderr.count(b"\n") == 1


def test_verbose_says_more() -> None:
    _, answers, _ = check(lines({"id": 1, "text": "write to jane@example.com"}), "--verbose")

    (answer,) = answers
    assert {"policy", "policy_version", "queue", "note"} <= set(answer)
    assert {"confidence", "detail"} <= set(answer["flags"][0])


def test_a_summary_is_apart_from_the_answers() -> None:
    texts = lines({"id": 1, "text": "a good fit"}, {"id": 2, "text": "fuck"}, {"id": 3})
    code, answers, stderr = check(texts, "--summary")

    assert (code, len(answers)) == (1, 3)
    assert "2 texts" in stderr
    assert "1 approved, 0 held, 1 rejected" in stderr
    assert "lexicon in 1" in stderr
    assert "1 line could not be judged" in stderr


PLUGIN = """
from services.moderation.engine.signal import Category, Signal

class Model:
    name, batch_size, timeout_seconds, on_failure = "politeness", 8, 5, "hold"

    def classify(self, batch):
        for writing in batch:
            if "secret" in writing.fields["text"]:
                raise ValueError(writing.fields["text"])
        return [[Signal("politeness", Category.OTHER, None, "text", 0, 2, writing.fields["text"][:2], 0.5)]
                for writing in batch]
"""


def test_a_classifier_that_fails_holds_what_would_be_approved_and_keeps_the_answers_clean(tmp_path: Path) -> None:
    (tmp_path / "politeness_plugin.py").write_text(PLUGIN)
    info = tmp_path / "politeness-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: politeness\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[plaudit.classifiers]\npoliteness = politeness_plugin:Model\n")
    texts = ["It fits well.", "It fits well, that is a secret.", "My secret address is jane@example.com"]

    done = subprocess.run(
        [*PLAUDIT, "check", "--classifier", "politeness"],
        input=lines(*({"id": number, "text": text} for number, text in enumerate(texts))),
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path.cwd())])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    fine, held, already_held = map(json.loads, done.stdout.splitlines())
    assert (fine["decision"], [flag["detector"] for flag in fine["flags"]]) == ("approved", ["politeness"])
    assert (held["decision"], held["rule"]) == ("held", "classifier-failed")
    assert (already_held["decision"], already_held["rule"]) == ("held", "contact-details")
    assert "the classifier politeness gave no answer about 2 texts" in done.stderr
    assert "classifier raised" in done.stderr
    assert "secret" not in done.stderr


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), max_size=6))
def test_a_line_for_a_line_in_the_vocabulary_that_is_documented(texts: list[str]) -> None:
    code, answers, _ = check(lines(*({"id": number, "text": text} for number, text in enumerate(texts))))

    assert code == 0
    assert [answer["id"] for answer in answers] == list(range(len(texts)))
    for text, answer in zip(texts, answers, strict=True):
        assert answer["decision"] in {"approved", "held", "rejected"}
        for flag in answer["flags"]:
            assert flag["matched"] == text[flag["start"] : flag["end"]]
            assert flag["detector"] in set(Detector)
            assert flag["category"] in set(Category)
            assert flag["severity"] in {None, *Severity}


def test_an_answer_comes_before_the_next_line_is_sent() -> None:
    with subprocess.Popen([*PLAUDIT, "check"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(3):
            process.stdin.write(b'{"id":%d,"text":"a"}\n' % number)
            process.stdin.flush()
            readable, _, _ = select.select([process.stdout], [], [], 60)
            assert readable
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(60) == 0


def test_it_ends_quietly_when_nobody_reads_on(tmp_path: Path) -> None:
    many = tmp_path / "many.ndjson"
    many.write_text(lines({"id": 1, "text": "a"}) * 20_000)

    with subprocess.Popen([*PLAUDIT, "check", many], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_ctrl_c_ends_it_quietly_with_what_was_answered() -> None:
    with subprocess.Popen(
        [*PLAUDIT, "check"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"id":1,"text":"a"}\n')
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        os.kill(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
        assert (process.returncode, stderr) == (130, b"")


def test_it_starts_well_under_a_second() -> None:
    """As multiples of what Python itself takes, some 30 ms, for the machine may be slow or have others to serve."""
    bare = min(_seconds([sys.executable, "-c", "pass"]) for _ in range(5))

    assert min(_seconds([*PLAUDIT, "check"]) for _ in range(3)) < 30 * bare


def _seconds(command: list[str]) -> float:
    """Of the processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, input=b'{"id":1,"text":"x"}\n', capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
