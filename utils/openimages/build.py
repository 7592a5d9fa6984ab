"""Make a set of photos from start to end, or find one that was made earlier."""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from utils.common.errors import DataError
from utils.data.fetching import disk, places, sources
from utils.data.fetching.errors import DownloadError
from utils.data.fetching.sources import Origin
from utils.openimages import dataset_folder, labels
from utils.openimages.collect import Collection
from utils.openimages.dataset import Photos
from utils.openimages.dataset_folder import Summary
from utils.openimages.photo_pool import Outcome, Pool
from utils.openimages.request import Request
from utils.openimages.tables import NoSourceError

RESERVE = 0.05  # the share of extra candidates, since some photos are missing or broken


def find_set(request: Request) -> Photos | None:
    """Return the requested set if it is complete, without looking anywhere else."""
    folder = _folder_of(request)
    about = dataset_folder.read_about(folder)
    if about is None:
        return None
    summary = Summary(**about["summary"])
    nothing = {"downloaded": 0, "failed_attempts": {}, "bytes": 0, "seconds": 0.0}
    summary = replace(summary, already_there=summary.photos, **nothing)
    recipe = about["recipe"]
    origin = _origin(recipe["classes"], summary.photos, "cache", "the cache")
    return Photos(folder, recipe["classes"], recipe["folder_names"], summary, origin)


def _folder_of(request: Request) -> Path:
    return places.cache_folder() / "openimages" / "sets" / request.set_name


def _origin(names: list[str], photos: int, kind: str, where: str) -> Origin:
    listed = " + ".join(f"{photos // len(names):,} {name}" for name in names)
    return Origin(kind, f"Open Images V7, {listed} photos, from {where}")


def make_set(request: Request, progress: bool) -> Photos:
    """Download what the pool lacks and put the set into its folder.

    Raises:
        ValueError: A class is unknown, or its name stands for several.
        DataError: There are too few usable photos of a class.
        NoSourceError, DownloadError: The sources fail.
    """
    categories = labels.find_categories(request.classes, progress)
    request = replace(request, categories=categories)
    folder = _folder_of(request)
    size = f"-max{request.longest_side}" if request.longest_side else ""
    pool_folder = places.cache_folder() / "openimages" / f"photos{size}"
    with disk.locked(pool_folder, "photos of Open Images"):
        photos = find_set(request)  # which another process may meanwhile have made
        if photos is not None:
            return photos
        pool = Pool(pool_folder, request.longest_side)
        pool.remove_temporary_files()
        search = _Search(request, pool, progress)
        chosen = search.run()
        rows = dataset_folder.make_rows(request, chosen)
        summary = search.summary(len(rows))
        summary.without_licence = sum(not row["license"] for row, _ in rows)
        dataset_folder.write_set(folder, request, rows, summary)
    if summary.undelivered:
        print(
            f"{summary.undelivered} photos were not delivered, so others took their places: "
            "elsewhere this set may differ in that many photos."
        )
    names = [category.name for category in categories]
    used = {outcome.source for outcomes in chosen for outcome in outcomes} - {None}
    kind, where = "cache", "the cache"
    if used:
        source = min(used, key=lambda source: source.kind == "mirror")  # the farthest one
        kind, where = source.kind, source.where
    origin = _origin(names, len(rows), kind, where)
    return Photos(folder, names, request.folder_names, summary, origin)


class _Search:
    """The candidates so far, and what came of them."""

    def __init__(self, request: Request, pool: Pool, progress: bool):
        self.request, self.progress = request, progress
        self.names = [category.name for category in request.categories]
        self.started = time.monotonic()
        self.collection = Collection(pool, request.per_class, len(self.names))
        self.parts = list(labels.PARTS)
        self.not_available: dict[str, NoSourceError] = {}
        self.counts = Counter()
        self.is_cut = False  # whether the train part's labels were read in part only

    @property
    def listed(self) -> list[int]:
        """The number of candidates of each class."""
        return [len(candidates) for candidates in self.collection.candidates]

    def run(self) -> list[list[Outcome]]:
        """Look for candidates and fetch them, until there are enough photos of each class."""
        needed = self.request.per_class
        reserve = needed + max(5, round(RESERVE * needed))
        # The labels of the train part have 2.7 GB: a mere reserve is not worth them, and for
        # frequent classes the beginning is enough.
        while self.parts and min(self.listed) < (needed if self.parts == ["train"] else reserve):
            self._read_next_part()
        if len(self.not_available) == len(labels.PARTS):
            raise self.not_available["validation"]
        if min(self.listed) < needed:
            raise self._too_few("listed", self.listed)
        while True:
            chosen = self.collection.run(self.progress)
            usable = [len(outcomes) for outcomes in chosen]
            if min(usable) == needed:
                return chosen
            if not self.parts:
                raise self._too_few("usable", usable) if any(usable) else self._nothing_there()
            self._read_next_part()

    def _read_next_part(self) -> None:
        part = self.parts.pop(0)
        label_ids = [category.label for category in self.request.categories]
        try:
            first_time = part == "train" and not self.is_cut
            enough = labels.plenty_for(self.request.per_class) if first_time else None
            candidates, counts, self.is_cut = labels.find_candidates(
                part, label_ids, self.request.seed, self.progress, enough
            )
            if self.is_cut:
                self.parts.append(part)  # to its end, should that not be enough
        except NoSourceError as problem:
            if problem.is_fault:
                raise  # with these labels, another set would come out
            self.not_available[part] = problem
            return
        self.collection.add(candidates)
        self.counts += counts

    def summary(self, photos: int) -> Summary:
        """Count what happened."""
        outcomes = list(self.collection.all_outcomes())
        kinds = Counter(outcome.kind for outcome in outcomes)
        attempts = sum((outcome.failures for outcome in outcomes), Counter())
        return Summary(
            photos=photos,
            listed=dict(zip(self.names, self.listed, strict=True)),
            both_labels=self.counts["both"],
            disputed=self.counts["disputed"],
            downloaded=kinds["downloaded"],
            already_there=kinds["cached"],
            missing=kinds["missing"],
            broken=kinds["broken"],
            duplicates=self.collection.duplicates,
            undelivered=kinds["undelivered"],
            failed_attempts=dict(attempts.most_common()),
            bytes=sum(outcome.received for outcome in outcomes),
            seconds=round(time.monotonic() - self.started, 3),
        )

    def _nothing_there(self) -> DownloadError:
        kinds = Counter(outcome.kind for outcome in self.collection.all_outcomes())
        listed = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
        return DownloadError(
            f"Not one photo could be had ({listed}). Perhaps a proxy forbids it, or the mirror "
            "has only the tables.",
            short="there are no photos",
        )

    def _too_few(self, what: str, counts: list[int]) -> DataError:
        needed, most = self.request.per_class, min(counts)
        numbers = ", ".join(
            f"{name} {count:,}" for name, count in zip(self.names, counts, strict=True)
        )
        lines = [f"There are too few photos for per_class={needed}. {what.title()}: {numbers}."]
        if self.not_available:
            problem = list(self.not_available.values())[-1]
            lines.append(
                f"The labels of the {' and '.join(self.not_available)} part of Open Images could "
                f"not be had: {sources.all_reasons(problem.failures)}."
            )
        call = f"openimages.download({tuple(self.names)!r}, per_class={most}), or "
        lines.append(f"What you can do: {call * (most >= 3)}choose more frequent classes.")
        if what == "usable":
            lines[1:1] = str(self.summary(sum(counts))).splitlines()[1:]
            lines.append("The photos that were downloaded are kept.")
        return DataError("\n".join(lines))
