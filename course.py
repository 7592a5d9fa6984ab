"""The course's commands, the same on every system: python course.py help.

Needs nothing but Python: it makes a virtual environment beside itself (.venv), installs the tested
versions into it, and runs the command there. `make COMMAND` does the same.
"""

# Written so that any Python from 3.6 on understands it, and an old one can say that it is too old.
import argparse
import difflib
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LOWEST, BEYOND = (3, 11), (3, 14)
NEWEST, COLAB = (os.path.join("constraints", name + ".txt") for name in ("newest", "colab"))
COMMANDS = {
    "run": "execute every notebook; pages and report under build/ (ONLY=01 for some)",
    "lab": "open JupyterLab on the notebooks",
    "test": "test everything that must hold: rules, tests, every lesson on both backends",
    "test-all": "test in every combination, also with Colab's versions; ends with a table",
    "lint": "check notebooks and scripts; changes nothing",
    "format": "tidy notebooks and scripts: no outputs, stable ids, ruff format",
    "site": "build the executed course as a site in build/site, and test it",
    "gallery": "take the pictures of README.md from the executed notebooks",
    "homework": "make the students' homework from the instructor's versions",
    "bench": "run the benchmarks (ONLY=windowing for one)",
    "badges": "write your fork's address everywhere: make badges REPO=owner/name",
    "setup": "only create the environment",
    "lock": "update constraints/ to today's newest versions",
    "clean": "remove build/ and the environments (keeps downloaded data)",
    "help": "show this list",
}
VARIABLES = """
PROFILE: COURSE_PROFILE=quick|full. DATA: COURSE_DATA_MIRROR=folder-or-url,
COURSE_DATA_DIR=folder, COURSE_OFFLINE=1. See README.md and data/README.md."""
# What each command runs, followed by the user's words.
MODULES = {
    "run": ["tools.run.execute"],
    "lab": ["jupyter", "lab", "--notebook-dir", HERE],
    # How many tests at a time: tests/conftest.py counts cores and memory.
    "test": ["pytest", "-n", "auto", "--dist", "worksteal"],
    "lint": ["tools.authoring.check"],
    "format": ["tools.authoring.check", "--fix"],
    "site": ["tools.site"],
    "gallery": ["tools.authoring.gallery"],
    "homework": ["tools.authoring.homework"],
    "bench": ["benchmarks"],
    "badges": ["tools.authoring.address"],
}
NEEDS_DEVELOPMENT = ("lint", "format", "bench", "lock", "test")
NEEDS_SITE = ("site", "test")


class Stop(Exception):
    """Something that the user has to know about and can put right."""


