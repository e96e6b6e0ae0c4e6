"""Which reviews a candidate decides while it is rolled out: a stable share of them."""

from __future__ import annotations

from hashlib import blake2b


def is_chosen(policy: str, review_id: int, percent: int) -> bool:
    """The same review always gets the same answer, all its revisions with it, and a growing share only adds reviews.

    The policy's name is in it, for otherwise the same reviews would be the first of every rollout.
    """
    digest = blake2b(b"%b %d" % (policy.encode(), review_id), digest_size=8).digest()
    return int.from_bytes(digest, "big") % 100 < percent
