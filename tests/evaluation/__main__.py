"""`make evaluate`: the engine and other open filters on labelled texts, as one table.

python -m tests.evaluation [--data FOLDER] [--only NAME ...] [--verbose]
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from services.moderation.engine.context import Context
from services.moderation.engine.engine import Engine
from services.moderation.engine.signal import Category, Detector, Severity, Signal
from services.moderation.policy.facts import Facts
from services.moderation.policy.policy import Policy, default_policy
from tests.evaluation.filters import OTHERS, Filter, Unavailable
from tests.evaluation.score import Score
from tests.evaluation.sets import Sets

GRAVE = (Severity.STRONG, Severity.SEVERE)
ATTACKS = (Category.INSULT, Category.THREAT)
ENTITIES = {
    "EMAIL_ADDRESS": Detector.EMAIL,
    "PHONE_NUMBER": Detector.PHONE,
    "CREDIT_CARD": Detector.CARD,
    "IBAN_CODE": Detector.IBAN,
    "IP_ADDRESS": Detector.IP,
    "URL": Detector.URL,
}
LONGEST_SHOWN = 160


class Evaluation:
    def __init__(self, sets: Sets, *, verbose: bool) -> None:
        self.sets = sets
        self.verbose = verbose
        self.engine = Engine.default()
        self.policy: Policy = default_policy()
        self.others: dict[str, Filter] = {}
        for name, load in OTHERS.items():
            try:
                self.others[name] = load()
            except (Unavailable, ImportError) as error:
                print(f"left out – {error}", file=sys.stderr)

    def see(self, text: str, title: str = "", rating: int | None = None, locale: str | None = None) -> list[Signal]:
        fields = {name: value for name, value in (("title", title), ("text", text)) if value}
        return list(self.engine.analyse(fields, Context(locale=locale, rating=rating)))

    def profane(self, texts: Sequence[str]) -> list[bool]:
        return [any(is_profane(signal) for signal in self.see(text)) for text in texts]

    def listed(self, texts: Sequence[str]) -> list[bool]:
        """Whether the lexicon finds anything, of whatever category: what the other filters call profane."""
        return [any(signal.detector == Detector.LEXICON for signal in self.see(text)) for text in texts]

    def labelled(self) -> None:
        rows = self.sets.labelled()
        texts = [row["text"] for row in rows]
        labels = [row["labels"] for row in rows]
        seen = [self.see(text) for text in texts]
        self.heading(f"labelled reviews, dev half ({len(rows)})")
        profane = [label["profanity"] != "none" for label in labels]
        strong = [label["profanity"] == "strong" for label in labels]
        ours = [any(map(is_profane, signals)) for signals in seen]
        self.score("profanity, mild or strong", "plaudit", ours, profane, texts, seen)
        for name, judge in self.others.items():
            self.score("", name, judge(texts), profane)
        grave = [any(is_profane(signal) and signal.severity in GRAVE for signal in signals) for signals in seen]
        self.score("profanity, strong", "plaudit", grave, strong, texts, seen)
        caught = sum(said for said, true in zip(ours, strong, strict=True) if true)
        self.line("strong ones flagged at all", "plaudit", f"{caught} of {sum(strong)}")
        for title, label, finds in (
            ("slur", "slur", lambda s: s.category is Category.SLUR),
            ("explicit sex", "sexual_explicit", lambda s: s.category is Category.SEXUAL),
            ("personal attack", "personal_attack", lambda s: s.category in ATTACKS),
            ("url", "url", lambda s: s.detector == Detector.URL),
            ("spam or promotion", "spam_or_promo", lambda s: s.detector == Detector.SPAM),
        ):
            self.flags(title, seen, [row[label] == "yes" for row in labels], finds, texts)
        for kind in ("email", "phone", "address", "card"):
            self.flags(kind, seen, [kind in row["pii"] for row in labels], partial(is_of, kind), texts)

    def clean(self) -> None:
        self.heading("clean reviews: rows flagged")
        clothing = self.sets.clothing()
        found = [(row, self.see(text, title, rating)) for row, title, text, rating in clothing]
        self.rows("women's clothing", found)
        for name, judge in self.others.items():
            flagged = sum(judge([f"{title}\n{text}" for _, title, text, _ in clothing]))
            self.line("", name, f"{flagged} of {len(clothing)} rows, {flagged / len(clothing):.3%}")
        alexa = self.sets.alexa()
        self.rows("Alexa", [(row, self.see(text, rating=rating)) for row, text, rating in alexa])
        for name, judge in self.others.items():
            flagged = sum(judge([text for _, text, _ in alexa]))
            self.line("", name, f"{flagged} of {len(alexa)} rows, {flagged / len(alexa):.3%}")

    def rows(self, title: str, found: list[tuple[str, list[Signal]]]) -> None:
        flagged = [(row, signals) for row, signals in found if signals]
        listed = [row for row, signals in flagged if any(s.detector == Detector.LEXICON for s in signals)]
        self.line(
            title, "plaudit", f"{len(listed)} of {len(found)} rows by the lexicon, {len(flagged)} by any detector"
        )
        by_detector = Counter(signal.detector for _, signals in flagged for signal in signals)
        self.line("", "", ", ".join(f"{name} {count}" for name, count in by_detector.most_common()))
        if self.verbose:
            for row, signals in flagged:
                shown = "; ".join(f"{s.detector} {s.severity or ''} {s.matched[:60]!r}" for s in signals)
                print(f"    row {row}: {shown}")

    def cases(self) -> None:
        self.heading("other filters' own cases, look-alikes, obfuscated paragraphs (lexicon only)")
        cases = self.sets.lines("profanity_library_cases")
        self.compare("library cases", [c["input"] for c in cases], [bool(c["expected_profane"]) for c in cases])
        lookalikes = [row["text"] for row in self.sets.rows("clean_lookalikes")]
        self.compare("look-alikes", lookalikes, [False] * len(lookalikes))
        paragraphs = self.sets.lines("prof_better_profanity_paragraphs")
        texts, wanted = [p["input"] for p in paragraphs], [bool(p["expected_profane"]) for p in paragraphs]
        self.compare("paragraphs", texts, wanted)

    def compare(self, title: str, texts: list[str], wanted: list[bool]) -> None:
        for number, (name, judge) in enumerate({"plaudit": self.listed, **self.others}.items()):
            said = judge(texts)
            right = sum(map(bool.__eq__, said, wanted))
            recall = Score.of(said, wanted).recall
            figures = f"{right} of {len(texts)} right, {right / len(texts):.1%}; recall {recall:.1%}"
            self.line("" if number else title, name, figures)
            if self.verbose and not number:
                for text, verdict, true in zip(texts, said, wanted, strict=True):
                    if verdict != true:
                        print(
                            f"    {'wrong' if verdict else 'missed'}: {text[:LONGEST_SHOWN]!r} {brief(self.see(text))}"
                        )

    def tweets(self) -> None:
        self.heading("Davidson's tweets (sampled by keyword: precision says little)")
        rows = self.sets.rows("tox_davidson_25k")
        seen = [self.see(row["tweet"]) for row in rows]
        classes = [row["class"] for row in rows]
        flagged = [any(s.detector == Detector.LEXICON for s in signals) for signals in seen]
        slur = [any(s.category is Category.SLUR for s in signals) for signals in seen]
        self.score("hate or offensive, any word", "plaudit", flagged, [c in "01" for c in classes])
        for name, judge in self.others.items():
            self.score("", name, judge([row["tweet"] for row in rows]), [c in "01" for c in classes])
        self.score("hate, slur", "plaudit", slur, [c == "0" for c in classes])
        for number, name in enumerate(("hate", "offensive", "neither")):
            of_class = [said for said, c in zip(flagged, classes, strict=True) if c == str(number)]
            self.line(
                f"flagged of {name}",
                "plaudit",
                f"{sum(of_class)} of {len(of_class)}, {sum(of_class) / len(of_class):.1%}",
            )

    def comments(self) -> None:
        self.heading("YouTube comments: spam")
        rows = self.sets.rows("spam_youtube_comments_1956")
        seen = [self.see(row["CONTENT"]) for row in rows]
        wanted = [row["CLASS"] == "1" for row in rows]
        promotes = (Detector.SPAM, Detector.URL, Detector.HANDLE, Detector.EMAIL)
        texts = [row["CONTENT"] for row in rows]
        for title, detectors in (("spam detector", promotes[:1]), ("with links and contacts", promotes)):
            said = [any(s.detector in detectors for s in signals) for signals in seen]
            self.score(title, "plaudit", said, wanted, texts if detectors is promotes else None, seen)

    def recognisers(self) -> None:
        self.heading("Presidio's recogniser cases: as many found as there are")
        right_of_all = number_of_all = 0
        for entity, detector in ENTITIES.items():
            cases = list(self.sets.recogniser_cases(entity))
            right = 0
            for text, count in cases:
                found = [signal for signal in self.see(text) if signal.detector == detector]
                right += len(found) == count
                if self.verbose and len(found) != count:
                    print(f"    {entity}: {count} expected, {len(found)} found in {text[:LONGEST_SHOWN]!r}")
            self.line(detector.value, "plaudit", f"{right} of {len(cases)}, {right / len(cases):.1%}")
            right_of_all, number_of_all = right_of_all + right, number_of_all + len(cases)
        share = right_of_all / number_of_all
        self.line("together", "plaudit", f"{right_of_all} of {number_of_all}, {share:.1%}")

    def verdicts(self) -> None:
        self.heading("what the default policy decides")
        labelled = [(row["text"], "", None) for row in self.sets.labelled()]
        clothing = [(text, title, rating) for _, title, text, rating in self.sets.clothing()]
        alexa = [(text, "", rating) for _, text, rating in self.sets.alexa()]
        for name, texts in (("labelled", labelled), ("women's clothing", clothing), ("Alexa", alexa)):
            verdicts = Counter(self.verdict(*text) for text in texts)
            self.line(name, "plaudit", ", ".join(f"{verdict} {count}" for verdict, count in verdicts.most_common()))

    def verdict(self, text: str, title: str, rating: int | None) -> str:
        signals = tuple(self.see(text, title, rating))
        facts = Facts(rating, None, False, "api", signals, title=title or None, text=text)
        verdict = self.policy.decide(facts)
        return verdict.status if verdict.status == "approved" else f"{verdict.status} by {verdict.rule}"

    def flags(
        self,
        title: str,
        seen: list[list[Signal]],
        wanted: list[bool],
        finds: Callable[[Signal], bool],
        texts: list[str],
    ) -> None:
        said = [any(map(finds, signals)) for signals in seen]
        self.score(title, "plaudit", said, wanted, texts, seen)

    def score(
        self,
        title: str,
        name: str,
        said: list[bool],
        wanted: list[bool],
        texts: list[str] | None = None,
        seen: list[list[Signal]] | None = None,
    ) -> None:
        self.line(title, name, str(Score.of(said, wanted)))
        if self.verbose and texts is not None and seen is not None:
            for text, signals, verdict, true in zip(texts, seen, said, wanted, strict=True):
                if verdict != true:
                    print(f"    {'wrong' if verdict else 'missed'}: {text[:LONGEST_SHOWN]!r} {brief(signals)}")

    @staticmethod
    def heading(text: str) -> None:
        print(f"\n== {text}", flush=True)

    @staticmethod
    def line(title: str, name: str, figures: str) -> None:
        print(f"{title:28} {name:20} {figures}", flush=True)


def is_profane(signal: Signal) -> bool:
    return signal.detector == Detector.LEXICON and signal.category is Category.PROFANITY


def is_of(detector: str, signal: Signal) -> bool:
    return signal.detector == detector


def brief(signals: Sequence[Signal]) -> str:
    return ", ".join(f"{s.category} {s.severity or ''} {s.matched[:40]!r}" for s in signals)


PARTS: dict[str, Callable[[Evaluation], None]] = {
    "labelled": Evaluation.labelled,
    "clean": Evaluation.clean,
    "cases": Evaluation.cases,
    "tweets": Evaluation.tweets,
    "comments": Evaluation.comments,
    "recognisers": Evaluation.recognisers,
    "verdicts": Evaluation.verdicts,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the sets")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), help="parts of the table")
    parser.add_argument(
        "--verbose", action="store_true", help="every wrong and missed text, and every flagged clean row"
    )
    given = parser.parse_args()
    if not given.data.is_dir():
        print(f"nothing evaluated: there is no folder {given.data}; name the one with the sets by --data")
        return 0
    evaluation = Evaluation(Sets(given.data), verbose=given.verbose)
    for part in given.only:
        PARTS[part](evaluation)
    return 0


if __name__ == "__main__":
    sys.exit(main())
