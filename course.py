"""The course's commands, the same on every system: python course.py help

Needs Python alone: it makes a virtual environment beside itself (.venv), installs the
tested versions into it, and runs there what was asked for. `make COMMAND` does the same.
"""

# Kept to what any Python 3.6 understands, so that an old one can say that it is too old.
import argparse
import difflib
import fnmatch
import hashlib
import os
import shlex
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LOWEST, BEYOND = (3, 11), (3, 14)
NEWEST = os.path.join("constraints", "newest.txt")
COLAB = os.path.join("constraints", "colab.txt")
# How many tests at a time: tests/conftest.py counts cores and memory.
AT_A_TIME = ["-n", "auto", "--dist", "worksteal"]

COMMANDS = (
    ("run", "execute every notebook; pages and report under build/ (ONLY=01 for some)"),
    ("lab", "open JupyterLab on the notebooks"),
    ("test", "everything that must hold: rules, tests, every lesson on both backends"),
    ("test-all", "test in every combination, the lessons with Colab's versions; ends with a table"),
    ("lint", "check notebooks and scripts; changes nothing"),
    ("format", "put notebooks and scripts in order: no outputs, stable ids, ruff format"),
    ("site", "the executed course as a site in build/site, and its tests"),
    ("gallery", "take the pictures of README.md from the executed notebooks"),
    ("homework", "make the students' homework of the instructor's versions"),
    ("bench", "run the benchmarks (ONLY=windowing for one)"),
    ("badges", "write your fork's address everywhere: make badges REPO=owner/name"),
    ("setup", "only make the environment"),
    ("lock", "write constraints/ anew, with today's newest versions"),
    ("clean", "remove build/ and the environments (keeps downloaded data)"),
    ("help", "this list"),
)


def number(text):
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError
    return value


def whole_number(text):
    return number(str(int(text)))


# The options of the commands: what follows each one, or None. Other words of theirs are names of
# notebooks or benchmarks. What `test` and `lab` are given is for pytest and JupyterLab to judge.
OPTIONS = {
    "run": {"--jobs": whole_number, "--out": str, "--deadline": number, "--notebooks": str},
    "lint": {"--fix": None, "--notebooks-only": None},
    "format": {"--fix": None, "--notebooks-only": None},
    "site": {
        "--notebooks": str,
        "--no-run": None,
        "--no-check": None,
        "--out": str,
        "--screenshots": str,
    },
    "gallery": {"--notebooks": str},
    "homework": {"--check": None},
    "badges": {"--repo": str, "--ref": str},
    "setup": {"--dev": None},
    "bench": {},
    "lock": {},
    "clean": {},
}
NAMES = {"run": ("notebooks", ".ipynb"), "gallery": ("notebooks", ".ipynb")}
NAMES["bench"] = ("benchmarks", ".py")


class Stop(Exception):
    """Something that the user has to know and can do something about."""


