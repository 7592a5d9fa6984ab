"""The narrow bridge to a kernel: values come out of it as text, functions in it can be called.

What comes back is a stranger's text. Here it is only passed on; `judge_process` reads it, and
anything that it cannot read is an error of that one task.
"""

import dataclasses
from typing import Any

from grading.execution.kernel import Kernel
from grading.execution.wording import VERDICT_OF_STOPPED


@dataclasses.dataclass
class State:
    """What a task needs from the notebook: values as text, problems by name, and functions.

    `stopped` says why the kernel could not hand it over, if it could not.
    """

    values: dict[str, str] = dataclasses.field(default_factory=dict)
    problems: dict[str, str] = dataclasses.field(default_factory=dict)
    functions: list[str] = dataclasses.field(default_factory=list)
    stopped: str | None = None

    @property
    def missing(self) -> list[str]:
        """Names that the notebook did not define."""
        return [name for name, problem in self.problems.items() if problem == "missing"]


def collect(kernel: Kernel, task: Any, seconds: float) -> State:
    """Return the state of a task's names."""
    if not (task.values or task.functions):
        return State()
    names = f"{list(task.values)!r}, {list(task.functions)!r}, {kernel.limits.value_bytes}"
    outcome = kernel.ask(_of_module(f"state({names})"), seconds)
    if outcome.status in VERDICT_OF_STOPPED:
        return State(stopped=outcome.status)
    answer = outcome.answer or {}
    values = _of_kind(dict, answer.get("values"))
    problems = _of_kind(dict, answer.get("problems"))
    functions = _of_kind(list, answer.get("functions"))
    state = State(functions=[name for name in task.functions if name in functions])
    left = kernel.limits.value_bytes  # for all of them together, as in the kernel
    for name in task.values:
        if isinstance(values.get(name), str):
            left -= len(values[name])
            if left < 0:
                problems[name] = f"not plain: {_too_large(kernel)}"
            else:
                state.values[name] = values[name]
    for name in (*task.values, *task.functions):
        if name not in state.values and name not in state.functions:
            problem = problems.get(name) or "not plain: reading it failed"
            state.problems[name] = str(problem)[:500]
    return state


def call(kernel: Kernel, name: str, arguments: str, seconds: float) -> dict[str, str]:
    """Call a function of the notebook.

    Args:
        kernel: The kernel.
        name: The function's.
        arguments: Text that `plain_values.dumps` made of `[positional, named]`.
        seconds: How long it may take.

    Returns:
        A dictionary with one of `result` (text), `raised` and `message`, `problem`, or `stopped`.
    """
    code = f"call({name!r}, {arguments!r}, {kernel.limits.value_bytes})"
    outcome = kernel.ask(_of_module(code), seconds)
    if outcome.status in VERDICT_OF_STOPPED:
        return {"stopped": outcome.status}
    answer = outcome.answer or {}
    if isinstance(answer.get("result"), str):
        if len(answer["result"]) > kernel.limits.value_bytes:
            return {"problem": _too_large(kernel)}
        return {"result": answer["result"]}
    if isinstance(answer.get("raised"), str):
        return {"raised": answer["raised"][:200], "message": str(answer.get("message"))[:2000]}
    return {"problem": str(answer.get("problem", "the call failed"))[:500]}


def is_quiet(kernel: Kernel) -> bool:
    """Return whether the kernel answers, and floods nobody while idle."""
    nothing = _of_module("state([], [], 1)")
    return kernel.ask(f"(__import__('time').sleep(0.5), {nothing})[1]", 5).status == "ok"


def _of_kind(kind, value):
    return value if isinstance(value, kind) else kind()


def _too_large(kernel):
    most = kernel.limits.value_bytes / 1e6
    return f"it is too large to be handed over (more than {most:g} MB)"


def _of_module(call):
    return f"__import__('sys').modules['course_hand_over'].{call}"
