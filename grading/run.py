"""One run over a class: keep what is known, grade the rest, write the reports."""

import collections
import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from grading import result_store
from grading.assignments.assignment import Assignment, load_assignment, numbers
from grading.assignments.release import release
from grading.intake import reader
from grading.intake.submissions import Submission
from grading.intake.traits import Traits
from grading.limits import Limits
from grading.reports import report
from grading.reports.rows import Row, make_row

SECONDS_BETWEEN_CLAIMS = 0.5


class ClassRun:
    """The submissions of a class, with what is known about each.

    Args:
        submissions: What was found.
        assignment: The homework.
        limits: What each submission may use.
        is_isolated: Whether the sandbox is used.
        out: The results folder.
        due: Seconds since 1970, or None.
        hidden: Paths that no submission may see.
        is_cold: Whether to start Python afresh for every kernel.
    """

    def __init__(
        self,
        submissions: Iterable[Submission],
        assignment: Assignment,
        limits: Limits,
        is_isolated: bool,
        out: Path,
        due: float | None = None,
        hidden: Iterable[Path] = (),
        is_cold: bool = False,
    ):
        self.submissions = {submission.slug: submission for submission in submissions}
        self.assignment, self.limits, self.is_isolated = assignment, limits, is_isolated
        self.out, self.due = Path(out), due
        self.hidden, self.is_cold = [str(path) for path in hidden], is_cold
        self.store = result_store.Store(out)
        traits = Traits.of(assignment.name, release(assignment))
        self.reader = reader.Reader(traits, list(_other_homework(assignment)))
        self.contents = {}
        self.results = {}

    def read(self) -> None:
        """Read what was handed in, and what is already known about it."""
        for slug, submission in self.submissions.items():
            # The notebook and the files are read when it is their turn.
            self.contents[slug] = self.reader.read(submission, is_whole=False)
            self._recall(slug)

    def _recall(self, slug):
        result = self._recorded(slug, self._key(self.contents[slug]))
        if result is not None:
            self.results[slug] = result

    def _recorded(self, slug, key):
        record = self.store.read(slug)
        return record["result"] if record and record["key"] == key else None

    def _key(self, content):
        return result_store.key(content, self.assignment, self.limits, self.is_isolated)

    def to_do(
        self, wanted: set[str] | None = None, fresh: bool = False, again: bool = False
    ) -> list[str]:
        """Return the slugs of what has to be graded, in order.

        What the grader itself could not grade is tried in every run: the disk may have been full.

        Args:
            wanted: Slugs; only these. None stands for all.
            fresh: Whether to grade also what is known.
            again: Whether to grade also what a limit stopped.
        """

        def is_due(slug):
            result = self.results.get(slug)
            return fresh or not is_settled(result) or (again and was_stopped(result))

        return [
            slug
            for slug, content in self.contents.items()
            if not content.problem and (wanted is None or slug in wanted) and is_due(slug)
        ]

    def job(self, slug: str) -> tuple[dict, str] | tuple[None, None]:
        """Return what the grading process needs, and the result's key; None twice if it is gone."""
        content = self.reader.read(self.submissions[slug])
        self.contents[slug] = dataclasses.replace(content, notebook=None, files={})
        if content.problem:
            return None, None
        job = {
            "assignment_name": self.assignment.name,
            "assignment_text": self.assignment.path.read_text(encoding="utf-8"),
            "engine_version": result_store.engine_version(),
            "environment": result_store.environment(),
            "notebook": content.notebook,
            "files": content.files,
            "limits": vars(self.limits),
            "unsafe": not self.is_isolated,
            "hidden": self.hidden,
            "cold": self.is_cold,
            "judge_seconds": sum(task.seconds for task in self.assignment.tasks),
        }
        return job, self._key(content)

    def rows(self) -> list[Row]:
        """Return the rows of the report."""
        return [self._row(slug) for slug in self.submissions]

    def _row(self, slug):
        result = self.results.get(slug)
        submission, content = self.submissions[slug], self.contents[slug]
        return make_row(submission, content, result, self.assignment, self.due)

    def write_reports(self, about: dict) -> list[Row]:
        """Write the table and the pages (see `report.write`); return the rows."""
        for slug in self.submissions.keys() - self.results.keys():
            self._recall(slug)  # another run may have graded it
        rows = self.rows()
        report.write(self.out, rows, self.assignment, about)
        return rows

    def grade(
        self,
        slugs: Iterable[str],
        backend: Any,
        on_result: Callable[[str], None],
        is_forced: bool = False,
    ) -> None:
        """Grade submissions, and store each result as it arrives.

        Args:
            slugs: Which.
            backend: A `pool.Local` or a `cluster.Cluster`.
            on_result: Called with each slug when its result is known.
            is_forced: Whether to grade also what another run has graded in the meantime.
        """
        waiting, running = collections.deque(slugs), {}
        next_claim = 0.0
        try:
            while waiting or running:
                now = time.monotonic()
                while waiting and len(running) < backend.capacity() and now >= next_claim:
                    if not self._start_next(waiting, running, backend, on_result, is_forced):
                        next_claim = now + SECONDS_BETWEEN_CLAIMS
                answer = backend.collect(SECONDS_BETWEEN_CLAIMS)
                if answer is not None:
                    self._keep(*answer, *running.pop(answer[0]))
                    on_result(answer[0])
        finally:
            self.reader.close()

    def _start_next(self, waiting, running, backend, on_result, is_forced):
        """Start the first submission that no other run holds; return whether there was one."""
        for _ in range(len(waiting)):
            slug = waiting.popleft()
            lock = self.store.claim(slug)
            if lock is not None:
                break
            waiting.append(slug)
        else:
            return False
        try:
            job, key = self.job(slug)
            result = None if is_forced or job is None else self._recorded(slug, key)
            if job is not None and not is_settled(result):
                backend.submit(slug, job)
                running[slug] = lock, key
                return True
        finally:
            if slug not in running:
                lock.release()
        if result is not None:
            self.results[slug] = result
        on_result(slug)
        return True

    def _keep(self, slug, result, lock, key):
        try:
            self.store.write(slug, key, result)
        finally:
            lock.release()
        self.results[slug] = result
        report.write_page(self.out, self._row(slug), self.assignment)


def is_settled(result: dict | None) -> bool:
    """Return whether a result says something about the submission, not about the grader."""
    return result is not None and not result.get("problem") and not result.get("page_lost")


def was_stopped(result: dict) -> bool:
    """Return whether a limit was hit, so a second try could end differently."""
    verdicts = {task["verdict"] for task in result.get("tasks", [])}
    return bool(verdicts & {"timeout", "memory", "died", "not reached"})


def _other_homework(assignment: Assignment) -> Iterator[Traits]:
    for number in numbers():
        if number != assignment.number:
            try:
                other = load_assignment(number)
            except ValueError:  # it breaks the rules, but it is not the one asked for
                continue
            yield Traits.of(other.title, release(other))
