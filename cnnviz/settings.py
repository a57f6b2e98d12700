"""Everything that the environment decides, read in one place.

==========================  =========================================================  ========================
variable                    meaning                                                    default
==========================  =========================================================  ========================
CNNVIZ_RUNS_DIR             where runs, their database and checkpoints live            ``runs``
CNNVIZ_RUNS_URL             where they are kept: a folder, or s3://bucket/prefix       the above
CNNVIZ_DATABASE_URL         the run store's database (SQLAlchemy URL)                  SQLite in the above
CNNVIZ_DATA_DIR             where full data sets are found, and downloaded to          ``data``
CNNVIZ_CHECKPOINTS_DIR      the shipped checkpoints                                    ``checkpoints``
CNNVIZ_LESSONS_DIR          a teacher's own lessons, shown beside the course's          none
CNNVIZ_EXECUTOR             who starts workers: ``local``, ``ray`` or ``slurm``        ``local``
CNNVIZ_RAY_ADDRESS          the address of Ray's dashboard                             RAY_ADDRESS, else this machine's
CNNVIZ_MAX_WORKERS          how many runs train at once                                one per two cores
CNNVIZ_SPARE_WORKERS        whether a process waits for runs, so that they begin soon  1
CNNVIZ_THREADS              threads of one training run                                the run's share of cores
CNNVIZ_LEASE_SECONDS        a run whose worker is silent for so long is interrupted    20
CNNVIZ_PAUSE_SECONDS        a run that is paused for so long gives its place up        300
CNNVIZ_SNAPSHOT_MB          how much space the snapshots of one run take               64
CNNVIZ_OWN_MAX_PARAMETERS   parameters of an own network that is given memory          50,000,000
CNNVIZ_OWN_MAX_ACTIVATIONS  numbers that its operations give for one image             50,000,000
CNNVIZ_OWN_MAX_MACS         multiply-adds that it needs for one image                  20,000,000,000
CNNVIZ_PUBLIC               whether other machines may open the app                     0
CNNVIZ_CACHE_MB             megabytes of all that is kept to be quick the next time    300
CNNVIZ_UPLOADS_MB           megabytes of all uploaded files; one session gets half     256
CNNVIZ_TEACHER_PASSWORD     makes the server a class's, with a teacher who has this    none
CNNVIZ_TEACHERS             accounts of teachers, separated by commas                  none
CNNVIZ_SHARED               whether a class shares the server                          1 where there is a teacher
CNNVIZ_CLASS_RUNS           of a class: runs of one person, training and waiting       12
CNNVIZ_CLASS_EPOCHS         epochs of one run                                          100
CNNVIZ_CLASS_IMAGES         its epochs times its training images                       6,000,000
CNNVIZ_CLASS_PARAMETERS     parameters of a network that is trained                    20,000,000
CNNVIZ_CLASS_BATCH_MB       megabytes of one batch of images                           64
CNNVIZ_CLASS_CORES          threads times processes of one run                         8, or CNNVIZ_THREADS
CNNVIZ_CLASS_NETWORKS       own networks of one person                                 100
CNNVIZ_CLASS_UPLOAD_MB      megabytes of one uploaded file                             64
CNNVIZ_CLASS_MEMORY_MB      megabytes of memory of one training run                    4,000
CNNVIZ_CLASS_DISK_MB        megabytes of all runs on the disk                          20,000
CNNVIZ_CLASS_REQUESTS       pages and updates of one person within a minute            600
==========================  =========================================================  ========================

An empty variable counts as unset.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import quote

from cnnviz.errors import UsageError
from cnnviz.language import Message

PROJECT_DIRECTORY = Path(__file__).parent.parent
"""Where Python finds the package."""
_MISSPELT = re.compile(r"[a-z0-9]{2,}:")  # C: is a folder
_INSTALLED_APP = Path(__file__).parent / "app"
APP_DIRECTORY = _INSTALLED_APP if _INSTALLED_APP.is_dir() else PROJECT_DIRECTORY
"""Where ``app.py``, its pages and the shipped checkpoints are: in an installed package, or beside a checkout's."""


