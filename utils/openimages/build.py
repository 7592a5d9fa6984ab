"""Make a set of photos from start to end, or find one that was made earlier."""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

from utils.common.errors import DataError
from utils.data.fetching import download as downloads
from utils.data.fetching import sources
from utils.data.fetching.download import DownloadError
from utils.data.fetching.sources import Origin, Reason
from utils.openimages import dataset_folder, labels, tables
from utils.openimages.collect import Collection, TooFewError
from utils.openimages.dataset import Photos
from utils.openimages.dataset_folder import NotOursError, Summary
from utils.openimages.photo_pool import Pool
from utils.openimages.request import Recipe, Wish

TITLE = "Open Images V7"
RESERVE = 0.05  # so many more candidates than photos, since some photos are missing or broken
LABEL = "photos of Open Images"


def openimages_folder() -> Path:
    """Return the folder in the cache that everything here goes to."""
    return sources.cache_folder() / "openimages"


# --- An earlier set --------------------------------------------------------------------------


def find_set(wish: Wish, folder: Path | None) -> Photos | None:
    """Return the set that was asked for if it is complete, without looking anywhere else."""
    if folder is not None:
        folders = [folder]
    else:
        folders = sorted(path.parent for path in _sets_folder().glob(f"*/{dataset_folder.ABOUT}"))
    for each in folders:
        try:
            about = dataset_folder.read_about(each)
        except NotOursError:
            if folder is not None:
                raise
            continue
        if about is not None and wish.asks_for(about) and dataset_folder.is_complete(each, about):
            return _photos(each, about)
    return None


def _sets_folder() -> Path:
    return openimages_folder() / "sets"


def _photos(folder: Path, about: dict) -> Photos:
    """Open a set that is complete."""
    counted = Summary(**about["summary"])
    summary = replace(
        counted,
        downloaded=0,
        already_there=counted.photos,
        failed_attempts={},
        bytes=0,
        seconds=0.0,
    )
    names = about["recipe"]["classes"]
    origin = _origin(names, counted.photos, "cache", "the cache")
    return Photos(folder, names, about["folder_names"], summary, origin)


def _origin(names: list[str], photos: int, kind: str, where: str) -> Origin:
    listed = " + ".join(f"{photos // len(names):,} {name}" for name in names)
    return Origin(kind, f"{TITLE}, {listed} photos, from {where}")


# --- A new set -------------------------------------------------------------------------------


def resolve(wish: Wish, failures: list[Reason], progress: bool) -> Recipe:
    """Find out which classes are meant.

    Raises:
        ValueError: a class is unknown, or its name stands for several.
        NoSourceError: no source has the list of classes.
    """
    categories = labels.find_categories(wish.classes, failures, progress)
    if categories is None:
        raise tables.no_source(labels.DESCRIPTIONS, failures)
    return Recipe(tuple(categories), wish.split, wish.seed, wish.longest_side)


def make_set(
    wish: Wish,
    recipe: Recipe,
    folder: Path | None,
    connections: int,
    progress: bool,
    failures: list[Reason],
) -> Photos:
    """Download what the pool lacks and put the set into its folder.

    Raises:
        NotOursError: the folder holds something else.
        DataError: there are too few usable photos of a class.
        NoSourceError, DownloadError: the sources fail.
    """
    base = openimages_folder()
    folder = folder or _folder_in_cache(recipe)
    about = dataset_folder.read_about(folder)
    if about is not None and not dataset_folder.same_recipe(about, recipe):
        raise dataset_folder.other_recipe(folder, about, recipe)
    name = f"photos-max{recipe.longest_side}" if recipe.longest_side else "photos"
    with downloads.locked(base / name, LABEL):
        about = dataset_folder.read_about(
            folder
        )  # once more: another process may have made it meanwhile
        if about is not None and dataset_folder.is_complete(folder, about):
            return _photos(folder, about)
        dataset_folder.remove_temporary_files(base / name)
        pool = Pool(base / name, recipe.longest_side)
        work = _Work(recipe, pool, failures, progress)
        chosen = work.run(connections)
        pool.save_verdicts()
        rows = dataset_folder.make_rows(recipe, chosen)
        summary = work.summary(len(rows))
        summary.without_licence = sum(not row["license"] for row, _ in rows)
        dataset_folder.write_set(folder, recipe, rows, summary, wish.classes)
    if summary.undelivered:
        print(
            f"{summary.undelivered} photos were not delivered, so others took their places: "
            "elsewhere this set may differ in that many photos."
        )
    names = [category.name for category in recipe.categories]
    used = {outcome.source for outcomes in chosen for outcome in outcomes} - {None}
    kind, where = "cache", "the cache"
    if used:
        source = min(used, key=lambda source: source.kind == "mirror")  # the farthest one
        kind, where = source.kind, source.where
    return Photos(
        folder, names, recipe.folder_names, summary, _origin(names, len(rows), kind, where)
    )


