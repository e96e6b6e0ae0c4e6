"""Who the author is: a keyed digest by which the vault finds a person, and the random id that others see."""

from __future__ import annotations

import base64
import hmac
import random
from dataclasses import dataclass
from typing import Protocol

IDENTITY_KEY_BYTES = 32


class Identified(Protocol):
    """By whom something was sent, as far as its sender says."""

    @property
    def id(self) -> str | None: ...
    @property
    def email(self) -> str | None: ...


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """A voter: who cannot be told by id or e-mail may be told by the network, in the one spelling that it has."""

    id: str | None = None
    email: str | None = None
    network: str | None = None


def identity(identity_key: bytes, person: Identified | None) -> bytes | None:
    """By the id that the sender gives, else by the e-mail, else by the network; None for somebody unknown, for whom
    nothing is unique. Prefixes keep the kinds apart: an id may be spelled like an address."""
    if person is None:
        return None
    if person.id is not None:
        return hmac.digest(identity_key, b"id:" + person.id.encode(), "sha256")
    if person.email is not None:
        return hmac.digest(identity_key, b"email:" + person.email.encode(), "sha256")
    if isinstance(person, Person) and person.network is not None:
        return hmac.digest(identity_key, b"network:" + person.network.encode(), "sha256")
    return None


def new_author_id(rng: random.Random) -> str:
    """96 random bits as 16 URL-safe characters."""
    return base64.urlsafe_b64encode(rng.getrandbits(96).to_bytes(12, "big")).decode()