LOCAL, RAY, SLURM = "local", "ray", "slurm"
"""Who may start the workers of runs."""


@dataclass(frozen=True)
class Settings:
    """The settings in force; see the module's table."""

    runs_dir: Path
    runs_url: str | None
    database_url: str
    data_dir: Path
    checkpoints_dir: Path
    lessons_dir: Path | None
    executor: str
    ray_address: str
    max_workers: int
    standby_workers: int
    threads: int
    lease_seconds: float
    pause_seconds: float
    snapshot_mb: float
    own_max_parameters: int
    own_max_activations: int
    own_max_macs: int
    public: int
    cache_mb: int
    uploads_mb: int
    teacher_password: str
    teachers: tuple[str, ...]
    shared: int
    class_runs: int
    class_epochs: int
    class_images: int
    class_parameters: int
    class_batch_mb: int
    class_cores: int
    class_networks: int
    class_upload_mb: int
    class_memory_mb: int
    class_disk_mb: int
    class_requests: int

    @property
    def cluster(self) -> str | None:
        """The cluster that is asked for workers; None: each machine starts its own."""
        return None if self.executor == LOCAL else self.executor

    def variables(self) -> dict[str, str]:
        """The environment variables from which :func:`settings` reads the same settings, without who the teacher
        is: that is the app's alone.
        """
        values = {f"CNNVIZ_{field.name.upper()}": getattr(self, field.name) for field in fields(self)}
        values["CNNVIZ_TEACHER_PASSWORD"] = values["CNNVIZ_TEACHERS"] = ""
        values["CNNVIZ_SPARE_WORKERS"] = values.pop("CNNVIZ_STANDBY_WORKERS")
        return {name: "" if value is None else str(value) for name, value in values.items()}


