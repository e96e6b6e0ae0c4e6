"""The sets that the evaluation reads, as their folder's README describes them. None is part of the project."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Sets:
    """Reads sets from `folder`. Raises FileNotFoundError where one is missing."""

    folder: Path

    def lines(self, name: str) -> list[dict[str, Any]]:
        with gzip.open(self.folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def rows(self, name: str) -> list[dict[str, str]]:
        with gzip.open(self.folder / f"{name}.csv.gz") as file:
            return list(csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline="")))

    def labelled(self) -> list[dict[str, Any]]:
        return self.lines("labelled_reviews_dev")

    def clothing(self) -> list[tuple[str, str, str, int]]:
        """(row, title, text, rating) of every review that has a text."""
        rows = self.rows("reviews_womens_clothing_23k")
        return [(r["row"], r["Title"], r["Review Text"], int(r["Rating"])) for r in rows if r["Review Text"].strip()]

    def alexa(self) -> list[tuple[str, str, int]]:
        """(row, text, rating)."""
        rows = self.rows("reviews_amazon_alexa_3k")
        return [(r[""], r["verified_reviews"], int(r["rating"])) for r in rows if r["verified_reviews"].strip()]

    def recogniser_cases(self, entity: str) -> Iterator[tuple[str, int]]:
        """(text, how many entities it holds) of the cases that are about one entity."""
        for case in self.lines("pii_presidio_recognizer_tests"):
            if entity in (case["entities"] or ()) and case["expected_len"] is not None:
                yield case["text"], case["expected_len"]
