"""What a submission sees of the machine inside bubblewrap, as bubblewrap's arguments.

It sees the system, Python, and the course's `utils`, `data` and two small files, all read only.
Whatever belongs to the class and is below one of them (submissions, results, an assignment of the
teacher's own, the course's checkout) is covered.
"""

import os
import pathlib
import site
import sys
from collections.abc import Iterable, Sequence

ROOT = pathlib.Path(__file__).resolve().parents[2]
INSIDE = pathlib.Path(__file__).resolve().parent / "inside"
OF_COURSE = ("utils", "data", "pyproject.toml", "requirements.txt")
# As seen from inside bubblewrap:
COURSE = "/course"
WORKING = "/course/notebooks/homework"
RUN = "/run/grading"
CODE = "/run/grader-inside"
DATA = {"COURSE_DATA_DIR": "/run/course-cache", "COURSE_DATA_MIRROR": "/run/course-mirror"}
ETC = ("alternatives", "fonts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime")
SYSTEM = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
OF_MACHINE = ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/sysrq-trigger")


def arguments(more: Sequence[str] = (), hidden: Iterable[str | os.PathLike] = ()) -> list[str]:
    """Return bubblewrap's arguments for what a submission sees.

    Args:
        more: Further arguments, such as for places that can be written.
        hidden: Paths that it must not see, wherever they lie.
    """
    shown = shown_places()
    covers = covered(shown, hidden)
    words = [*namespaces(), "--hostname", "grading", "--new-session"]
    words += ["--die-with-parent", "--unsetenv", "JPY_PARENT_PID"]
    for path in (pathlib.Path("/", name) for name in SYSTEM):
        if path.is_symlink():
            words += ["--symlink", os.readlink(path), str(path)]
    made = set()
    # What is deeper comes later, so that Python is seen in a checkout that is covered.
    for place in sorted([*shown, *covers, WORKING, RUN], key=lambda place: place.count("/")):
        for parent in reversed(pathlib.Path(place).parents[:-1]):
            if parent not in made:  # made here, since bubblewrap's own would be for root only
                words += ["--perms", "0755", "--dir", str(parent)]
                made.add(parent)
        if place in covers:
            is_folder = covers[place].is_dir()
            words += ["--tmpfs", place] if is_folder else ["--ro-bind", "/dev/null", place]
        elif shown.get(place):
            words += ["--ro-bind-try", shown[place], place]
        else:
            words += ["--perms", "0755", "--dir", place]
    words += ["--proc", "/proc", "--dev", "/dev", *more]
    # What bubblewrap made itself cannot be written either.
    closed = [place for place, path in covers.items() if path.is_dir()] + ["/dev", "/"]
    return words + [word for place in closed for word in ("--remount-ro", place)]


def without_machine() -> list[str]:
    """Return bubblewrap's arguments that make the machine's settings in /proc read only."""
    return [word for place in OF_MACHINE for word in ("--ro-bind-try", place, place)]


def namespaces() -> list[str]:
    """Return bubblewrap's arguments for namespaces and capabilities.

    Whoever is root outside would be root to the machine's settings inside, too, under any number
    that a namespace of users shows. So there is none for root, and the first process gives up root
    (`inside/confine.py`), for which it needs two capabilities.
    """
    if os.geteuid() != 0:
        words = ["--unshare-user", "--unshare-all", "--uid", "1000", "--gid", "1000"]
        return [*words, "--cap-drop", "ALL"]
    words = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--cap-drop", "ALL"]
    return [*words, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]


def shown_places() -> dict[str, str | None]:
    """Return what is shown: the path inside, and the real path; None for an empty folder."""
    places = ["/usr", *(f"/etc/{name}" for name in ETC)]
    places += [f"/{name}" for name in SYSTEM if not os.path.islink(f"/{name}")]
    places += [place for place in python_folders() if not place.startswith("/usr/")]
    shown = {place: place for place in places}
    shown |= {f"{COURSE}/{name}": str(ROOT / name) for name in OF_COURSE}
    for variable, inside in DATA.items():
        if folder := data_folder(variable):
            shown |= opened(inside, folder)
    return shown | {CODE: str(INSIDE)}


def outside(path: str) -> str:
    """Return the real path of what is seen at a path inside."""
    for place, source in shown_places().items():
        if source and pathlib.PurePath(path).is_relative_to(place):
            return str(pathlib.Path(source, pathlib.PurePath(path).relative_to(place)))
    return path


def opened(inside: str, folder: str) -> dict[str, str | None]:
    """Return how a folder is shown: by its content if only root may list the folder."""
    if os.geteuid() != 0 or os.stat(folder).st_mode & 0o005 == 0o005:
        return {inside: folder}
    names = os.listdir(folder)
    return {inside: None} | {f"{inside}/{name}": os.path.join(folder, name) for name in names}


def covered(
    shown: dict[str, str | None], hidden: Iterable[str | os.PathLike]
) -> dict[str, pathlib.Path]:
    """Return what is below a place that is shown, but must not be seen.

    Args:
        shown: Of `shown_places`.
        hidden: Paths; the course's checkout is always one of them.

    Returns:
        The real path of each path inside.
    """
    covers = {}
    for path in map(pathlib.Path, [ROOT, *hidden]):
        real = pathlib.Path(os.path.realpath(path))
        for place, source in shown.items():
            source = pathlib.Path(os.path.realpath(source or os.devnull))
            is_below = real.is_relative_to(source) and (real != source or path != ROOT)
            if is_below and real.exists():
                covers[str(pathlib.Path(place, real.relative_to(source)))] = real
    return covers


def python_folders() -> list[str]:
    """Return the folders that make up this Python."""
    import pwd  # which Windows does not have

    folders = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
    if site.ENABLE_USER_SITE and site.getusersitepackages() in sys.path:
        folders.append(site.getusersitepackages())
    # Reached by links: the interpreter of a virtual environment, a folder of versions.
    folders.append(str(pathlib.Path(sys.executable).resolve().parents[1]))
    # Never a whole home: the sandbox then says that a Python in ~/bin was not found.
    homes = ["/", "/usr", "/home", "/root", os.path.expanduser("~")]
    homes += [entry.pw_dir for entry in pwd.getpwall()]
    return sorted(_with_real_paths(folders) - _with_real_paths(homes))


def _with_real_paths(folders):
    return {place for folder in folders for place in (folder, os.path.realpath(folder))}


def data_folder(variable: str) -> str | None:
    """Return the folder that one of the course's variables names, if it is a folder."""
    from utils.common.errors import DataError
    from utils.data.fetching import places

    try:
        path = places.named_folder(variable)
    except DataError:  # it cannot be anybody's folder
        return None
    return os.path.realpath(path) if path and os.path.isdir(path) else None