def main(arguments):
    parser = argparse.ArgumentParser(
        prog="course.py",
        description="The commands of the course. Each one sets up what it needs by itself.",
        epilog="\n".join("  {:<9} {}".format(*pair) for pair in COMMANDS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("command", type=known_command, metavar="COMMAND", help="one of those below")
    parser.add_argument(
        "--here",
        action="store_true",
        help="use the Python that runs this, for example an active conda environment, "
        "instead of .venv; installs nothing",
    )
    options, rest = parser.parse_known_args(as_make_hands_on(arguments))
    if options.command == "help":
        print_help()
        return 0
    if options.command == "clean":
        look_at("clean", rest)
        return clean()
    return COMMAND_FUNCTIONS[options.command](options, rest)


def known_command(word):
    names = [name for name, _ in COMMANDS]
    if word in names:
        return word
    hint = nearest(word, names) or " (choose from {})".format(", ".join(names))
    raise argparse.ArgumentTypeError("invalid choice: {!r}{}".format(word, hint))


def nearest(word, names):
    """A question that offers the name which is most like the word; empty if none is."""
    near = difflib.get_close_matches(word, names, n=1) or [name for name in names if word in name]
    return ". Did you mean {}?".format(near[0]) if near else ""


def look_at(name, words):
    """Ends with a message at words that a command does not know, before anything is installed."""
    parser = argparse.ArgumentParser(prog="course.py " + name, usage=argparse.SUPPRESS)
    for option, kind in OPTIONS[name].items():
        if kind is None:
            parser.add_argument(option, action="store_true")
        else:
            parser.add_argument(option, type=kind)
    if name == "site":
        parser.add_argument("part", nargs="?", choices=["build", "check"])
    if name in NAMES:
        parser.add_argument("names", nargs="*", default=[])
    options, unknown = parser.parse_known_args(words)
    for word in unknown if name != "bench" else []:  # each benchmark has options of its own
        hint = nearest(word.partition("=")[0], list(OPTIONS[name]))
        parser.error("unrecognized arguments: {}{}".format(word, hint))
    if name == "gallery" or not getattr(options, "notebooks", None):
        for word in getattr(options, "names", []):
            look_at_name(parser, word, *NAMES[name])


def look_at_name(parser, word, folder, ending):
    """Ends with a message if no file there is meant; a path is looked at later."""
    files = sorted(os.listdir(os.path.join(HERE, folder)))
    names = [file[: -len(ending)] for file in files if file.endswith(ending) and file[0] != "_"]
    plain = word[: -len(ending)] if word.endswith(ending) else word
    is_meant = any(fnmatch.fnmatchcase(name, plain) for name in names)
    if plain.isdigit():
        is_meant = int(plain) in [int(name[:2]) for name in names if name[:2].isdigit()]
    if not is_meant and not os.path.dirname(word):
        hint = nearest(plain, names) or ". There are: " + ", ".join(names)
        parser.error("nothing is called {!r}{}".format(word, hint))


def as_make_hands_on(arguments):
    """The words without ONLY=…, ARGS=…, REPO=… and REF=…, and what the Makefile makes of these."""
    given = dict.fromkeys(("ONLY", "ARGS", "REPO", "REF"), "")
    words = []
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if equals and name in given:
            given[name] = value
        else:
            words.append(argument)
    if "badges" in words:
        words += ["--repo", given["REPO"]] if given["REPO"] else []
        words += ["--ref", given["REF"]] if given["REF"] else []
    else:
        words += split(given["ONLY"])
    return words + split(given["ARGS"])


def split(text):
    """The words of a text, as a shell tells them apart; a backslash is one in Windows' paths."""
    words = shlex.shlex(text, posix=True)
    words.whitespace_split, words.commenters = True, ""
    words.escape = "" if os.name == "nt" else words.escape
    try:
        return list(words)
    except ValueError:
        raise Stop("A quotation mark is opened and not closed in: " + text) from None


def print_help():
    print("make COMMAND, or: python course.py COMMAND\n")
    for name, text in COMMANDS:
        print("  {:<9} {}".format(name, text))
    print("\nPROFILE: COURSE_PROFILE=quick|full. DATA: COURSE_DATA_MIRROR=folder-or-url,")
    print("COURSE_DATA_DIR=folder, COURSE_OFFLINE=1. See README.md and data/README.md.")


def command_run(options, rest):
    look_at("run", rest)
    python = environment(options)
    return call([python, "-m", "tools.run.execute"] + rest)


def command_lab(options, rest):
    python = environment(options)
    return call([python, "-m", "jupyter", "lab", "--notebook-dir", HERE] + rest)


def command_test(options, rest):
    python = environment(options, development=True, site=True)
    return call([python, "-m", "pytest"] + AT_A_TIME + rest)


def command_test_all(options, rest):
    """All tests, then the lessons as Colab has it: its versions, and those without TensorFlow."""
    everything = AT_A_TIME + ["--every-combination"]
    older = find_python(exactly=(3, 13))  # asked for first: to miss it after an hour would be sad
    shutil.rmtree(os.path.join(HERE, "build", "matrix"), ignore_errors=True)
    newest = environment(options, development=True, site=True)
    statuses = [call([newest, "-m", "pytest"] + everything + rest)]
    for name, absent in (("colab", []), ("tpu", ["tensorflow"])):
        folder = os.path.join(HERE, ".venv-" + name)
        python = make_environment(folder, older, COLAB, True, absent)
        lessons = ["-m", "pytest", "-m", "notebooks", "--environment-name", name]
        statuses.append(call([python] + lessons + everything + rest))
    statuses.append(call([newest, "-m", "tools.run.matrix"]))
    return next((status for status in statuses if status), 0)


def command_lint(options, rest):
    look_at("lint", rest)
    return call([environment(options, development=True), "-m", "tools.authoring.check"] + rest)


def command_format(options, rest):
    look_at("format", rest)
    return call(
        [environment(options, development=True), *("-m", "tools.authoring.check", "--fix"), *rest]
    )


def command_site(options, rest):
    look_at("site", rest)
    return call([environment(options, site=True), "-m", "tools.site"] + rest)


def command_gallery(options, rest):
    look_at("gallery", rest)
    return call([environment(options), "-m", "tools.authoring.gallery"] + rest)


def command_homework(options, rest):
    look_at("homework", rest)
    return call([environment(options), "-m", "tools.authoring.homework"] + rest)


def command_bench(options, rest):
    look_at("bench", rest)
    return call([environment(options, development=True), "-m", "benchmarks"] + rest)


def command_badges(options, rest):
    look_at("badges", rest)
    python = sys.executable if options.here else find_python()  # it needs nothing else
    return call([python, "-m", "tools.authoring.address"] + rest)


def command_setup(options, rest):
    look_at("setup", rest)
    print("Ready: " + environment(options, development="--dev" in rest))
    return 0


def command_lock(options, rest):
    look_at("lock", rest)
    python = environment(options, development=True)
    compile_one = [python, "-m", "uv", "pip", "compile", "-q", "--no-header", "--no-annotate"]
    newest = ["--upgrade", "--universal", "--python-version", "3.11", "-o", NEWEST]
    frozen = os.path.join("constraints", "colab.in")
    colab = ["--python-version", "3.13", "-c", frozen, "-o", COLAB]
    status = call(compile_one + ["requirements-dev.txt", "requirements-site.txt"] + newest)
    return status or call(compile_one + ["requirements-dev.txt"] + colab)


COMMAND_FUNCTIONS = {
    "run": command_run,
    "lab": command_lab,
    "test": command_test,
    "test-all": command_test_all,
    "lint": command_lint,
    "format": command_format,
    "site": command_site,
    "gallery": command_gallery,
    "homework": command_homework,
    "bench": command_bench,
    "badges": command_badges,
    "setup": command_setup,
    "lock": command_lock,
}


def clean():
    for name in ("build", ".venv", ".venv-colab", ".venv-tpu"):
        path = os.path.join(HERE, name)
        if os.path.isdir(path):
            print("removing " + path)
            remove(path)
    return 0


def remove(folder):
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise Stop(
            "{} cannot be removed ({}). Close what uses it, leave it with `deactivate` if it is "
            "active, and run the same command again.".format(folder, error)
        ) from None


def call(command):
    """Runs a command in the repository's root, and passes its exit status on."""
    variables = dict(os.environ, PYTHONUTF8="1")
    process = subprocess.Popen(command, cwd=HERE, env=variables)
    stopped = []  # the status to end with: nothing else is started then

    def terminate(number, frame):
        stopped.append(143)
        process.terminate()

    previous = signal.signal(signal.SIGTERM, terminate)
    try:
        while True:
            try:
                status = process.wait()
                break
            except KeyboardInterrupt:
                # Ctrl-C reaches the command as well; it cleans up, and we wait for it.
                stopped.append(130)
    finally:
        signal.signal(signal.SIGTERM, previous)
    if stopped:
        sys.exit(stopped[0])
    return status


def environment(options, development=False, site=False):
    """Path of a Python that has everything; makes or updates .venv where needed."""
    if options.here:
        check_version(sys.version_info[:2], sys.executable)
        return sys.executable
    folder = os.path.join(HERE, ".venv")
    return make_environment(folder, None, NEWEST, development, site=site)


def make_environment(folder, python, constraints, development, absent=(), site=False):
    """Makes a virtual environment, or brings it up to date when the requirements changed.

    Packages named in `absent` are taken out again, to see how the course does without them.
    """
    inside = os.path.join(folder, "Scripts" if os.name == "nt" else "bin")
    inside = os.path.join(inside, "python.exe" if os.name == "nt" else "python")
    wanted = ["requirements.txt", constraints] + ["requirements-dev.txt"] * bool(development)
    if site or (development and constraints == NEWEST):  # the tests build a small site, too
        wanted.append("requirements-site.txt")
    stamp = os.path.join(folder, "course-stamp")
    if works(inside) and is_current(stamp, wanted):
        return inside
    if not works(inside):
        python = outside(python or find_python(), folder)
        print("Making the environment {} with {} …".format(folder, python), flush=True)
        if os.path.isdir(folder):
            remove(folder)
        create(python, folder)
    print("Installing (a few minutes the first time) …", flush=True)
    install(inside, wanted, constraints)
    if absent:
        call([inside, "-m", "pip", "uninstall", "-q", "-y"] + list(absent))
    remember(stamp, wanted)
    return inside


def works(python):
    try:
        command = [python, "-m", "pip", "--version"]
        return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def outside(python, folder):
    """The Python, or the one it was made with if it lies in the folder, which is made anew."""
    place = os.path.dirname(shutil.which(python) or python)
    if not os.path.realpath(place).startswith(os.path.realpath(folder) + os.sep):
        return python
    status, said = output([python, "-c", "import sys; print(sys._base_executable)"])
    if status == 0 and os.path.isfile(said.strip()):
        return said.strip()
    raise Stop(
        "{} has to be made anew, but runs this itself. Leave it with `deactivate`, and run the "
        "same command again.".format(folder)
    )


def create(python, folder):
    reason = ""
    for module in ("venv", "virtualenv"):
        status, said = output([python, "-m", module, folder])
        if status == 0:
            return
        reason = reason or said
        shutil.rmtree(folder, ignore_errors=True)
    if "ensurepip" in reason or "No module named" in reason:
        raise Stop(
            "{} cannot make a virtual environment. On Debian and Ubuntu its venv module is a "
            "package of its own: sudo apt install python3-venv. Then run the same command "
            "again.".format(python)
        )
    reason = reason.strip().splitlines()[-1] if reason.strip() else "it does not say why"
    advice = ""
    if "Permission denied" in reason or "Read-only" in reason:
        advice = (
            " Copy the course to a folder of yours, or use a Python that has what requirements.txt "
            "names: python course.py --here run --out FOLDER."
        )
    raise Stop("{} cannot be made: {}.{}".format(folder, reason, advice))


def output(command):
    """The exit status of a command, and all that it said."""
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        return 1, str(error)
    said = process.communicate()[0].decode("utf-8", "replace")
    return process.returncode, said


def install(python, files, constraints):
    requirements = [name for name in files if name.startswith("requirements")]
    command = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    for name in requirements:
        command += ["-r", name]
    if call(command + ["-c", constraints]) == 0:
        return
    print(
        "The tested versions ({}) could not all be installed here; trying whatever versions "
        "requirements.txt allows …".format(constraints),
        flush=True,
    )
    if call(command) != 0:
        raise Stop(
            "The requirements could not be installed; pip says why above. It needs the package "
            "index (or a copy of it: pip's --find-links) and about 3 GB of disk."
        )


def digest(files):
    """For each file, a hash of what it holds: changed requirements mean a new installation."""
    lines = []
    for name in files:
        with open(os.path.join(HERE, name), "rb") as file:
            lines.append(name + " " + hashlib.sha256(file.read()).hexdigest())
    return lines


def is_current(stamp, files):
    if not os.path.isfile(stamp):
        return False
    with open(stamp, encoding="utf-8") as file:
        return set(digest(files)) <= set(file.read().splitlines())


def remember(stamp, files):
    with open(stamp, "w", encoding="utf-8") as file:
        file.write("\n".join(digest(files)) + "\n")


def check_version(version, name):
    if not LOWEST <= tuple(version) < BEYOND:
        raise Stop(
            "{} is Python {}.{}; the course needs 3.11, 3.12 or 3.13.".format(name, *version)
        )


def find_python(exactly=None):
    """A Python of a supported version: the one that runs this, or another on this machine."""
    versions = [exactly] if exactly else [(3, 13), (3, 12), (3, 11)]
    if sys.version_info[:2] in versions:
        return sys.executable
    for major, minor in versions:
        name = "{}.{}".format(major, minor)
        for command in candidates(name):
            if answers(command, name):
                return command[0] if len(command) == 1 else resolved(command)
    wanted = " or ".join("{}.{}".format(*version) for version in versions)
    raise Stop(
        "No Python {} was found (this is {}.{}). Install one from python.org, or with conda: "
        "conda env create -f environment.yml, conda activate deep-learning-in-practice, "
        "python course.py --here run.".format(wanted, *sys.version_info[:2])
    )


def candidates(name):
    yield ["python" + name]
    yield ["py", "-" + name]  # the launcher on Windows
    pyenv = os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions")
    if os.path.isdir(pyenv):
        for version in sorted(os.listdir(pyenv), reverse=True):
            if version.startswith(name + "."):
                yield [os.path.join(pyenv, version, "bin", "python")]


def answers(command, name):
    """Whether the command starts a Python of that version (a pyenv shim may be there and not)."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        output = subprocess.check_output(command + ["-c", program], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return False
    return output.decode().strip() == name


def resolved(command):
    program = "import sys; print(sys.executable)"
    return subprocess.check_output(command + ["-c", program]).decode().strip()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stop as problem:
        sys.exit("course.py: {}".format(problem))
