"""The same run on a Dask cluster: each submission is one task.

Nothing is shared but the network: a task carries the submission and the assignment, its result
comes back with the executed notebook's page. A worker that is lost loses nothing: Dask runs its
tasks elsewhere. A submission that loses one worker after the other is given up and reported; Dask
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

from grading import result_store
from grading.workers import worker
from grading.workers.pool import Slot

WAIT_SECONDS = 60  # for the scheduler, and for its first worker
_here = threading.local()


class Unavailable(Exception):
    """There is no cluster that could be used; the message says why."""


def grade(job):
    """Runs on a worker: grades a job in the slot of this thread."""
    if job["engine_version"] != result_store.engine_version():
        return worker.failure(
            f"could not be graded: the worker on {socket.gethostname()} has another version of "
            "this repository"
        )
    if others := differences(job["environment"], result_store.environment()):
        return worker.failure(
            f"could not be graded: the worker on {socket.gethostname()} has {others}"
        )
    if not hasattr(_here, "slot"):
        _here.slot = Slot()
    return _here.slot.grade(job)


def differences(wanted, found):
    """What a worker has that differs from here, in words; an empty text if nothing does."""
    names = [name for name in {**wanted, **found} if wanted.get(name) != found.get(name)]
    pairs = [(name, found.get(name) or "none", wanted.get(name) or "none") for name in names]
    return ", ".join(f"{name} {there} instead of {here}" for name, there, here in pairs)


def introduce():
    """Runs on a worker: what it is, and whether it can isolate."""
    from grading.sandbox import bubblewrap

    return {
        "host": socket.gethostname(),
        "version": result_store.engine_version(),
        "environment": result_store.environment(),
        "problem": bubblewrap.choose(unsafe=True).problem,
    }


class Cluster:
    """Grades on a Dask cluster.

    Args:
        address: Of the scheduler, such as `tcp://host:8786`; or `local:3` for three workers on
            this machine.
        unsafe: Whether workers that cannot isolate are good enough.
        function: What to run; for tests.

    Raises:
        Unavailable: Dask is not installed, the scheduler cannot be reached, or its workers cannot
            grade.
    """

    def __init__(self, address, unsafe, function=grade):
        try:
            import distributed
        except ImportError:
            raise Unavailable(
                "--scheduler needs Dask, which is not installed: pip install distributed"
            ) from None
        self._dask, self._function = distributed, function
        self._results = queue.SimpleQueue()
        self._futures = {}
        self._cluster = None
        if address.startswith("local"):
            address = self._start_local(address)
        try:
            self.client = distributed.Client(address, timeout=WAIT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            self._end_local()
            raise Unavailable(f"There is no scheduler at {address}: {error}") from None
        try:
            self._check_workers(unsafe)
        except BaseException:
            self.close()
            raise

    def _start_local(self, address):
        _, _, count = address.partition(":")
        if not (count or "2").isdecimal() or int(count or 2) < 1:
            raise Unavailable(f"--scheduler {address}: write local:3 for three processes")
        # The memory of a submission is limited by the sandbox, not by Dask.
        self._cluster = self._dask.LocalCluster(
            n_workers=int(count or 2),
            threads_per_worker=1,
            processes=True,
            memory_limit=None,
            dashboard_address=None,
            silence_logs=50,
        )
        return self._cluster

    def _check_workers(self, unsafe):
        try:
            self.client.wait_for_workers(1, timeout=WAIT_SECONDS)
        except TimeoutError:
            raise Unavailable("The cluster has no workers.") from None
        try:
            workers = self.client.run(introduce)
        except Exception as error:
            raise Unavailable(
                "The workers cannot import the grader. Start them in a checkout of this "
                f"repository, in the same environment as here ({type(error).__name__}: {error})."
            ) from None
        old = {w["host"] for w in workers.values() if w["version"] != result_store.engine_version()}
        if old:
            raise Unavailable(
                f"Another version of this repository is on: {', '.join(sorted(old))}. Bring all "
                "machines to the same commit."
            )
        here = result_store.environment()
        odd = {(w["host"], differences(here, w["environment"])) for w in workers.values()}
        if odd := sorted((host, words) for host, words in odd if words):
            raise Unavailable(
                "Results would depend on the machine: "
                + "; ".join(f"{host} has {words}" for host, words in odd)
                + ". Install the same there, and set the same variables."
            )
        open_hosts = sorted({w["host"] for w in workers.values() if w["problem"]})
        if open_hosts and not unsafe:
            raise Unavailable(
                f"These machines cannot isolate submissions: {', '.join(open_hosts)}. Install "
                "bubblewrap there, or add --unsafe."
            )

    @contextlib.contextmanager
    def _asking(self):
        """Asks the scheduler; if it is gone, that is a ConnectionError, whatever Dask calls it."""
        try:
            yield
        except Exception as error:
            if isinstance(error, OSError) or self.client.status in ("closed", "closing"):
                text = f"the scheduler is gone ({type(error).__name__}: {error})"
                raise ConnectionError(text[:300]) from None
            raise

    def describe(self):
        """One sentence about the cluster.

        Raises:
            ConnectionError: the scheduler is gone.
        """
        with self._asking():
            threads = self.client.nthreads()
        text = f"Dask: {len(threads)} worker(s), {sum(threads.values())} submission(s) at a time."
        if max(threads.values(), default=1) > 1:
            text += " Better give each worker one thread (--nthreads 1): what ends a worker ends "
            text += "everything on it."
        return text

    def capacity(self):
        """How many may be under way at the same time.

        Raises:
            ConnectionError: the scheduler is gone.
        """
        # One task a thread, none waiting on a worker: a task that kills its worker then cannot
        # take the blame to others.
        with self._asking():
            return max(1, sum(self.client.nthreads().values()))

    def submit(self, name, job):
        """Starts a job; its result comes out of `collect`.

        Raises:
            ConnectionError: the scheduler is gone.
        """
        with self._asking(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about tasks that carry much data: they must
            future = self.client.submit(
                self._function, job, key=f"grade-{name}-{uuid.uuid4().hex}", pure=False
            )
        self._futures[name] = future
        future.add_done_callback(lambda done, name=name: self._results.put((name, done)))

    def collect(self, seconds):
        """The next (name, result), or None if there is none within so many seconds.

        Raises:
            ConnectionError: the scheduler is gone for good.
        """
        try:
            name, future = self._results.get(timeout=seconds)
        except queue.Empty:
            if self.client.status in ("closed", "closing"):
                raise ConnectionError("the scheduler is gone") from None
            return None
        self._futures.pop(name, None)
        if future.status == "cancelled":
            raise ConnectionError("the scheduler gave up the tasks, or was started anew")
        return name, self._result(future)

    def _result(self, future):
        try:
            return future.result(timeout=WAIT_SECONDS)
        except self._dask.KilledWorker:
            return worker.failure(
                "could not be graded: several workers of the cluster were lost while they were "
                "at it. Try it alone, on one machine (--only)."
            )
        except Exception as error:
            if self.client.status != "running":
                raise ConnectionError(f"the scheduler is gone ({type(error).__name__})") from None
            return worker.failure(f"could not be graded: {type(error).__name__}: {error}"[:500])

    def close(self):
        """Gives up what is under way, and leaves the cluster; a local one is ended."""
        with contextlib.suppress(Exception):
            self.client.cancel(list(self._futures.values()), force=True)
        with contextlib.suppress(Exception):
            self.client.close(timeout=10)
        self._end_local()

    def _end_local(self):
        if self._cluster is not None:
            with contextlib.suppress(Exception):
                self._cluster.close(timeout=10)
            self._cluster = None
