"""The order in which a restored notebook runs: nothing comes before the answer that it needs.

A student who answers below the test cell, in a new cell at the end, or above the setup, ran the
cells in another order and has the right answers. So, where a name that a task needs is given only
further down,

- the test cell waits, and so does a locked cell: the student's cells keep their order;
- a student's cell that a task needs, and that cannot run where it is, is preceded by the cell that
  it needs.

Where every name is given above, as when the cells run from top to bottom, nothing is changed. An
answer cell left as handed out gives nothing, and undoes nothing that is given above it.
"""

import collections

from grading.assignments.code_names import Names, is_same_code, names_of, remove_names, unless_given
from grading.assignments.released import ReleasedCells, SubmittedCell

# A notebook with more runs as it is: nobody who writes that much does it in one cell.
MOST_CELLS, MOST_CHARACTERS = 1000, 1_000_000
MOST_STEPS, MOST_DEPTH = 5000, 100  # of looking for what a cell needs


def in_running_order(
    placed: list[SubmittedCell], released: ReleasedCells
) -> tuple[list[SubmittedCell], list[str]]:
    """Put the cells of a restored notebook into an order in which they can run.

    Args:
        placed: The cells, in the assignment's order.
        released: The assignment's cells.

    Returns:
        The cells, with any empty answers shortened that would undo another answer; and sentences
        about what was moved.
    """
    if len(placed) > MOST_CELLS or sum(len(cell.source) for cell in placed) > MOST_CHARACTERS:
        return placed, []
    order = _Order(placed, released)
    numbers = order.find()
    names = [order.names[number] for number in numbers]
    cells, notes = _keep_answers([placed[number] for number in numbers], names, released)
    return cells, order.notes() + notes


def _is_untouched(submitted: SubmittedCell, released: ReleasedCells) -> bool:
    """Return whether an answer cell was left as handed out, or is empty."""
    wanted = released.marked[submitted.key]["source"]
    return not submitted.source.strip() or is_same_code(submitted.source, wanted)


def _names(submitted: SubmittedCell, released: ReleasedCells) -> Names:
    """Return what a cell gives and needs, as it will run."""
    wanted = released.marked.get(submitted.key)
    if (wanted or submitted.cell)["cell_type"] != "code":
        return Names()
    if released.is_locked(submitted.key):
        return names_of(wanted["source"])
    if submitted.cell is None or (wanted and _is_untouched(submitted, released)):
        return Names()
    return names_of(submitted.source)