def settings() -> Settings:
    """Read ``CNNVIZ_*`` from the environment.

    Raises:
        UsageError: a number is not a number, or not positive; an address is none.
    """
    cores = usable_cores()
    max_workers = int(_positive("CNNVIZ_MAX_WORKERS", max(1, cores // 2), whole=True))
    threads = int(_positive("CNNVIZ_THREADS", max(1, cores // max_workers), whole=True))
    runs_dir, runs_url = _runs()
    return Settings(
        runs_dir=runs_dir,
        runs_url=runs_url,
        database_url=os.environ.get("CNNVIZ_DATABASE_URL") or _sqlite_url(runs_dir / "runs.sqlite3"),
        data_dir=Path(os.environ.get("CNNVIZ_DATA_DIR") or "data").absolute(),
        checkpoints_dir=Path(
            os.environ.get("CNNVIZ_CHECKPOINTS_DIR") or APP_DIRECTORY / "checkpoints"
        ).absolute(),
        lessons_dir=Path(folder).absolute() if (folder := os.environ.get("CNNVIZ_LESSONS_DIR")) else None,
        executor=_one_of("CNNVIZ_EXECUTOR", (LOCAL, RAY, SLURM)),
        ray_address=os.environ.get("CNNVIZ_RAY_ADDRESS")
        or os.environ.get("RAY_ADDRESS")
        or "http://127.0.0.1:8265",
        max_workers=max_workers,
        standby_workers=_zero_or_one("CNNVIZ_SPARE_WORKERS", 1),
        threads=threads,
        lease_seconds=_positive("CNNVIZ_LEASE_SECONDS", 20.0),
        pause_seconds=_positive("CNNVIZ_PAUSE_SECONDS", 300.0),
        snapshot_mb=_positive("CNNVIZ_SNAPSHOT_MB", 64.0),
        own_max_parameters=int(_positive("CNNVIZ_OWN_MAX_PARAMETERS", 50_000_000, whole=True)),
        own_max_activations=int(_positive("CNNVIZ_OWN_MAX_ACTIVATIONS", 50_000_000, whole=True)),
        own_max_macs=int(_positive("CNNVIZ_OWN_MAX_MACS", 20_000_000_000, whole=True)),
        public=_zero_or_one("CNNVIZ_PUBLIC", 0),
        cache_mb=int(_positive("CNNVIZ_CACHE_MB", 300, whole=True)),
        uploads_mb=int(_positive("CNNVIZ_UPLOADS_MB", 256, whole=True)),
        teacher_password=(password := os.environ.get("CNNVIZ_TEACHER_PASSWORD", "")),
        teachers=(teachers := _listed("CNNVIZ_TEACHERS")),
        shared=_zero_or_one("CNNVIZ_SHARED", int(bool(password or teachers))),
        class_runs=int(_positive("CNNVIZ_CLASS_RUNS", 12, whole=True)),
        class_epochs=int(_positive("CNNVIZ_CLASS_EPOCHS", 100, whole=True)),
        class_images=int(_positive("CNNVIZ_CLASS_IMAGES", 6_000_000, whole=True)),
        class_parameters=int(_positive("CNNVIZ_CLASS_PARAMETERS", 20_000_000, whole=True)),
        class_batch_mb=int(_positive("CNNVIZ_CLASS_BATCH_MB", 64, whole=True)),
        class_cores=int(_positive("CNNVIZ_CLASS_CORES", max(8, threads), whole=True)),
        class_networks=int(_positive("CNNVIZ_CLASS_NETWORKS", 100, whole=True)),
        class_upload_mb=int(_positive("CNNVIZ_CLASS_UPLOAD_MB", 64, whole=True)),
        class_memory_mb=int(_positive("CNNVIZ_CLASS_MEMORY_MB", 4_000, whole=True)),
        class_disk_mb=int(_positive("CNNVIZ_CLASS_DISK_MB", 20_000, whole=True)),
        class_requests=int(_positive("CNNVIZ_CLASS_REQUESTS", 600, whole=True)),
    )


def _runs() -> tuple[Path, str | None]:
    """The folder of runs on this machine, and their address, where they are kept in an object store.

    Raises:
        UsageError: it is neither.
    """
    folder = Path(os.environ.get("CNNVIZ_RUNS_DIR") or "runs").absolute()
    address = os.environ.get("CNNVIZ_RUNS_URL", "")
    scheme, marked, path = address.partition("://")
    if not marked and _MISSPELT.match(address):
        raise UsageError(
            Message(
                "CNNVIZ_RUNS_URL must be a folder or an address such as s3://bucket/prefix; got {value!r}.",
                value=address,
            )
        )
    if marked and scheme != "file":
        return folder, address
    return (Path(path or address).absolute() if address else folder), None


def usable_cores() -> int:
    """The cores that this process may use; a container or a batch system may allow it only some."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _sqlite_url(path: Path) -> str:
    # What sqlalchemy.engine.URL.create would write, without the third of a second that its import takes.
    return f"sqlite:///{quote(str(path), safe=' +/:' + os.sep)}"


def _listed(name: str) -> tuple[str, ...]:
    """What stands between commas, in small letters."""
    parts = os.environ.get(name, "").lower().split(",")
    return tuple(part.strip() for part in parts if part.strip())


def _zero_or_one(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if text not in ("", "0", "1"):
        raise UsageError(Message("{name} must be 0 or 1; got {text!r}.", name=name, text=text))
    return int(text) if text else default


def _one_of(name: str, known: Sequence[str]) -> str:
    """The word that is set, by default the first."""
    word = os.environ.get(name) or known[0]
    if word not in known:
        raise UsageError(
            Message(
                "{name} must be one of {known}; got {text!r}.", name=name, known=", ".join(known), text=word
            )
        )
    return word


def _positive(name: str, default: float, whole: bool = False) -> float:
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = 0
    if not value > 0:
        raise UsageError(
            Message("{name} must be a number greater than 0; got {text!r}.", name=name, text=text)
        )
    return value
