"""Who the author is: a keyed digest by which the vault finds a person, and the random id that others see."""

from __future__ import annotations

import base64
import hmac
import random

from services.intake.submission import Author

IDENTITY_KEY_BYTES = 32


def identity(identity_key: bytes, author: Author | None) -> bytes | None:
    """By the id that the sender gives, else by the e-mail; None for an unknown author, for whom nothing is unique."""
    if author is None:
        return None
    if author.id is not None:
        return hmac.digest(identity_key, b"id:" + author.id.encode(), "sha256")
    if author.email is not None:
        return hmac.digest(identity_key, b"email:" + author.email.encode(), "sha256")
    return None


def new_author_id(rng: random.Random) -> str:
    """96 random bits as 16 URL-safe characters."""
    return base64.urlsafe_b64encode(rng.getrandbits(96).to_bytes(12, "big")).decode()
