"""The same run on a Dask cluster: each submission is one task.

Nothing is shared but the network: a task carries the submission and the assignment, and its result
comes back with the page of the executed notebook. A worker that is lost loses nothing: Dask runs
its task elsewhere. A submission that loses one worker after another is given up and reported; Dask
decides when (`distributed.scheduler.allowed-failures`, 3).

The workers need this repository in the same version, the same libraries, and bubblewrap. Each
should have one thread.
"""

import contextlib
import queue
import socket
import threading
import uuid
import warnings
from collections.abc import Iterator

from grading import result_store
from grading.workers import worker
from grading.workers.pool import Slot

WAIT_SECONDS = 60  # for the scheduler, and for its first worker
GONE = ("closed", "closing")  # states of Dask's client
_here = threading.local()


class Unavailable(Exception):
    """There is no usable cluster; the message says why."""


def grade(job: dict) -> dict:
    """Grade a job on a worker, in the slot of this thread."""
    if problem := mismatch(job["engine_version"], job["environment"]):
        host = socket.gethostname()
        return worker.failure(f"could not be graded: the worker on {host} has {problem}")
    if not hasattr(_here, "slot"):
        _here.slot = Slot()
    return _here.slot.grade(job)


def mismatch(version: str, environment: dict[str, str]) -> str:
    """Return in words how this machine differs from another; "" if it does not."""
    if version != result_store.engine_version():
        return "another version of this repository"
    here = result_store.environment()
    names = [name for name in {**environment, **here} if environment.get(name) != here.get(name)]
    return ", ".join(
        f"{name} {here.get(name) or 'none'} instead of {environment.get(name) or 'none'}"
        for name in names
    )


def inspect(version: str, environment: dict[str, str]) -> tuple[str, str, bool]:
    """Return a worker's host, its mismatch, and whether it can isolate."""
    from grading.sandbox import bubblewrap

    is_isolated = bubblewrap.choose(unsafe=True).is_isolated
    return socket.gethostname(), mismatch(version, environment), is_isolated


class Cluster:
    """Grade on a Dask cluster.

    Args:
        address: Of the scheduler, such as `tcp://host:8786`; or `local:3` for three workers on
            this machine.
        unsafe: Whether workers that cannot isolate are good enough.

    Raises:
        Unavailable: Dask is not installed, the scheduler cannot be reached, or its workers cannot
            grade.
    """

    task = staticmethod(grade)

    def __init__(self, address: str, unsafe: bool):
        try:
            import distributed
        except ImportError:
            raise Unavailable(
                "--scheduler needs Dask, which is not installed: pip install distributed"
            ) from None
        self._dask = distributed
        self._done = queue.SimpleQueue()
        self._futures = {}
        with contextlib.ExitStack() as stack:  # what is open, if the rest fails
            if address.startswith("local"):
                address = self._local_cluster(address)
                stack.callback(address.close, timeout=10)
            try:
                self.client = distributed.Client(
                    address, timeout=WAIT_SECONDS, set_as_default=False
                )
            except (OSError, ValueError) as error:
                raise Unavailable(f"There is no scheduler at {address}: {error}") from None
            stack.callback(self.client.close, timeout=10)
            self._check_workers(unsafe)
            self._open = stack.pop_all()

    def _local_cluster(self, address):
        count = address.partition(":")[2] or "2"
        if not count.isdecimal() or int(count) < 1:
            raise Unavailable(f"--scheduler {address}: write local:3 for three processes")
        # The memory of a submission is limited by the sandbox, not by Dask.
        return self._dask.LocalCluster(
            n_workers=int(count),
            threads_per_worker=1,
            processes=True,
            memory_limit=None,
            dashboard_address=None,
            silence_logs=50,
        )

    def _check_workers(self, unsafe):
        try:
            self.client.wait_for_workers(1, timeout=WAIT_SECONDS)
        except TimeoutError:
            raise Unavailable("The cluster has no workers.") from None
        try:
            workers = self.client.run(
                inspect, result_store.engine_version(), result_store.environment()
            ).values()
        except Exception as error:
            raise Unavailable(
                "The workers cannot import the grader. Start them in a checkout of this "
                f"repository, in the same environment as here ({type(error).__name__}: {error})."
            ) from None
        differing = sorted({f"{host} has {words}" for host, words, _ in workers if words})
        if differing:
            raise Unavailable(
                f"Results would depend on the machine: {'; '.join(differing)}. Bring all machines "
                "to the same commit, install the same there, and set the same variables."
            )
        exposed = sorted({host for host, _, is_isolated in workers if not is_isolated})
        if exposed and not unsafe:
            raise Unavailable(
                f"These machines cannot isolate submissions: {', '.join(exposed)}. Install "
                "bubblewrap there, or add --unsafe."
            )

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turn whatever Dask raises when the scheduler is gone into a ConnectionError."""
        try:
            yield
        except Exception as error:
            if isinstance(error, OSError) or self.client.status in GONE:
                text = f"the scheduler is gone ({type(error).__name__}: {error})"
                raise ConnectionError(text[:300]) from None
            raise

    def describe(self) -> str:
        """Return a sentence about the cluster. Raise ConnectionError if the scheduler is gone."""
        with self._reaching():
            threads = self.client.nthreads()
        text = f"Dask: {len(threads)} worker(s), {sum(threads.values())} submission(s) at a time."
        if max(threads.values(), default=1) > 1:
            text += " Better give each worker one thread (--nthreads 1): what ends a worker ends "
            text += "everything on it."
        return text

    def capacity(self) -> int:
        """Return how many may run at a time. Raise ConnectionError if the scheduler is gone."""
        # One task per thread, none waiting on a worker: a task that kills its worker then cannot
        # put the blame on others.
        with self._reaching():
            return max(1, sum(self.client.nthreads().values()))

    def submit(self, name: str, job: dict) -> None:
        """Start a job, for `collect`. Raise ConnectionError if the scheduler is gone."""
        key = f"grade-{name}-{uuid.uuid4().hex}"
        with self._reaching(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about tasks that carry much data: they must
            future = self.client.submit(self.task, job, key=key, pure=False)
        self._futures[name] = future
        future.add_done_callback(lambda future: self._done.put((name, future)))

    def collect(self, seconds: float) -> tuple[str, dict] | None:
        """Return the next name and result, or None if there is none within that many seconds.

        Raises:
            ConnectionError: The scheduler is gone for good.
        """
        try:
            name, future = self._done.get(timeout=seconds)
        except queue.Empty:
            if self.client.status in GONE:
                raise ConnectionError("the scheduler is gone") from None
            return None
        self._futures.pop(name, None)
        if future.status == "cancelled":
            raise ConnectionError("the scheduler gave up the tasks, or was restarted")
        try:
            return name, future.result(timeout=WAIT_SECONDS)
        except self._dask.KilledWorker:
            return name, worker.failure(
                "could not be graded: several workers of the cluster were lost while grading it. "
                "Try it alone, on one machine (--only)."
            )
        except Exception as error:
            if self.client.status != "running":
                raise ConnectionError(f"the scheduler is gone ({type(error).__name__})") from None
            problem = f"could not be graded: {type(error).__name__}: {error}"
            return name, worker.failure(problem[:500])

    def close(self) -> None:
        """Give up what is running, and leave the cluster; a local one is ended."""
        with contextlib.suppress(Exception):
            self.client.cancel(list(self._futures.values()), force=True)
        with contextlib.suppress(Exception):
            self._open.close()
