"""Kafka's jars: named and checksummed by the lock file beside this module, fetched from Maven once per user.

The lock lists every jar of the class path, so starting needs no dependency resolution and nothing can drift. jgo
fetches the files. Its `build` is not used: it looks for a JDK to classify the jars, and downloads one if there is none.
To move to another version, change ROOTS and run `python -m services.cli.embedded.jars`.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.embedded.errors import ChecksumMismatch, DownloadFailed, missing_extra

if TYPE_CHECKING:
    from jgo.maven import MavenContext

KAFKA_VERSION = "4.1.0"
ROOTS = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.slf4j:slf4j-jdk14:2.0.17")
LOCK_PATH = Path(__file__).with_name("kafka-jars.lock.json")
_PARALLEL = 6
_ATTEMPTS = 3
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Jar:
    """One pinned file. `size` in bytes, `sha256` in lower-case hexadecimal."""

    group: str
    artifact: str
    version: str
    file: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Progress:
    """How far the download is, in bytes of all jars."""

    done: int
    total: int


Report = Callable[[Progress], None]


def read_lock(path: Path = LOCK_PATH) -> list[Jar]:
    return [Jar(**entry) for entry in json.loads(path.read_text())["jars"]]


def cache_dir() -> Path:
    """PLAUDIT_CACHE_DIR, else plaudit's place in the user's cache directory."""
    named = os.environ.get("PLAUDIT_CACHE_DIR")
    if named:
        return Path(named).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "plaudit"


def kafka_jars(report: Report | None = None) -> list[Path]:
    """The class path of Kafka, every file being the one the lock pins; fetches what is missing.

    Idempotent, and safe when several processes call it at once. Raises DownloadFailed or ChecksumMismatch.
    """
    jars = read_lock()
    target = cache_dir() / f"kafka-{KAFKA_VERSION}"
    with _exclusive(target):
        verified = _Verified(target)
        missing = [jar for jar in jars if not (target / jar.file).exists()]
        for jar in jars:
            if jar not in missing and not verified.holds(jar):
                # A damaged copy is fetched again rather than reported: the cache is ours.
                (target / jar.file).unlink()
                missing.append(jar)
        if missing:
            _fetch(missing, target, report or (lambda _: None))
            for jar in missing:
                verified.holds(jar)
        verified.save()
    return [target / jar.file for jar in jars]


class _Verified:
    """Remembers which files were checked, by size and modification time, so that later starts need not hash 44 MB."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._path = directory / "verified.json"
        try:
            self._known: dict[str, list[int | str]] = json.loads(self._path.read_text())
        except (OSError, ValueError):
            self._known = {}
        self._changed = False

    def holds(self, jar: Jar) -> bool:
        stat = (self._directory / jar.file).stat()
        mark: list[int | str] = [stat.st_size, stat.st_mtime_ns, jar.sha256]
        if self._known.get(jar.file) == mark:
            return True
        if sha256_of(self._directory / jar.file) != jar.sha256:
            return False
        self._known[jar.file] = mark
        self._changed = True
        return True

    def save(self) -> None:
        if self._changed:
            temporary = self._path.with_suffix(".new")
            temporary.write_text(json.dumps(self._known))
            temporary.replace(self._path)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _exclusive(directory: Path) -> Iterator[None]:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = (directory / ".lock").open("w")
    except OSError as error:
        raise DownloadFailed(
            f"The cache directory {directory} cannot be written: {error.strerror}.",
            "Name another one with PLAUDIT_CACHE_DIR.",
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(jars: Sequence[Jar], target: Path, report: Report) -> None:
    total = sum(jar.size for jar in jars)
    done = 0
    counting = threading.Lock()

    def arrived(amount: int) -> None:
        nonlocal done
        with counting:
            done = min(total, done + amount)
            report(Progress(done, total))

    # jgo writes a file in place, so an interrupted download leaves half a jar: let it write elsewhere.
    staging = Path(tempfile.mkdtemp(prefix=".fetch-", dir=target))
    try:
        context = _maven(staging, arrived)
        report(Progress(0, total))
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="maven") as pool:
            tasks = [pool.submit(_fetch_one, jar, context, target) for jar in jars]
            try:
                for task in tasks:
                    task.result()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        report(Progress(total, total))
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fetch_one(jar: Jar, context: MavenContext, target: Path) -> None:
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact(packaging="jar")
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            found = artifact.resolve()
            break
        except (OSError, RuntimeError, AssertionError) as error:
            if artifact.cached_path is not None:
                artifact.cached_path.unlink(missing_ok=True)
            # RuntimeError is jgo's "no repository has it", which asking again does not change.
            if attempt == _ATTEMPTS or isinstance(error, RuntimeError):
                raise DownloadFailed(
                    f"Apache Kafka {KAFKA_VERSION} could not be downloaded: {jar.file} from "
                    f"{', '.join(context.remote_repos.values())} ({_reason(error)}).",
                    _download_cure(target),
                ) from error
            time.sleep(0.5 * attempt)
    actual = sha256_of(found)
    if actual != jar.sha256 and not found.is_relative_to(context.repo_cache):
        # A damaged file in the user's own repository, half a download perhaps; not ours to repair.
        context.local_repos = []
        _fetch_one(jar, context, target)
        return
    if actual != jar.sha256:
        raise ChecksumMismatch(
            f"{jar.file} is not the file that Plaudit was tested with: SHA-256 {actual}, expected {jar.sha256}.",
            "A proxy or mirror may have altered it. Check PLAUDIT_MAVEN_REPOSITORY and your local Maven repository, "
            "then start again.",
        )
    if found.is_relative_to(context.repo_cache):
        found.replace(target / jar.file)
    else:
        temporary = target / f".{jar.file}.{os.getpid()}"
        shutil.copyfile(found, temporary)
        temporary.replace(target / jar.file)


