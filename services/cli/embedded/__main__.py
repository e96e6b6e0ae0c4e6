"""`python -m services.cli.embedded --data-dir X`: Kafka and Postgres alone, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

from services.cli.embedded.datadir import default_data_dir
from services.cli.embedded.errors import EmbeddedError
from services.cli.embedded.parts import EmbeddedParts, TerminalProgress


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m services.cli.embedded", description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=default_data_dir())
    parser.add_argument("--heap-mb", type=int, default=256, help="Kafka's heap")
    parser.add_argument("--not-durable", action="store_true", help="Postgres without fsync, for tests")
    options = parser.parse_args()
    ended = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: ended.set())
    begun = time.monotonic()
    parts = EmbeddedParts(
        options.data_dir, durable=not options.not_durable, heap_mb=options.heap_mb, report=TerminalProgress()
    )
    try:
        parts.start()
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1
    try:
        print(f"KAFKA={parts.kafka.bootstrap}")
        print(f"POSTGRES={parts.postgres.dsn}")
        print(f"# pids: kafka {parts.kafka.pid}, postgres {parts.postgres.pid}, this {os.getpid()}")
        print(
            f"# started in {time.monotonic() - begun:.1f} s below {parts.data_dir.root}; Ctrl-C stops both", flush=True
        )
        while not ended.wait(0.5):
            for part in (parts.kafka, parts.postgres):
                if part.poll() is not None:
                    print(f"{part.name} ended, see {part.log_path}", file=sys.stderr)
                    return 1
    finally:
        parts.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
