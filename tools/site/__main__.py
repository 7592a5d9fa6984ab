"""The command line: python -m tools.site [check]; make site."""

import argparse
import pathlib
import subprocess
import sys

from tools.site import browser, build, checks


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.site", description="The executed course as a static site."
    )
    parser.add_argument(
        "command", nargs="?", choices=["build", "check"], default="build", help="default: build"
    )
    parser.add_argument(
        "--notebooks",
        type=pathlib.Path,
        metavar="FOLDER",
        help="take executed notebooks from here and execute nothing",
    )
    parser.add_argument("--no-run", action="store_true", help="execute nothing; use what is there")
    parser.add_argument("--no-check", action="store_true", help="build only")
    parser.add_argument("--out", type=pathlib.Path, default=build.SITE, metavar="FOLDER")
    parser.add_argument(
        "--screenshots", type=pathlib.Path, metavar="FOLDER", help="check: also take pictures"
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Build and check; return the exit status."""
    options = parse(arguments)
    status = 0
    if options.command == "build":
        if not options.notebooks and not options.no_run:
            status = run_outdated()
        try:
            missing = build.site(options.out, options.notebooks or build.EXECUTED)
        except subprocess.CalledProcessError:
            print("The site could not be built; Sphinx says above what is wrong.", file=sys.stderr)
            return 1
        for name in missing:
            print(f"{name} has not been executed; its page has no outputs.")
        if options.no_check:
            return status
    return check(options.out, options.screenshots) or status


def run_outdated() -> int:
    """Execute the lessons whose executed notebooks are missing or out of date."""
    names = build.outdated()
    if not names:
        print("The executed notebooks are up to date.")
        return 0
    return subprocess.call([sys.executable, "-m", "tools.run.execute", *names], cwd=build.ROOT)


def check(site: pathlib.Path, screenshots: pathlib.Path | None = None) -> int:
    """Test a built site and print what is wrong with it; return the exit status."""
    if not (site / "index.html").is_file():
        print(f"There is no site in {site}; make site builds it.", file=sys.stderr)
        return 2
    pages, problems = checks.check_files(site)
    summary = f"{pages} pages"
    reason = browser.no_browser()
    if reason:
        summary += f"; not viewed in a browser, because {reason}"
    else:
        counts, seen = browser.look_over(site, screenshots)
        problems += seen
        counted = ", ".join(f"{count} {what}" for what, count in counts.items())
        summary += f"; in Chromium: {counted}"
    print(*problems, f"{summary}; {len(problems) or 'no'} problem(s)", sep="\n")
    print(f"Site: {site / 'index.html'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