def main(arguments):
    """Carry out a command; return its exit status."""
    commands = ["commands:"] + ["  {:<9} {}".format(*pair) for pair in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog="course.py",
        usage="make COMMAND, or: python course.py [--here] COMMAND",
        epilog="\n".join(commands + [VARIABLES]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("command", type=known_command, help="one of those below")
    here = "use the Python that runs this (conda's, for example), not .venv; install nothing"
    parser.add_argument("--here", action="store_true", help=here)
    options, words = parser.parse_known_args(without_variables(arguments))
    command = options.command
    if command not in MODULES and command != "test-all" and set(words) - {"--dev"}:
        parser.error("{} does not know: {}".format(command, " ".join(words)))
    if command == "help":
        return parser.print_help()
    if command == "clean":
        return clean()
    if command == "test-all":
        return test_all(words, options.here)
    if command == "badges":  # needs no environment
        python = sys.executable if options.here else find_python()
    else:
        development = command in NEEDS_DEVELOPMENT or "--dev" in words
        python = environment(options.here, development, command in NEEDS_SITE)
    if command in MODULES:
        return call([python, "-m"] + MODULES[command] + words)
    if command == "lock":
        return lock(python)
    print("Ready: " + python)  # setup
    return 0


def without_variables(arguments):
    """Return the words, with ONLY=, ARGS=, REPO= and REF= replaced as the Makefile does."""
    words, last = [], []
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name in ("ONLY", "ARGS") and "=" in argument:
            if os.name == "nt":
                value = value.replace("\\", "\\\\")  # a backslash of a path
            try:
                last += shlex.split(value)
            except ValueError:
                raise Stop("A quotation mark is opened but not closed in: " + value) from None
        elif name in ("REPO", "REF") and value:
            last += ["--" + name.lower(), value]
        else:
            words.append(argument)
    return words + last


def known_command(word):
    """Return the word if it is a command; otherwise raise an error with a suggestion."""
    if word in COMMANDS:
        return word
    near = difflib.get_close_matches(word, COMMANDS, n=1)
    hint = "Did you mean {}?".format(near[0]) if near else "Choose from " + ", ".join(COMMANDS)
    raise argparse.ArgumentTypeError("invalid choice: {!r}. {}".format(word, hint))


def test_all(words, here):
    """Run all tests, then the lessons with Colab's versions, with and without TensorFlow."""
    older = find_python(exactly=(3, 13))  # first, so as not to miss it after an hour
    shutil.rmtree(os.path.join(HERE, "build", "matrix"), ignore_errors=True)
    newest = environment(here, development=True, site=True)
    tests = ["-m"] + MODULES["test"] + ["--every-combination"]
    statuses = [call([newest] + tests + words)]
    for name, absent in (("colab", []), ("tpu", ["tensorflow"])):
        folder = os.path.join(HERE, ".venv-" + name)
        python = make_environment(folder, COLAB, development=True, python=older, absent=absent)
        lessons = ["-m", "notebooks", "--environment-name", name]
        statuses.append(call([python] + tests + lessons + words))
    statuses.append(call([newest, os.path.join("tests", "support", "matrix.py")]))
    return next((status for status in statuses if status), 0)


def lock(python):
    """Write the exact versions that are tested: the newest, and Colab's."""
    compile_one = [python, "-m", "uv", "pip", "compile", "-q", "--no-header", "--no-annotate"]
    newest = ["--upgrade", "--universal", "--python-version", "3.11", "-o", NEWEST]
    frozen = os.path.join("constraints", "colab.in")
    colab = ["--python-version", "3.13", "-c", frozen, "-o", COLAB]
    status = call(compile_one + ["requirements-dev.txt", "requirements-site.txt"] + newest)
    return status or call(compile_one + ["requirements-dev.txt"] + colab)


def clean():
    """Remove everything that the course has made, except the data."""
    for name in ("build", ".venv", ".venv-colab", ".venv-tpu"):
        path = os.path.join(HERE, name)
        if os.path.isdir(path):
            print("removing " + path)
            remove(path)
    return 0


def remove(folder):
    """Remove a folder, or say what keeps it there."""
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise Stop(
            "{} cannot be removed ({}). Close what uses it, leave it with `deactivate` if it is "
            "active, and run the same command again.".format(folder, error)
        ) from None


def call(command):
    """Run a command in the repository's root; return its exit status."""
    process = subprocess.Popen(command, cwd=HERE, env=dict(os.environ, PYTHONUTF8="1"))
    stopped = []  # the status to end with; after that, nothing else is started

    def terminate(number, frame):
        stopped.append(143)
        process.terminate()

    previous = signal.signal(signal.SIGTERM, terminate)
    status = None
    while status is None:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            # Ctrl-C reaches the command too; it cleans up, and we wait for it.
            stopped.append(130)
    signal.signal(signal.SIGTERM, previous)
    if stopped:
        sys.exit(stopped[0])
    return status


def output(command):
    """Return the exit status of a command, and everything it printed."""
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        return 1, str(error)
    printed = process.communicate()[0].decode("utf-8", "replace")
    return process.returncode, printed


def environment(here, development=False, site=False):
    """Return the path of a Python that has everything; make or update .venv where needed."""
    if here and not LOWEST <= sys.version_info[:2] < BEYOND:
        raise Stop("The course needs Python 3.11, 3.12 or 3.13; this is " + sys.version.split()[0])
    if here:
        return sys.executable
    return make_environment(os.path.join(HERE, ".venv"), NEWEST, development, site)


def make_environment(folder, constraints, development=False, site=False, python=None, absent=()):
    """Make a virtual environment, or update it if the requirements have changed.

    Packages named in `absent` are removed again, to see how the course does without them.
    """
    names = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
    inside = os.path.join(folder, *names)
    files = ["requirements.txt", constraints] + ["requirements-dev.txt"] * bool(development)
    if site or (development and constraints == NEWEST):  # the tests also build a small site
        files.append("requirements-site.txt")
    stamp, installed = os.path.join(folder, "course-stamp"), []
    if os.path.isfile(stamp):
        with open(stamp, encoding="utf-8") as file:
            installed = file.read().splitlines()
    if not works(inside):
        python = outside(python or find_python(), folder)
        print("Making the environment {} with {} …".format(folder, python), flush=True)
        if os.path.isdir(folder):
            remove(folder)
        create(python, folder)
    elif set(digest(files)) <= set(installed):
        return inside
    print("Installing (a few minutes the first time) …", flush=True)
    install(inside, files, constraints)
    if absent:
        call([inside, "-m", "pip", "uninstall", "-q", "-y"] + list(absent))
    with open(stamp, "w", encoding="utf-8") as file:
        file.write("\n".join(digest(files)) + "\n")
    return inside


def works(python):
    """Whether an environment's Python starts and has pip."""
    return output([python, "-m", "pip", "--version"])[0] == 0


def outside(python, folder):
    """Return the Python, or its base if it is in the folder, which will be removed."""
    place = os.path.dirname(shutil.which(python) or python)
    if not os.path.realpath(place).startswith(os.path.realpath(folder) + os.sep):
        return python
    status, printed = output([python, "-c", "import sys; print(sys._base_executable)"])
    if status == 0 and os.path.isfile(printed.strip()):
        return printed.strip()
    raise Stop(
        "{} has to be made again, but is running this command. Leave it with `deactivate`, and "
        "run the same command again.".format(folder)
    )


def create(python, folder):
    """Make an empty virtual environment."""
    reason = ""
    for module in ("venv", "virtualenv"):
        status, printed = output([python, "-m", module, folder])
        if status == 0:
            return
        reason = reason or printed.strip()
        shutil.rmtree(folder, ignore_errors=True)
    if "ensurepip" in reason or "No module named" in reason:
        raise Stop(
            "{} cannot make a virtual environment. On Debian and Ubuntu that takes a separate "
            "package: sudo apt install python3-venv. Then run this again.".format(python)
        )
    advice = ""
    if "Permission denied" in reason or "Read-only" in reason:
        advice = (
            " Copy the course to a folder of your own, or use a Python that has everything in "
            "requirements.txt: python course.py --here run --out FOLDER."
        )
    last_line = reason.splitlines()[-1] if reason else "it does not say why"
    raise Stop("{} cannot be made: {}.{}".format(folder, last_line, advice))


def install(python, files, constraints):
    """Install the requirements in their tested versions, or else in any versions they allow."""
    command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    for name in files:
        command += ["-r", name] if name != constraints else []
    if call(command + ["-c", constraints]) == 0:
        return
    print("The tested versions ({}) could not all be installed here;".format(constraints))
    print("trying whatever versions requirements.txt allows …", flush=True)
    if call(command) != 0:
        raise Stop(
            "The requirements could not be installed; pip says why above. It needs the package "
            "index (or a copy of it: pip's --find-links) and about 3 GB of disk."
        )


def digest(files):
    """Return a line with a hash for each file: changed requirements mean a new installation."""
    lines = []
    for name in files:
        with open(os.path.join(HERE, name), "rb") as file:
            lines.append(name + " " + hashlib.sha256(file.read()).hexdigest())
    return lines


def find_python(exactly=None):
    """Return a Python of a supported version: the one that runs this, or another one here."""
    versions = [exactly] if exactly else [(3, 13), (3, 12), (3, 11)]
    if sys.version_info[:2] in versions:
        return sys.executable
    names = ["{}.{}".format(*version) for version in versions]
    for name in names:
        for command in candidates(name):
            # A command may exist and still not start (a shim of pyenv).
            program = "import sys; print('%d.%d' % sys.version_info[:2], sys.executable)"
            printed = output(command + ["-c", program])[1].strip().rpartition("\n")[2]
            version, _, path = printed.partition(" ")
            if version == name:
                return path
    raise Stop(
        "No Python {} was found (this is {}.{}). Install one from python.org, or with conda: "
        "conda env create -f environment.yml, conda activate deep-learning-in-practice, "
        "python course.py --here run.".format(" or ".join(names), *sys.version_info[:2])
    )


def candidates(name):
    """Yield commands that may start a Python of that version."""
    yield ["python" + name]
    yield ["py", "-" + name]  # the launcher on Windows
    pyenv = os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions")
    for version in sorted(os.listdir(pyenv), reverse=True) if os.path.isdir(pyenv) else []:
        if version.startswith(name + "."):
            yield [os.path.join(pyenv, version, "bin", "python")]


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stop as problem:
        sys.exit("course.py: {}".format(problem))