def _reason(error: BaseException) -> str:
    if isinstance(error, RuntimeError):
        return "not there"
    if type(error).__name__ == "SSLError":
        return "its certificate is not trusted here; REQUESTS_CA_BUNDLE names a file of further authorities"
    return type(error).__name__


def _download_cure(target: Path) -> str:
    return (
        "It needs the network once. Without it, do one of these:\n"
        "  - set PLAUDIT_MAVEN_REPOSITORY to a Maven mirror (URL) or to a local Maven repository (directory);\n"
        f"  - copy the directory {target} from a machine where Plaudit has run (PLAUDIT_CACHE_DIR moves it);\n"
        "  - use a Kafka cluster of your own: --kafka HOST:PORT."
    )


def _maven(staging: Path, arrived: Callable[[int], None]) -> MavenContext:
    try:
        from jgo.constants import MAVEN_CENTRAL_URL, default_maven_repo
        from jgo.maven import MavenContext, PythonResolver
    except ImportError:
        raise missing_extra("jgo") from None

    @contextmanager
    def count(_file: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield arrived

    locals_ = [default_maven_repo()]
    remotes = {"central": MAVEN_CENTRAL_URL}
    chosen = os.environ.get("PLAUDIT_MAVEN_REPOSITORY")
    if chosen and "://" in chosen:
        remotes = {"mirror": chosen.rstrip("/")}
    elif chosen:
        locals_.insert(0, Path(chosen).expanduser())
    return MavenContext(
        resolver=PythonResolver(progress_callback=count),
        repo_cache=staging,
        local_repos=locals_,
        remote_repos=remotes,
        timeout=_TIMEOUT_SECONDS,
    )


def resolve_lock() -> list[Jar]:
    """Resolves ROOTS with everything they need at run time and checksums it: the content of a new lock file."""
    from jgo.parse import Coordinate

    with tempfile.TemporaryDirectory() as directory:
        context = _maven(Path(directory), lambda _: None)
        roots, transitive = context.resolver.resolve(
            [context.create_dependency(Coordinate.parse(root)) for root in ROOTS]
        )
        jars: dict[str, Jar] = {}
        for dependency in [*roots, *transitive]:
            if dependency in roots or dependency.scope in ("compile", "runtime"):
                path = dependency.artifact.resolve()
                jars[path.name] = Jar(
                    dependency.groupId,
                    dependency.artifactId,
                    dependency.version,
                    path.name,
                    path.stat().st_size,
                    sha256_of(path),
                )
    clients = jars.get(f"kafka-clients-{KAFKA_VERSION}.jar")
    if clients is None:
        # A logging binding once dragged in an older kafka-clients through its parent.
        raise SystemExit(f"kafka-clients did not resolve to {KAFKA_VERSION}: {sorted(jars)}")
    return sorted(jars.values(), key=lambda jar: jar.file)


if __name__ == "__main__":
    LOCK_PATH.write_text(json.dumps({"roots": ROOTS, "jars": [asdict(jar) for jar in resolve_lock()]}, indent=1) + "\n")
    print(f"{len(read_lock())} jars, {sum(jar.size for jar in read_lock()):,} bytes")
