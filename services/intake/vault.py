"""The authors of a batch: who is known, who is new, and whose e-mail has changed."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.intake.identity import Identified, identity, new_author_id
from services.intake.transaction import Connection

# See the registry's look-up for the form.
_KNOWN = """
    select found.identity, found.author_id, found.email from unnest($2::bytea[]) as wanted (identity)
        cross join lateral (
            select a.identity, a.author_id, a.email from intake.authors a
            where a.site = $1 and a.identity = wanted.identity limit 1
        ) as found"""
_NEW_EMAILS = """
    update intake.authors set email = given.email
    from unnest($2::text[], $3::text[]) as given (author_id, email)
    where authors.site = $1 and authors.author_id = given.author_id"""
_COLUMNS = ("site", "author_id", "identity", "email", "created_at")


@dataclass(slots=True)
class _Person:
    author_id: str
    email: str | None
    known: bool
    in_use: bool = False
    email_changed: bool = False


class Vault:
    """Ids are given to new people at once, and rows only to those of whom something was accepted: `use` says who."""

    def __init__(self, site: str, identity_key: bytes, rng: random.Random) -> None:
        self._site = site
        self._identity_key = identity_key
        self._rng = rng
        self._people: dict[bytes, _Person] = {}

    async def identify(self, tx: Connection, authors: Iterable[Identified | None]) -> list[str | None]:
        """The author id of each; None for the unknown."""
        identities = [identity(self._identity_key, author) for author in authors]
        wanted = {one for one in identities if one is not None}
        if wanted:
            for row in await tx.fetch(_KNOWN, self._site, list(wanted)):
                self._people[row["identity"]] = _Person(row["author_id"], row["email"], known=True)
        for one in identities:
            if one is not None and one not in self._people:
                self._people[one] = _Person(new_author_id(self._rng), None, known=False)
        self._by_author_id = {person.author_id: person for person in self._people.values()}
        return [self._people[one].author_id if one is not None else None for one in identities]

    def is_known(self, author_id: str) -> bool:
        """True also for the author of a review who is not asked about here."""
        person = self._by_author_id.get(author_id)
        return person is None or person.known

    def use(self, author_id: str | None, author: Identified | None) -> None:
        """Something of this author was accepted; the last e-mail that they gave is the one that is kept."""
        if author_id is None or author is None:
            return
        person = self._by_author_id[author_id]
        person.in_use = True
        if author.email is not None and author.email != person.email:
            person.email = author.email
            person.email_changed = True

    async def write(self, tx: Connection, now: datetime) -> None:
        """A person whom somebody else wrote meanwhile is a unique violation: do the batch again."""
        new = [(one, person) for one, person in sorted(self._people.items()) if person.in_use and not person.known]
        if new:
            records = [(self._site, person.author_id, one, person.email, now) for one, person in new]
            await tx.copy_records_to_table("authors", schema_name="intake", columns=_COLUMNS, records=records)
        changed = [person for person in self._people.values() if person.known and person.email_changed]
        if changed:
            await tx.execute(
                _NEW_EMAILS, self._site, [person.author_id for person in changed], [person.email for person in changed]
            )
