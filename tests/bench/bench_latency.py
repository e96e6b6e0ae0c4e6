"""Time from an accepted submission to public visibility, on a system that has nothing else to do."""

from __future__ import annotations

import asyncio
import random
import statistics
import time

from tests.running import RunningSystem, Site


async def one(site: Site, number: int) -> float:
    """Seconds from intake's answer until the public API shows the review, asked every 2 ms."""
    accepted = await site.submit(rating=5, text=f"Number {number}: the seams are neat.", entity_id=f"p{number % 20}")
    answered = time.perf_counter()
    url = f"{site.system.addresses['query']}/public/{site.site}/reviews/{accepted['review_id']}"
    while (await site.system.client.get(url)).status_code != 200:
        await asyncio.sleep(0.002)
    return time.perf_counter() - answered


async def run(system: RunningSystem, count: int = 200) -> dict[str, float]:
    """Prints and returns p50 and p99 in milliseconds."""
    site = await system.site("latency")
    rng = random.Random(1)
    await asyncio.sleep(3)
    samples = []
    for number in range(count + 10):
        samples.append(await one(site, number) * 1000)
        await asyncio.sleep(rng.uniform(0.02, 0.12))  # in step with no polling interval
    samples = samples[10:]
    quantiles = statistics.quantiles(samples, n=100)
    result = {"p50": quantiles[49], "p99": quantiles[98], "max": max(samples)}
    print(
        f"accepted to public, {count} reviews one at a time: " + ", ".join(f"{k} {v:.0f} ms" for k, v in result.items())
    )
    return result
