"""Fetch photos, many at once, until there are as many usable ones of each class as are wanted."""

import contextlib
import queue
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from utils.data.fetching import download as downloads
from utils.data.fetching.download import DownloadError
from utils.openimages.labels import Candidate, in_order
from utils.openimages.photo_pool import Outcome, Pool

MOST_UNDELIVERED = 0.02  # of the photos that are wanted, or ten: more is no accident


class TooFewError(Exception):
    """The candidates are used up; `usable` tells how many photos there are for each class."""

    def __init__(self, usable: list[int]):
        super().__init__(str(usable))
        self.usable = usable


class Collection:
    """Collects the same number of usable photos for each class, from candidates in order.

    Photos are fetched many at once and arrive in any order. What is taken is decided in the
    order of the candidates alone: the first ones that are usable and that show something new.
    """

    def __init__(self, pool: Pool, needed: int, classes: int):
        self.pool = pool
        self.needed = needed
        self.candidates: list[list[Candidate]] = [[] for _ in range(classes)]
        self.outcomes: list[list[Outcome | None]] = [[] for _ in range(classes)]
        self.duplicates = 0

    def add(self, candidates: list[list[Candidate]]) -> None:
        """Append further candidates, one list for each class; known ones are left out."""
        for known, more in zip(self.candidates, candidates, strict=True):
            ids = {candidate.image_id for candidate in known}
            known += [candidate for candidate in more if candidate.image_id not in ids]

    def all_outcomes(self) -> Iterator[Outcome]:
        """Yield what came of every candidate that was looked at."""
        for outcomes in self.outcomes:
            yield from (outcome for outcome in outcomes if outcome is not None)

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
                if outcome.photo.look in seen:
                    self.duplicates += 1
                    continue
                seen.add(outcome.photo.look)
                taken.append(outcome)
            result.append(taken)
        return result

    def run(self, connections: int, progress: bool = True) -> list[list[Outcome]]:
        """Fetch until there are enough photos and return them; may be called again after `add`.

        Raises:
            TooFewError: the candidates are used up.
            DownloadError: the sources fail too often, or the pool cannot be written.
        """
        total = self.needed * len(self.candidates)
        self.pool.stopped.clear()
        with (
            warnings.catch_warnings(),
            downloads.progress_bar("photos", 0, total, unit=" photos", shown=progress) as bar,
            _threads(connections, self.pool.stopped) as submit,
        ):
            warnings.filterwarnings("ignore", module="PIL")  # about strange metadata
            while True:
                chosen = self._round(submit, connections, bar)
                if all(len(taken) == self.needed for taken in chosen):
                    return chosen
                known = [len(outcomes) for outcomes in self.outcomes]
                listed = [len(candidates) for candidates in self.candidates]
                short = [len(taken) < self.needed for taken in chosen]
                if any(a == b for a, b, less in zip(known, listed, short, strict=True) if less):
                    raise TooFewError([len(taken) for taken in chosen])

    def _round(self, submit: Callable, connections: int, bar) -> list[list[Outcome]]:
        """Fetch as many candidates as seem to be needed, then count."""
        usable = [len(taken) for taken in self.chosen()]
        waiting = [0] * len(usable)
        results: queue.SimpleQueue = queue.SimpleQueue()
        bar.update(sum(usable) - bar.n)

        def get(which: int, position: int, again: bool) -> None:
            try:
                result = self.pool.get(self.candidates[which][position])
            except Exception as problem:
                result = problem
            results.put((which, position, again, result))

        def start(which: int, position: int, again: bool = False) -> None:
            waiting[which] += 1
            submit(get, which, position, again)

        second_chance = []
        while True:
            for which, candidates in enumerate(self.candidates):
                outcomes = self.outcomes[which]
                while (
                    len(outcomes) < len(candidates)
                    and usable[which] + waiting[which] < self.needed
                    and sum(waiting) < 2 * connections
                ):
                    outcomes.append(None)
                    start(which, len(outcomes) - 1)
            if not sum(waiting):
                if not second_chance:
                    break
                for which, position in second_chance:
                    start(which, position, again=True)
                second_chance = []
            which, position, again, outcome = _next_result(results)
            waiting[which] -= 1
            if isinstance(outcome, OSError):
                raise downloads.local_problem(outcome, self.pool.folder / "photo", None)
            if isinstance(outcome, Exception):
                raise outcome
            previous = self.outcomes[which][position]
            if previous is not None:  # what failed before it counts as well
                outcome.failures += previous.failures
                outcome.received += previous.received
            self.outcomes[which][position] = outcome
            if outcome.photo is not None:
                usable[which] += 1
                bar.update(1)
            elif outcome.kind == "undelivered":
                self._check_undelivered()
                if not again and self.pool.sources:
                    second_chance.append((which, position))
        return self.chosen()

    def _check_undelivered(self) -> None:
        """Raise DownloadError where too many photos could not be had: then it is no accident."""
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


def _next_result(results: queue.SimpleQueue):
    while True:
        try:
            return results.get(timeout=0.5)  # without it, Ctrl-C would not work on Windows
        except queue.Empty:
            continue


@contextlib.contextmanager
def _threads(count: int, stopped: threading.Event) -> Iterator[Callable]:
    """Start threads; however the block is left, none of them begins anything new after it."""
    pool = ThreadPoolExecutor(count, thread_name_prefix="photos")
    try:
        yield pool.submit
        pool.shutdown()
    except BaseException:
        stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def shuffled(outcomes: list[Outcome], seed: int, purpose: str) -> list[Outcome]:
    """Return photos in another seeded order."""
    return sorted(outcomes, key=lambda outcome: in_order(seed, purpose, outcome.candidate.image_id))
