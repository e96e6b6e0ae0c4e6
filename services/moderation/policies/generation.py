"""The generation of all rules: which decisions hold, and which every change of rules waits for and counts up.

Whoever decides takes `hold` first of all locks. So a change waits for decisions in flight and, once it is committed, no
decision can be under what was before.
"""

from __future__ import annotations

from typing import Any

import asyncpg


async def hold(tx: asyncpg.Connection[Any]) -> int:
    """The generation, which stays so until the transaction ends."""
    generation: int = await tx.fetchval("select moderation.hold_rules()")
    return generation


async def change(tx: asyncpg.Connection[Any]) -> int:
    """The next generation. Decisions wait until the transaction ends: have all that takes time done before."""
    generation: int = await tx.fetchval("select moderation.change_rules()")
    return generation
