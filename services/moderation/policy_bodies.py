"""What may be sent about policies and words, checked."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from services.moderation.bodies import Body, Moderator, Note
from services.moderation.policies.words import LONGEST_ENTRY
from services.moderation.policy.source import MAX_SOURCE_BYTES

MOST_WORDS_AT_ONCE = 1_000
MOST_LANGUAGES = 50

NAME = r"[a-z0-9-]{1,64}"
"""Nothing else is the name of a policy, and some of it Postgres would not even take as a question."""
Name = Annotated[str, Field(pattern=f"^{NAME}$")]
Version = Annotated[int, Field(ge=1, le=999_999_999, strict=True)]


class Change(Body):
    note: Note | None = None
    moderator: Moderator | None = None


class SourceBody(Change):
    source: Annotated[str, Field(max_length=MAX_SOURCE_BYTES, description="The policy's YAML.")]


class CheckBody(Body):
    source: Annotated[str, Field(max_length=MAX_SOURCE_BYTES)]


class VersionName(Body):
    name: Name
    version: Version


class ActivationBody(Change):
    name: Name
    version: Version
    expected_active: VersionName | None = Field(default=None, description="409 where another one is active.")


class CandidateBody(Change):
    name: Name
    version: Version


class RolloutBody(CandidateBody):
    percent: int = Field(ge=0, le=100, strict=True)


class WordBody(Body):
    kind: Literal["add", "remove", "allow", "competitor"]
    entry: str = Field(min_length=1, max_length=LONGEST_ENTRY)
    category: str | None = Field(default=None, max_length=LONGEST_ENTRY)
    severity: str | None = Field(default=None, max_length=LONGEST_ENTRY)


class WordsBody(Change):
    words: tuple[WordBody, ...] = Field(min_length=1, max_length=MOST_WORDS_AT_ONCE)


class LanguagesBody(Change):
    languages: tuple[str, ...] = Field(max_length=MOST_LANGUAGES)
