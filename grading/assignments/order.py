"""The order in which a restored notebook runs: nothing stands above the answer that it needs.

Whoever answers below the test cell, in a cell of one's own at the end or above the setup, ran the
cells in an order of one's own, and has the right answers. So, where a name that a task needs is
given below only,

- the test cell waits, and so does a locked cell: the student's cells keep their order;
- a student's cell that a task needs, and that cannot run where it stands, is preceded by the cell
  that it needs.

Where every name is given above, as when the cells run from top to bottom, nothing is changed. An
answer cell that is as it was handed out gives nothing, and takes nothing back that stands above.
"""

from grading.assignments import code_names
from grading.assignments.recognise import is_answer, name_of

NOTHING = code_names.Names()
# A notebook with more runs as it stands: nobody who writes so much does it in one cell.
MOST_CELLS, MOST_CHARACTERS = 1000, 1_000_000
MOST_STEPS = 5000  # of looking for what a cell needs


def in_running_order(placed, known, assignment):
    """Puts the cells of a restored notebook into an order in which they can run.

    Args:
        placed: Pairs (grade_id or None, the submitted cell or None), in order.
        known: The assignment's cells by grade_id, as handed out.
        assignment: The `Assignment`.

    Returns:
        (placed, notes): The same pairs, with empty answers that would take an answer back
        shortened; and sentences about what was moved.
    """
    sources = [cell["source"] for _, cell in placed if cell is not None]
    if len(placed) > MOST_CELLS or sum(map(len, sources)) > MOST_CHARACTERS:
        return placed, []
    order = _Order(placed, known, assignment)
    numbers = order.found()
    moved = [placed[number] for number in numbers]
    shortened, notes = _keep_answers(moved, [order.names[n] for n in numbers], known)
    return shortened, order.notes() + notes


def is_untouched(cell, wanted):
    """Whether an answer cell is as it was handed out, or empty."""
    return not cell["source"].strip() or code_names.is_same_code(cell["source"], wanted["source"])


