"""Fetch photos, many at once, until there are enough usable ones of each class."""

import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from utils.data.fetching import disk
from utils.data.fetching import download as downloads
from utils.data.fetching.errors import DownloadError
from utils.openimages.labels import Candidate
from utils.openimages.photo_pool import Outcome, Pool

CONNECTIONS = 32  # at the same time
MOST_UNDELIVERED = 0.02  # of the wanted photos, or ten: more is no accident


class Collection:
    """Collects the same number of usable photos for each class, from candidates in order.

    Photos arrive in any order. Which ones are taken depends only on the order of the candidates:
    the first ones that are usable and show something new.
    """

    def __init__(self, pool: Pool, needed: int, classes: int):
        self.pool = pool
        self.needed = needed
        self.candidates: list[list[Candidate]] = [[] for _ in range(classes)]
        self.outcomes: list[list[Outcome | None]] = [[] for _ in range(classes)]
        self.duplicates = 0

    def add(self, candidates: list[list[Candidate]]) -> None:
        """Append further candidates, one list for each class, leaving out known ones."""
        for known, more in zip(self.candidates, candidates, strict=True):
            ids = {candidate.image_id for candidate in known}
            known += [candidate for candidate in more if candidate.image_id not in ids]

    def all_outcomes(self) -> Iterator[Outcome]:
        """Yield the outcome for every candidate that was tried."""
        for outcomes in self.outcomes:
            yield from filter(None, outcomes)

    def chosen(self) -> list[list[Outcome]]:
        """Return the photos to take, at most `needed` for each class."""
        seen, result, self.duplicates = set(), [], 0
        for outcomes in self.outcomes:
            taken = []
            for outcome in outcomes:
                if len(taken) == self.needed:
                    break
                if outcome is None or outcome.photo is None:
                    continue
                if outcome.photo.image_hash in seen:
                    self.duplicates += 1
                    continue
                seen.add(outcome.photo.image_hash)
                taken.append(outcome)
            result.append(taken)
        return result

    def run(self, progress: bool = True) -> list[list[Outcome]]:
        """Fetch until there are enough photos of each class, or no candidates are left.

        May be called again after `add`.

        Returns:
            The photos of each class, in the order of the candidates.

        Raises:
            DownloadError: the sources fail too often, or the pool cannot be written.
        """
        executor = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="photos")
        running: dict[Future, tuple[int, int]] = {}
        total = self.needed * len(self.candidates)
        try:
            with (
                warnings.catch_warnings(),
                downloads.progress_bar("photos", 0, total, " photos", progress) as bar,
            ):
                warnings.filterwarnings("ignore", module="PIL")  # about strange metadata
                while True:
                    chosen = self.chosen()
                    bar.update(sum(map(len, chosen)) - bar.n)
                    self._start_more(executor, running, chosen)
                    if not running:
                        return chosen
                    # With a timeout, since Ctrl-C would not work on Windows without one.
                    done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
                    for future in done:
                        label, position = running.pop(future)
                        self.outcomes[label][position] = future.result()
                    self._check_undelivered()
        except OSError as problem:
            raise disk.local_problem(problem, self.pool.folder / "photo", None) from problem
        finally:
            if running:
                self.pool.stopped.set()
            executor.shutdown(wait=False, cancel_futures=True)

    def _start_more(
        self,
        executor: ThreadPoolExecutor,
        running: dict[Future, tuple[int, int]],
        chosen: list[list[Outcome]],
    ) -> None:
        """Ask for as many further candidates as seem necessary."""
        waiting = Counter(label for label, _ in running.values())
        for label, (candidates, outcomes) in enumerate(
            zip(self.candidates, self.outcomes, strict=True)
        ):
            missing = self.needed - len(chosen[label]) - waiting[label]
            free = 2 * CONNECTIONS - len(running)
            for candidate in candidates[len(outcomes) :][: max(0, min(missing, free))]:
                running[executor.submit(self.pool.get, candidate)] = (label, len(outcomes))
                outcomes.append(None)

    def _check_undelivered(self) -> None:
        """Raise DownloadError if so many photos were not delivered that it is no accident."""
        failed = [outcome for outcome in self.all_outcomes() if outcome.kind == "undelivered"]
        if len(failed) > max(10, MOST_UNDELIVERED * self.needed * len(self.candidates)):
            reasons = Counter(reason for outcome in failed for reason in outcome.failures)
            usual = ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common(3))
            raise DownloadError(
                f"{len(failed)} photos could not be fetched. What happened: {usual}. "
                f"The last one: {failed[-1].reason}. What has arrived is kept; the next call "
                "continues there.",
                short=reasons.most_common(1)[0][0] if reasons else "the photos did not come",
            )
