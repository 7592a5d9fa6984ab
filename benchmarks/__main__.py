"""Run the benchmarks, or those named: make bench, make bench ONLY=windowing."""

import difflib
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
NAMES = sorted(path.stem for path in HERE.glob("[a-z]*.py"))


def main(words: list[str]) -> int:
    """Run one benchmark after another, each in its own Python process."""
    names = [word for word in words if not word.startswith("-")]
    options = [word for word in words if word.startswith("-")]
    for name in names:
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            print(f"There is no benchmark {name!r}; there are {', '.join(NAMES)}.{hint}")
            return 2
    statuses = []
    for name in names or NAMES:
        print(f"\n# {name}\n", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *options]
        statuses.append(subprocess.call(command, cwd=HERE.parent))
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