class _Order:
    """Finds the order of a notebook's cells; they are called by their numbers in `placed`."""

    def __init__(self, placed, known, assignment):
        self.placed, self.known = placed, known
        self.tasks = {task.grade_id: task for task in assignment.tasks}
        self.names = [self._names(key, cell) for key, cell in placed]
        self.givers = {}
        for number, found in enumerate(self.names):
            for name in found.given:
                self.givers.setdefault(name, []).append(number)
        self.asked = self._asked()
        self.order, self.done, self.there, self.is_open = [], set(), set(), False
        self.lowered, self.raised = {}, {}  # number -> names
        self.needed, self.steps = {}, 0

    def _names(self, key, cell):
        """What a cell gives and needs, as it will run."""
        wanted = self.known.get(key)
        kind = (wanted or cell)["cell_type"]
        if kind != "code":
            return NOTHING
        if wanted is not None and not is_answer(wanted):
            return code_names.names_of(wanted["source"])
        if cell is None or (wanted is not None and is_untouched(cell, wanted)):
            return NOTHING
        return code_names.names_of(cell["source"])

    def _is_locked(self, number):
        return not self._is_students(number) and self.placed[number][0] not in self.tasks

    def _is_students(self, number):
        key = self.placed[number][0]
        return key is None or is_answer(self.known[key])

    def _asked(self):
        """The names that some task needs, however many cells lie between."""
        wanted = [name for task in self.tasks.values() for name in (*task.values, *task.functions)]
        asked = set()
        while wanted:
            name = wanted.pop()
            if name in asked:
                continue
            asked.add(name)
            for number in self.givers.get(name, ()):
                found = self.names[number]
                wanted += found.needed | found.later.get(name, set())
        return asked

    def found(self):
        """The numbers of all cells in their order."""
        waiting = {}  # number -> the cells that it waits for
        for number in range(len(self.placed)):
            if number in self.done:
                continue
            is_asked = not self.names[number].given.isdisjoint(self.asked)
            missing = self._missing(number) if is_asked or not self._is_students(number) else set()
            if not self._is_students(number):
                wait = self._wait(number, missing) if missing else set()
                # A locked cell may do more than give names, so that nothing overtakes it.
                wait |= {each for each in waiting if self._is_locked(each)}
                if wait:
                    waiting[number] = wait
                    self.lowered |= {number: missing} if missing else {}
                    continue
            elif missing:
                for each in self._before(number, ()) or ():
                    if each != number:
                        self.raised[each] = self.names[each].given & missing
                        waiting.pop(each, None)
                        self.lowered.pop(each, None)
                        self._do(each)
            self._do(number)
            self._release(waiting)
        for number in waiting:
            self._do(number)
        return self.order

    def _do(self, number):
        self.order.append(number)
        self.done.add(number)
        self.there |= self.names[number].given
        self.is_open |= self.names[number].is_open and self._is_students(number)

    def _release(self, waiting):
        """Lets those run that wait for nothing any more."""
        free = True
        while free:
            free = [number for number, wait in waiting.items() if wait <= self.done]
            for number in free:
                del waiting[number]
                self._do(number)

    def _missing(self, number):
        """Names that a cell needs, that nothing gave up to here, and that something will give."""
        if self.is_open:
            return set()
        return {
            name
            for name in self._needed(number)
            if name not in self.there and any(g not in self.done for g in self.givers[name])
        }

    def _needed(self, number):
        if number not in self.needed:
            self.needed[number] = self._find_needed(number)
        return self.needed[number]

    def _find_needed(self, number):
        """Names that a cell needs, and those that the functions behind them need."""
        task = self.tasks.get(self.placed[number][0])
        found = self.names[number]
        wanted = [*found.needed]
        for name in (*task.values, *task.functions) if task else ():
            wanted += [name] if name not in found.given else found.later.get(name, ())
        needed = set()
        while wanted:
            name = wanted.pop()
            if name in needed or name in found.given or name not in self.givers:
                continue
            needed.add(name)
            for giver in self.givers[name]:
                wanted += self.names[giver].later.get(name, ())
        return needed

    def _wait(self, number, missing):
        """The cells that a test cell or a locked cell has to wait for; none if that spoils it."""
        wait = {g for name in missing for g in self.givers[name] if g not in self.done}
        wait.discard(number)
        task = self.tasks.get(self.placed[number][0])
        direct = {*task.values, *task.functions} if task else set()
        direct |= self.names[number].needed
        if task:
            wait |= self._makers(missing.intersection(task.values), min(wait, default=number))
        if not missing & direct:  # a function that perhaps never needs them
            between = range(number + 1, max(wait, default=number))
            spoilt = set().union(*(self.names[n].given for n in between if n not in wait))
            if spoilt & direct:
                return set()
        return wait

    def _makers(self, values, first):
        """The student's cells below the first that work on values, and on no other answer."""
        others = self.asked - values
        return {
            number
            for number in range(first + 1, len(self.placed))
            if number not in self.done
            and self._is_students(number)
            and self.names[number].needed & values
            and not self.names[number].given & others
        }

    def _before(self, number, above):
        """What has to run for a student's cell to run, in order, itself last; None if it cannot."""
        order = []
        self.steps += 1
        if self.steps > MOST_STEPS or len(above) > 100:
            return None
        for giver in self._givers_for(number):
            if giver == number or giver in above or giver in order:
                continue
            found = self._before(giver, (*above, number))
            if found is None or self._is_crossed(giver, {number, *order, *found}):
                return None
            order += [each for each in found if each not in order]
        return [*order, number]

    def _givers_for(self, number):
        """The cells that give what a cell needs; of locked cells also those above, in order."""
        givers = [self._first(name) for name in sorted(self._missing(number))]
        last = max((giver for giver in givers if self._is_locked(giver)), default=-1)
        locked = [n for n in range(last + 1) if n not in self.done and self._is_locked(n)]
        return locked + [giver for giver in givers if giver not in locked]

    def _first(self, name):
        return next(giver for giver in self.givers[name] if giver not in self.done)

    def _is_crossed(self, giver, moved):
        """Whether a cell on the way that stays sets a name that the moved one sets."""
        return any(
            self.names[between].given & self.names[giver].given
            for between in range(giver)
            if between not in self.done and between not in moved
        )

    def notes(self):
        """Sentences about what was moved."""
        notes = []
        if len(self.lowered) == 1:
            ((number, missing),) = self.lowered.items()
            notes.append(
                f"{self._name(number)} was run below the cell that gives "
                f"{', '.join(sorted(missing))}, since nothing above it does."
            )
        elif self.lowered:
            listed = ", ".join(self.placed[number][0] for number in self.lowered)
            notes.append(f"These cells were run below the answers that they need: {listed}.")
        if len(self.raised) == 1:
            ((number, given),) = self.raised.items()
            what = ", ".join(sorted(given)) or "it"
            notes.append(
                f"{self._name(number)} was run further up, because a cell above it needs {what}."
            )
        elif self.raised:
            keys = [self.placed[number][0] for number in self.raised]
            own = [f"{keys.count(None)} of your own"] if None in keys else []
            listed = ", ".join([key for key in keys if key] + own)
            notes.append(f"These cells were run further up, because others need them: {listed}.")
        return notes

    def _name(self, number):
        key = self.placed[number][0]
        return name_of(self.known, key) if key else "A cell of your own"


def _keep_answers(placed, found, known):
    """Keeps answer cells that are as handed out from taking an answer back that stands above."""
    kept, spared, given, is_open = [], {}, set(), False
    official = _names_of_several(known)
    for (key, cell), of_cell in zip(placed, found, strict=True):
        kept.append((key, cell))
        if key is None or is_answer(known[key]):
            given |= of_cell.given
            is_open |= of_cell.is_open
        if key is None or cell is None or known[key]["cell_type"] != "code":
            continue
        if not is_answer(known[key]) or not is_untouched(cell, known[key]):
            continue
        would_set = code_names.names_of(cell["source"]).given - official
        answered = would_set & given
        short = code_names.without(cell["source"], answered) if answered else cell["source"]
        if is_open and would_set > answered:
            short = code_names.unless_given(short, would_set - answered)
        if short != cell["source"]:
            kept[-1] = (key, {**cell, "source": f"# Answered in another cell?\n{short}".strip()})
        if answered:
            spared[key] = answered
    return kept, _about_spared(spared, known)


def _about_spared(spared, known):
    if not spared:
        return []
    if len(spared) == 1:
        ((key, answered),) = spared.items()
        what = f"{name_of(known, key)} was as it had been handed out; it does"
        return [f"{what} not take back {', '.join(sorted(answered))}, which a cell above it gives."]
    return [
        f"The cells for your answers {', '.join(spared)} were as they had been handed out; they do "
        "not take back what cells above them give."
    ]


def _names_of_several(known):
    """Names that more than one of the assignment's cells set, so that nobody can tell for which."""
    seen, several = set(), set()
    for cell in known.values():
        if cell["cell_type"] == "code":
            given = code_names.names_of(cell["source"]).given
            several |= seen & given
            seen |= given
    return several