def _folder_in_cache(recipe: Recipe) -> Path:
    """Return the set's folder; another name where two classes with one name made it clash."""
    folder = _sets_folder() / recipe.set_name
    try:
        about = dataset_folder.read_about(folder)
        taken = about is not None and not dataset_folder.same_recipe(about, recipe)
    except NotOursError:
        taken = True
    return folder.with_name(f"{folder.name}-{recipe.digest}") if taken else folder


class _Work:
    """The candidates that have been looked for so far, and what came of them."""

    def __init__(self, recipe: Recipe, pool: Pool, failures: list[Reason], progress: bool):
        self.recipe, self.pool, self.failures, self.progress = recipe, pool, failures, progress
        self.started = time.monotonic()
        self.collection = Collection(pool, recipe.per_class, len(recipe.categories))
        self.parts = list(labels.PARTS)
        self.train_was_cut = False
        self.not_available: list[str] = []
        self.counts = Counter()

    @property
    def listed(self) -> list[int]:
        """The number of candidates of each class."""
        return [len(candidates) for candidates in self.collection.candidates]

    def run(self, connections: int):
        """Look for candidates and fetch them, until there are enough photos of each class."""
        needed = self.recipe.per_class
        reserve = needed + max(5, round(RESERVE * needed))
        # The labels of the training part are 2.7 GB, which no mere reserve is worth.
        while self.parts and self.parts[0] != "train" and min(self.listed) < reserve:
            self._read_next_part()
        while self.parts and min(self.listed) < needed:
            self._read_next_part()
        if len(self.not_available) == len(labels.PARTS):
            raise tables.no_source(labels.LABELS.format("val"), self.failures)
        if min(self.listed) < needed:
            raise self._too_few(self.listed, "listed")
        while True:
            try:
                return self.collection.run(connections, self.progress)
            except TooFewError as problem:
                if not self.parts:
                    if not any(outcome.photo for outcome in self.collection.all_outcomes()):
                        raise self._nothing_there() from problem
                    raise self._too_few(problem.usable, "usable") from problem
            self._read_next_part()

    def _read_next_part(self) -> None:
        part = self.parts.pop(0)
        found = labels.find_candidates(
            part,
            list(self.recipe.categories),
            None if self.train_was_cut else self.recipe.per_class,
            self.recipe.seed,
            self.failures,
            self.progress,
        )
        if found is None:
            self.not_available.append(part)
            return
        if found.cut:  # then there is more, if it should be needed
            self.parts.append(part)
            self.train_was_cut = True
        self.collection.add(found.candidates)
        self.counts += found.counts
        if not found.attributed:
            print(
                f"No source has the table of authors and licences for the {part} part of Open "
                "Images, so those columns stay empty."
            )

    def summary(self, photos: int) -> Summary:
        """Count what happened."""
        outcomes = list(self.collection.all_outcomes())
        kinds = Counter(outcome.kind for outcome in outcomes)
        attempts = sum((outcome.failures for outcome in outcomes), Counter())
        names = [category.name for category in self.recipe.categories]
        return Summary(
            photos=photos,
            listed=dict(zip(names, self.listed, strict=True)),
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
        reasons = Counter(outcome.kind for outcome in self.collection.all_outcomes())
        listed = ", ".join(f"{count} {kind}" for kind, count in reasons.items())
        return DownloadError(
            f"Not one photo could be had ({listed}). Perhaps a proxy forbids it, or the mirror "
            "has the tables only.",
            short="there are no photos",
        )

    def _too_few(self, counts: list[int], what: str) -> DataError:
        needed = self.recipe.per_class
        names = [category.name for category in self.recipe.categories]
        found = ", ".join(
            f"{name} {count:,}" + " or more" * (what == "usable" and count >= needed)
            for name, count in zip(names, counts, strict=True)
        )
        lines = [f"There are too few photos for per_class={needed}. {what.capitalize()}: {found}."]
        if what == "usable":
            lines += str(self.summary(sum(counts))).splitlines()[1:]
        if self.not_available:
            parts = " and ".join(self.not_available)
            lines.append(
                f"The labels of the {parts} part of Open Images could not be had: "
                f"{sources.all_reasons(self.failures)}."
            )
        most = min(counts)
        if most >= 3:
            call = f"openimages.download({tuple(names)!r}, per_class={most})"
            lines.append(f"What you can do: {call}, or take more frequent classes.")
        else:
            lines.append("What you can do: take more frequent classes.")
        if what == "usable":
            lines.append("The photos that were downloaded are kept.")
        return DataError("\n".join(lines))
