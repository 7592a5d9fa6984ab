"""A registry of tiny files with its own server, cache and mirror, for tests of the data layer."""

import contextlib
import functools
import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from faulty_server import FaultyServer, stay_on_this_machine

from utils.data import samples
from utils.data.fetching import network, places, registry, sources

make_mnist_sample = functools.cache(samples.mnist_sample)  # once for all tests
make_cifar10_sample = functools.cache(samples.cifar10_sample)
HOME_VARIABLES = ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "LOCALAPPDATA")


@dataclass(frozen=True)
class TinyFile:
    """A file of the registry; with a `pattern`, the files in an archive are pinned by `sha256`."""

    dataset: str
    content: bytes
    is_official: bool = True
    pattern: str = ""
    sha256: str = ""


class World:
    """The registry's server, a cache folder and a mirror folder.

    `serve` and `fill` take names of files and a server's path or a folder; without names, all.
    """

    def __init__(self, server: FaultyServer, folder: Path, monkeypatch, files):
        self.server, self.folder, self.monkeypatch, self.files = server, folder, monkeypatch, files
        self.cache, self.mirror = folder / "cache", folder / "mirror"
        self.setenv, self.setattr = monkeypatch.setenv, monkeypatch.setattr
        self.write_registry(f"{server.address}/first", f"{server.address}/second")

    def write_registry(self, *hosts: str) -> None:
        lines = []
        for dataset in dict.fromkeys(file.dataset for file in self.files.values()):
            lines += [f'[{dataset}]\ntitle = "tiny {dataset}"\nlicence = "free"\ncitation = "none"']
            for name, file in self.files.items():
                if file.dataset == dataset:
                    urls = [f"{host}/{name}" for host in hosts if file.is_official]
                    sha256 = file.sha256 or hashlib.sha256(file.content).hexdigest()
                    lines += [f'[{dataset}.files."{name}"]', f"urls = {json.dumps(urls)}"]
                    lines += [f'content = "{file.pattern}"', f'sha256 = "{sha256}"']
                    lines += [f"size = {len(file.content)}"]
        (self.folder / "registry.toml").write_text("\n".join(lines), encoding="utf-8")
        self.new_process()

    def serve(self, *names: str, under: str = "/first") -> None:
        for name in names or self.files:
            self.server.add(f"{under}/{name}", self.files[name].content)

    def fill(self, folder: Path, *names: str) -> None:
        for name in names or self.files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(self.files[name].content)

    def use_mirror(self, place: str | Path | None = None) -> None:
        self.setenv("COURSE_DATA_MIRROR", str(place or self.mirror))

    def go_offline(self) -> None:
        self.setenv("COURSE_OFFLINE", "1")

    def nowhere_to_write(self, *variables: str) -> Path:
        """Let variables name a folder that cannot be made."""
        (self.folder / "file").write_bytes(b"")
        for name in variables:
            self.setenv(name, str(self.folder / "file" / "below"))
        return self.folder / "file" / "below"

    def new_process(self) -> None:
        """Forget everything that a process remembers."""
        forget_everything(self.monkeypatch)


def forget_everything(monkeypatch) -> None:
    """Forget everything that a process remembers of files, hosts and messages."""
    monkeypatch.setattr(sources, "_verified", set())
    monkeypatch.setattr(sources, "_unreachable_hosts", set())
    monkeypatch.setattr(network, "_probed", {})
    registry._read.cache_clear()
    places._writable_folder.cache_clear()
    places.say_once.cache_clear()


@contextlib.contextmanager
def data_world(folder: Path, monkeypatch, files: dict[str, TinyFile]) -> Iterator[World]:
    """Give the data layer a registry with these files, and nothing outside this machine."""
    stay_on_this_machine(monkeypatch)
    monkeypatch.setattr(registry, "REGISTRY", folder / "registry.toml")
    monkeypatch.setattr(samples, "mnist_sample", make_mnist_sample)
    monkeypatch.setattr(samples, "cifar10_sample", make_cifar10_sample)
    monkeypatch.setenv("COURSE_DATA_DIR", str(folder / "cache"))
    # A cache that cannot be written must not lead to the real folders of who runs the tests.
    for name in HOME_VARIABLES:
        monkeypatch.setenv(name, str(folder / "home"))
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with FaultyServer() as server:
        world = World(server, folder, monkeypatch, files)
        yield world
    world.new_process()
