"""The command line `python -m utils.openimages`: download a set of photos."""

import argparse
import sys

from utils import openimages
from utils.common.errors import DataError
from utils.data.fetching.errors import DownloadError
from utils.openimages.mirror import write_mirror


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m utils.openimages",
        description="Download photos of two or more classes from Google Open Images V7.",
        epilog="Example: python -m utils.openimages Rose Sunflower --per-class 600",
    )
    add = parser.add_argument
    add("classes", nargs="+", metavar="CLASS", help="a display name, or a label such as /m/06m11")
    add("--per-class", type=int, help="photos of each class (default: 600)")
    add("--seed", type=int, default=1, help="which photos, which split (default: 1)")
    add("--longest-side", type=int, metavar="PIXELS", help="scale larger photos down")
    add("--mirror", metavar="FOLDER", help="also make a mirror of the set there, for a lab")
    add("--quiet", action="store_true", help="no progress bar")
    options = parser.parse_args(arguments)
    try:
        photos = openimages.download(
            options.classes,
            options.per_class,
            seed=options.seed,
            longest_side=options.longest_side,
            progress=not options.quiet,
            sample=False,
        )
        mirror = options.mirror and write_mirror(photos, options.mirror, not options.quiet)
    except (DataError, DownloadError, ValueError, TypeError) as problem:
        print(problem, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted. What has arrived is kept; the next call continues there.")
        return 130
    print(photos.summary)
    print(f"In {photos.folder}")
    if mirror:
        print(f"Mirror complete. Set on the machines that will use it: COURSE_DATA_MIRROR={mirror}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
