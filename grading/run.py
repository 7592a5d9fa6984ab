"""One run over a class: what is known is kept, the rest is graded, the reports are written."""

import collections
import dataclasses
import time
from pathlib import Path

from grading import result_store
from grading.assignments.assignment import load_assignment, numbers, release
from grading.intake import reader
from grading.intake.traits import Traits
from grading.reports import report

SECONDS_BETWEEN_CLAIMS = 0.5


class Class:
    """The submissions of a class, with what is known about each.

    Args:
        submissions: A list of `Submission`.
        assignment: The `Assignment`.
        limits: The `Limits`.
        is_isolated: Whether the sandbox is used.
        out: The results' folder.
        due: Seconds since 1970, or None.
        hidden: Paths that no submission may see.
        is_cold: Whether every kernel is started anew.
    """

    def __init__(
        self,
        submissions,
        assignment,
        limits,
        is_isolated,
        out,
        due=None,
        hidden=(),
        is_cold=False,
    ):
        self.submissions = {each.slug: each for each in submissions}
        self.assignment, self.limits, self.is_isolated = assignment, limits, is_isolated
        self.out, self.due = Path(out), due
        self.hidden, self.is_cold = [str(path) for path in hidden], is_cold
        self.store = result_store.Store(out)
        traits = Traits.of(assignment.name, release(assignment))
        self.reader = reader.Reader(traits, list(_other_homework(assignment)))
        self.handed = {}
        self.results = {}

    def look(self):
        """Reads what was handed in, and what is known already."""
        for slug, submission in self.submissions.items():
            # What is graded is read again, as a whole, when it is its turn.
            self.handed[slug] = self.reader.read(submission, is_whole=False)
            self._recall(slug)

    def _recall(self, slug):
        record = self.store.read(slug)
        if record and record["key"] == self._key(self.handed[slug]):
            self.results[slug] = record["result"]

    def _key(self, handed):
        return result_store.key(handed, self.assignment, self.limits, self.is_isolated)

    def to_do(self, wanted=None, fresh=False, again=False):
        """The slugs of what has to be graded, in order.

        Args:
            wanted: Slugs; only these.
            fresh: Whether to grade also what is known.
            again: Whether to grade again also where a task was stopped by a limit.

        What the grader could not grade is tried again in each run: the disk may have been full.
        """
        slugs = [slug for slug, handed in self.handed.items() if not handed.problem]
        if wanted is not None:
            slugs = [slug for slug in slugs if slug in wanted]
        if fresh:
            return slugs
        return [
            slug
            for slug in slugs
            if not is_settled(self.results.get(slug)) or (again and was_stopped(self.results[slug]))
        ]

    def job(self, slug):
        """What the grading process needs, and the key of its result; None if it is gone."""
        handed = self.reader.read(self.submissions[slug])
        self.handed[slug] = dataclasses.replace(handed, notebook=None, files={})
        if handed.problem:
            return None, None
        job = {
            "assignment_name": self.assignment.name,
            "assignment_text": self.assignment.path.read_text(encoding="utf-8"),
            "assignment_version": self.assignment.version,
            "engine_version": result_store.engine_version(),
            "environment": result_store.environment(),
            "notebook": handed.notebook,
            "files": handed.files,
            "limits": vars(self.limits),
            "unsafe": not self.is_isolated,
            "hidden": self.hidden,
            "cold": self.is_cold,
            "judge_seconds": sum(task.seconds for task in self.assignment.tasks),
        }
        return job, self._key(handed)

    def rows(self):
        """The lines of the report."""
        return [
            report.make_row(
                each, self.handed[slug], self.results.get(slug), self.assignment, self.due
            )
            for slug, each in self.submissions.items()
        ]

    def write_reports(self, about):
        """Writes the table and the pages; returns the rows."""
        for slug in self.submissions:  # another run may have done some
            if slug not in self.results:
                self._recall(slug)
        rows = self.rows()
        report.write(self.out, rows, self.assignment, about)
        return rows

    def grade(self, slugs, backend, told, is_forced):
        """Grades submissions, and stores each result as it arrives.

        Args:
            slugs: Which.
            backend: A `pool.Local` or a `cluster.Cluster`.
            told: A function that is called with each slug when its result is there.
            is_forced: Whether to grade also what another run has done in the meantime.
        """
        try:
            self._grade(slugs, backend, told, is_forced)
        finally:
            self.reader.close()

    def _grade(self, slugs, backend, told, is_forced):
        waiting = collections.deque(slugs)
        under_way = {}
        next_claim = 0.0
        while waiting or under_way:
            now = time.monotonic()
            while waiting and len(under_way) < backend.capacity() and now >= next_claim:
                slug = self._claim(waiting, under_way, told, is_forced, backend)
                if slug is None:
                    next_claim = now + SECONDS_BETWEEN_CLAIMS
            answer = backend.collect(SECONDS_BETWEEN_CLAIMS)
            if answer is None:
                continue
            slug, result = answer
            lock, key = under_way.pop(slug)
            try:
                self.store.write(slug, key, result)
            finally:
                lock.release()
            self.results[slug] = result
            report.write_page(self.out, self._row(slug), self.assignment)
            told(slug)

    def _row(self, slug):
        return report.make_row(
            self.submissions[slug],
            self.handed[slug],
            self.results.get(slug),
            self.assignment,
            self.due,
        )

    def _claim(self, waiting, under_way, told, is_forced, backend):
        """Starts the first waiting submission that no other run is at; None if there is none."""
        for _ in range(len(waiting)):
            slug = waiting.popleft()
            lock = self.store.claim(slug)
            if lock is None:
                waiting.append(slug)
                continue
            started = False
            try:
                job, key = self.job(slug)
                record = self.store.read(slug)
                is_known = record and record["key"] == key and is_settled(record["result"])
                is_known = is_known and not is_forced
                if job is not None and not is_known:
                    backend.submit(slug, job)
                    under_way[slug] = lock, key
                    started = True
                    return slug
            finally:
                if not started:
                    lock.release()
            if job is not None:
                self.results[slug] = record["result"]
            told(slug)
            return slug
        return None


def is_settled(result):
    """Whether there is a result that says something about the submission, not about the grader."""
    return result is not None and not result.get("problem") and not result.get("page_lost")


def was_stopped(result):
    """Whether a second try could end otherwise, because a limit was hit."""
    verdicts = {task["verdict"] for task in result.get("tasks", [])}
    return bool(verdicts & {"timeout", "memory", "died", "not reached"})


def _other_homework(assignment):
    for number in numbers():
        if number != assignment.number:
            try:
                other = load_assignment(number)
            except ValueError:  # it does not keep the rules; it is not asked for either
                continue
            yield Traits.of(other.title, release(other))