class _Order:
    """Finds the order of a notebook's cells, which are called by their numbers."""

    def __init__(self, placed: list[SubmittedCell], released: ReleasedCells):
        self.keys, self.released = [cell.key for cell in placed], released
        self.names = [_names(cell, released) for cell in placed]
        self.is_locked = [released.is_locked(key) for key in self.keys]
        # What its tests ask for, for each cell; none for a cell without tests.
        tasks = [released.tasks[key] if released.is_test(key) else None for key in self.keys]
        self.values = [set(task.values) if task else set() for task in tasks]
        self.functions = [set(task.functions) if task else set() for task in tasks]
        self.is_test = [task is not None for task in tasks]
        self.givers = collections.defaultdict(list)
        for number, names in enumerate(self.names):
            for name in names.given:
                self.givers[name].append(number)
        self.asked = self._asked()
        self.needed = [self._needed(number) for number in range(len(placed))]
        self.order, self.done, self.there, self.is_open = [], set(), set(), False
        self.lowered, self.raised = {}, {}  # number -> names
        self.steps = 0

    def _asked(self) -> set[str]:
        """Return the names that some task needs, however many cells lie between."""
        waiting = [*set().union(*self.values, *self.functions)]
        asked = set()
        while waiting:
            name = waiting.pop()
            if name not in asked:
                asked.add(name)
                for number in self.givers.get(name, ()):
                    names = self.names[number]
                    waiting += names.needed | names.later.get(name, set())
        return asked

    def _needed(self, number: int) -> set[str]:
        """Return names that a cell needs, and those that the functions behind them need."""
        names = self.names[number]
        waiting = [*names.needed]
        for name in self.values[number] | self.functions[number]:
            waiting += names.later.get(name, ()) if name in names.given else [name]
        needed = set()
        while waiting:
            name = waiting.pop()
            if name not in needed and name not in names.given and name in self.givers:
                needed.add(name)
                for giver in self.givers[name]:
                    waiting += self.names[giver].later.get(name, ())
        return needed

    def find(self) -> list[int]:
        """Return the numbers of all cells in their order."""
        waiting = {}  # number -> the cells that it waits for
        for number in range(len(self.names)):
            if number in self.done:
                continue
            is_asked = not self.names[number].given.isdisjoint(self.asked)
            missing = self._missing(number) if is_asked or self.is_locked[number] else set()
            if self.is_locked[number]:
                wait = self._wait(number, missing) if missing else set()
                # A locked cell may do more than give names, so nothing overtakes it.
                wait |= {other for other in waiting if not self.is_test[other]}
                if wait:
                    waiting[number] = wait
                    self.lowered |= {number: missing} if missing else {}
                    continue
            elif missing:
                for other in self._before(number, ()) or [number]:
                    if other != number:
                        self.raised[other] = self.names[other].given & missing
                        waiting.pop(other, None)
                        self.lowered.pop(other, None)
                        self._run(other)
            self._run(number)
            while free := [other for other, wait in waiting.items() if wait <= self.done]:
                for other in free:
                    del waiting[other]
                    self._run(other)
        for number in waiting:
            self._run(number)
        return self.order

    def _run(self, number: int) -> None:
        self.order.append(number)
        self.done.add(number)
        self.there |= self.names[number].given
        self.is_open |= self.names[number].is_open and not self.is_locked[number]

    def _missing(self, number: int) -> set[str]:
        """Return names that a cell needs, that nothing gave so far, and that something will."""
        missing = set() if self.is_open else self.needed[number] - self.there
        return {name for name in missing if not self.done.issuperset(self.givers[name])}

    def _wait(self, number: int, missing: set[str]) -> set[int]:
        """Return the cells that a locked cell has to wait for; none if that spoils it."""
        wait = {giver for name in missing for giver in self.givers[name]} - self.done - {number}
        direct = self.values[number] | self.functions[number] | self.names[number].needed
        if self.is_test[number]:
            wait |= self._makers(missing & self.values[number], min(wait, default=number))
        if not missing & direct:  # a function that perhaps never needs them
            between = set(range(number + 1, max(wait, default=number))) - wait
            if any(self.names[other].given & direct for other in between):
                return set()
        return wait

    def _makers(self, values: set[str], first: int) -> set[int]:
        """Return the student's cells below the first that work on values, on no other answer."""
        others = self.asked - values
        return {
            number
            for number in range(first + 1, len(self.names))
            if number not in self.done
            and not self.is_locked[number]
            and self.names[number].needed & values
            and not self.names[number].given & others
        }

    def _before(self, number: int, above: tuple[int, ...]) -> list[int] | None:
        """Return what has to run for a student's cell, in order, itself last; None if it cannot."""
        self.steps += 1
        if self.steps > MOST_STEPS or len(above) > MOST_DEPTH:
            return None
        order = []
        for giver in self._givers_for(number):
            if giver == number or giver in above or giver in order:
                continue
            cells = self._before(giver, (*above, number))
            if cells is None or self._is_crossed(giver, {number, *order, *cells}):
                return None
            order += [cell for cell in cells if cell not in order]
        return [*order, number]

    def _givers_for(self, number: int) -> list[int]:
        """Return the cells that give what a cell needs, and all locked cells above such a one."""
        givers = [
            next(giver for giver in self.givers[name] if giver not in self.done)
            for name in sorted(self._missing(number))
        ]
        setup = [n for n, locked in enumerate(self.is_locked) if locked and not self.is_test[n]]
        last = max((giver for giver in givers if giver in setup), default=-1)
        setup = [n for n in setup if n <= last and n not in self.done]
        return setup + [giver for giver in givers if giver not in setup]

    def _is_crossed(self, giver: int, moved: set[int]) -> bool:
        """Return whether a cell on the way that stays sets a name that the moved one sets."""
        given = self.names[giver].given
        between = set(range(giver)) - self.done - moved
        return any(self.names[number].given & given for number in between)

    def notes(self) -> list[str]:
        """Return sentences about what was moved."""
        return [
            f"{self.released.subject([self.keys[number] for number in moved])} run {where}: "
            f"{', '.join(sorted(set().union(*moved.values()))) or 'it'}."
            for moved, where in (
                (self.lowered, "further down, below the cells that give what is needed"),
                (self.raised, "further up, because cells above need what is given"),
            )
            if moved
        ]


def _keep_answers(
    cells: list[SubmittedCell], names: list[Names], released: ReleasedCells
) -> tuple[list[SubmittedCell], list[str]]:
    """Keep answer cells left as handed out from undoing an answer that is given above."""
    result, answers, keys, given, is_open = [], set(), [], set(), False
    for cell, of_cell in zip(cells, names, strict=True):
        result.append(cell)
        if not released.is_locked(cell.key):
            given |= of_cell.given
            is_open |= of_cell.is_open
        if not released.is_answer(cell.key) or released.marked[cell.key]["cell_type"] != "code":
            continue
        if cell.cell is None or not _is_untouched(cell, released):
            continue
        would_set = names_of(cell.source).given - released.ambiguous
        answered = would_set & given
        short = remove_names(cell.source, answered) if answered else cell.source
        if is_open and would_set > answered:
            short = unless_given(short, would_set - answered)
        if short != cell.source:
            source = f"# Answered in another cell?\n{short}".strip()
            result[-1] = SubmittedCell({**cell.cell, "source": source}, cell.key)
        if answered:
            keys.append(cell.key)
            answers |= answered
    if not keys:
        return result, []
    note = f"{released.subject(keys)} left as handed out, so the answers above stand: "
    return result, [f"{note}{', '.join(sorted(answers))}."]
