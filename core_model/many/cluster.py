"""Ray, and nothing of Ray anywhere else: a cluster to work on, and the units that its workers finish."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

import pyarrow as pa
import ray
import ray.data
from ray.exceptions import RayError

from core_model.errors import ClusterError
from core_model.many.plan import Unit
from core_model.many.worker import Errand, Finished, Worker

LOCAL = "local"
# Only lists of row numbers pass through Ray; what is large lies in files.
_STORE_BYTES = 128 * 1024**2
# With a unit waiting at each worker none is idle; more would only bind them to it.
_WAITING_UNITS = 2
# A unit that ends its worker this many times more is at fault itself.
_RETRIES = 3
_CPUS_OF_A_WORKER = 4
_REACH_SECONDS = 10


@dataclass(frozen=True)
class Share:
    """How many workers there are, and what each gets."""

    workers: int
    cpus: int
    gpus: int = 0


@contextmanager
def connected(address: str, workers: int | None) -> Iterator[None]:
    """A cluster: one of this machine's own for ``local``, else the running one at an address, ``auto`` for the nearest.

    A cluster of its own has a CPU for each of the ``workers``, even if they then have to share.

    :raises ClusterError: if there is none.
    """
    # Ray would report home that it is used, and its processes would log to this terminal.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    own: Dict[str, Any] = {}
    if address == LOCAL:
        cpus = max(os.cpu_count() or 1, workers or 1)
        own = {"num_cpus": cpus, "object_store_memory": _STORE_BYTES, "include_dashboard": False}
    try:
        _reach(address)
        ray.init(address=address, logging_level=logging.CRITICAL, log_to_driver=False, **own)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ClusterError(f"no Ray cluster is to be had at '{address}' ({_line(error)}); start one with 'ray start', "
                           "or leave --ray-address out.") from None
    try:
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        yield
    finally:
        ray.shutdown()


def share(workers: int | None, device: str) -> Share:
    """How the cluster is divided: a GPU for each worker where there are any, else its CPUs evenly.

    Without ``workers`` there is one for each GPU, or for each four CPUs and at least one for each machine.

    :raises ClusterError: if the cluster has too little.
    """
    nodes = [(int(node["Resources"].get("CPU", 0)), int(node["Resources"].get("GPU", 0)))
             for node in ray.nodes() if node["Alive"]]
    gpus = sum(count for _, count in nodes)
    if device == "cuda" and not gpus:
        raise ClusterError("the cluster has no GPU; use --device auto or cpu.")
    if gpus and device != "cpu":
        if workers is not None and workers > gpus:
            raise ClusterError(f"the cluster has {gpus} GPUs for {workers} workers; give fewer, or use --device cpu.")
        return Share(workers or gpus, 1, 1)
    wanted = workers or sum(max(1, cpus // _CPUS_OF_A_WORKER) for cpus, _ in nodes if cpus)
    return Share(wanted, cpus_each([cpus for cpus, _ in nodes], wanted))


def work(errand: Errand, units: Sequence[Unit], divided: Share) -> Generator[Finished, None, None]:
    """Units as they are finished; one whose worker is lost is done again by another.

    :raises ClusterError: if that does not help.
    """
    if not units:
        return
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    items = [{"number": unit.number, "rows": list(unit.rows)} for unit in units]
    # A block for each unit: what is done again after a loss is one unit, and each comes back as it is finished.
    finished = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        _Actor, fn_constructor_args=(errand,), batch_size=1, batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=divided.workers, max_tasks_in_flight_per_actor=_WAITING_UNITS),
        num_cpus=divided.cpus, num_gpus=divided.gpus, max_task_retries=_RETRIES)
    try:
        for batch in finished.iter_batches(batch_size=1, batch_format="pyarrow", prefetch_batches=0):
            for row in batch.to_pylist():
                yield Finished(**row)
    except RayError as error:
        raise ClusterError(f"the workers fail again and again ({_line(error)}); what is done is kept, and --resume "
                           "goes on.") from None


class _Actor:
    """A worker as Ray Data calls it: tables of one row in, tables of one row out."""

    def __init__(self, errand: Errand) -> None:
        self._worker = Worker(errand)

    def __call__(self, batch: pa.Table) -> pa.Table:
        done = [self._worker.do(Unit(row["number"], tuple(row["rows"]))) for row in batch.to_pylist()]
        return pa.Table.from_pylist([vars(each) for each in done], _FINISHED)


_FINISHED = pa.schema([("number", pa.int64()), ("statuses", pa.list_(pa.string())), ("error", pa.string())])


def _reach(address: str) -> None:
    """Raises ``OSError`` or ``ValueError`` where nobody listens, for which Ray itself would wait many minutes."""
    if address in (LOCAL, "auto"):
        return
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), timeout=_REACH_SECONDS).close()


def cpus_each(machines: List[int], workers: int) -> int:
    """The most CPUs each worker can have, where none may reach over two machines; raises ``ClusterError`` for none."""
    for cpus in range(max(machines, default=0), 0, -1):
        if sum(count // cpus for count in machines) >= workers:
            return cpus
    raise ClusterError(f"the cluster has {sum(machines)} CPUs for {workers} workers; give fewer with --workers.")


def _line(error: BaseException) -> str:
    """The last line that says anything: Ray puts the reason below what it was doing."""
    lines: Tuple[str, ...] = tuple(line.strip() for line in str(error).splitlines() if line.strip())
    return lines[-1].rstrip(".") if lines else type(error).__name__
