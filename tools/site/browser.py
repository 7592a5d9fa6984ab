"""Tests of a built site in headless Chromium, as readers see it: desktop and phone, light and dark.

Selenium drives the browser. The pages are opened as files, as anybody who downloads the site opens
them. Meanwhile no other machine's name resolves, and any request made all the same is reported.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tools.site import checks

if TYPE_CHECKING:
    from selenium.webdriver import Chrome as WebDriver

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 60
SECONDS_TO_SEARCH = 20

# Waits until formulas are set and pictures are loaded, then reports what a reader would not see.
LOOK = """
const done = arguments[arguments.length - 1];
(async () => {
  if (window.MathJax && MathJax.startup) await MathJax.startup.promise;
  const images = [...document.images];
  images.forEach(image => { image.loading = "eager"; });
  await Promise.all(images.map(image => image.decode().catch(() => {})));
  const formulas = [...document.querySelectorAll(".math")];
  const isDrawn = node => {
    const box = node.querySelector("mjx-container svg, math");
    return box && box.getBoundingClientRect().width > 1;
  };
  const wrong = formulas.filter(node => !isDrawn(node)).map(node =>
    `a formula is not drawn: ${node.textContent.slice(0, 60)}`);
  for (const node of document.querySelectorAll('[data-mml-node="merror"], merror'))
    wrong.push(`MathJax does not understand a formula: ${node.textContent.slice(0, 60)}`);
  for (const image of images.filter(image => !image.naturalWidth))
    wrong.push(`the picture ${image.src.slice(0, 80)} cannot be shown`);
  const players = [...document.querySelectorAll("audio")];
  for (const [number, player] of players.entries()) {
    player.muted = true;
    try {
      await player.play();
      for (let i = 0; i < 50 && !player.currentTime; i++) await new Promise(r => setTimeout(r, 40));
    } catch (error) { /* reported below */ }
    if (!player.currentTime) wrong.push(`sound ${number + 1} does not play`);
    player.pause();
  }
  const counts = { formulas: formulas.length, pictures: images.length, sounds: players.length };
  done({ counts, wrong });
})().catch(error => done({ counts: {}, wrong: [String(error)] }));
"""

# What is wider than the window, unless it is in something that scrolls by itself. (On a phone the
# theme makes the whole article scroll sideways, which nobody wants.)
WIDE = """
const scrolls = node => ["auto", "scroll"].includes(getComputedStyle(node).overflowX);
return [...document.querySelectorAll("article *")].filter(node => {
  if (node.getBoundingClientRect().right <= arguments[0] + 1) return false;
  if (node.closest("mjx-assistive-mml, svg svg, g")) return false;
  let outer = node.parentElement;
  while (outer.tagName !== "ARTICLE" && !scrolls(outer)) outer = outer.parentElement;
  return outer.tagName === "ARTICLE";
}).slice(0, 3).map(node => `${node.tagName} “${node.textContent.trim().slice(0, 30)}”`);
"""

COLOURS = """
const style = getComputedStyle(document.body);
return [document.body.dataset.theme, style.color, style.backgroundColor];
"""


def find_programs() -> tuple[str | None, str | None]:
    """Return the paths of Chromium (or Chrome) and of its driver, None for what is not there."""
    path = os.pathsep.join([os.environ.get("PATH", ""), os.environ.get("CHROMEWEBDRIVER", "")])
    programs = [shutil.which(name, path=path) for name in BROWSERS]
    return next(filter(None, programs), None), shutil.which("chromedriver", path=path)


def no_browser() -> str:
    """Return why pages cannot be shown here; an empty text if they can."""
    program, driver = find_programs()
    if not program:
        return "neither Chromium nor Chrome is installed"
    return "" if driver else "chromedriver, which drives Chromium, is not installed"


@contextlib.contextmanager
def opened() -> Iterator[WebDriver]:
    """Give Chromium without a window, cut off from other machines."""
    from selenium import webdriver
    from selenium.common import exceptions

    program, driver_program = find_programs()
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",  # needed where everything runs as root, as in containers
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--hide-scrollbars",
        "--window-size={},{}".format(*SIZES["desktop"]),  # a narrow one folds the sidebar away
        "--autoplay-policy=no-user-gesture-required",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=driver_program)
    try:
        driver = webdriver.Chrome(options=options, service=service)
    except exceptions.SessionNotCreatedException as error:
        raise RuntimeError(
            f"{program} could not be started by {driver_program}; they must be of the same "
            f"version. It said: {error.msg}"
        ) from None
    driver.set_script_timeout(SECONDS)
    driver.set_page_load_timeout(SECONDS)
    try:
        yield driver
    finally:
        driver.quit()


def look_over(
    site: pathlib.Path, screenshots: pathlib.Path | None = None
) -> tuple[dict[str, int], list[str]]:
    """Look at every page.

    Args:
        site: The folder of the site.
        screenshots: A folder for pictures of every page, or None.

    Returns:
        What was looked at, a dictionary of kind to number, and a list of what is wrong.
    """
    site = site.resolve()
    if screenshots:
        screenshots.mkdir(parents=True, exist_ok=True)
    names = checks.page_names(site)
    counts, problems = collections.Counter(), []
    with opened() as driver:
        for name in names:
            wrong = look_at(driver, site, name, counts, screenshots)
            problems += [f"{name}: {text}" for text in wrong]
        lesson = (checks.lesson_pages(names) or ["index.html"])[0]
        problems += [f"search: {text}" for text in search(driver, site, lesson)]
        problems += [f"dark and light: {text}" for text in toggle(driver, site, screenshots)]
        problems += messages(driver)
    return dict(counts), problems


def look_at(
    driver: WebDriver,
    site: pathlib.Path,
    name: str,
    counts: collections.Counter,
    screenshots: pathlib.Path | None = None,
) -> Iterator[str]:
    """Yield what is wrong with one page on a desktop and on a phone."""
    driver.get(f"{site.as_uri()}/{name}")
    seen = driver.execute_async_script(LOOK)
    counts.update(pages=1, **seen["counts"])
    yield from seen["wrong"]
    for form, (width, height) in SIZES.items():
        size = {"width": width, "height": height, "mobile": form == "phone"}
        settings = {**size, "deviceScaleFactor": 1}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", settings)
        for wide in driver.execute_script(WIDE, width):
            yield f"on a {form} this is wider than the page: {wide}"
        take_picture(driver, screenshots, name, form)
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    yield from messages(driver)


def take_picture(driver: WebDriver, folder: pathlib.Path | None, name: str, form: str) -> None:
    """Store what the window shows, if there is a folder for it."""
    if folder:
        driver.save_screenshot(str(folder / f"{pathlib.PurePosixPath(name).stem}-{form}.png"))


def messages(driver: WebDriver) -> Iterator[str]:
    """Yield errors of the console and requests to other machines, since the last call."""
    for entry in driver.get_log("browser"):
        if entry["level"] not in ("INFO", "DEBUG"):  # the theme says which colours it takes
            yield f"the console says ({entry['level'].lower()}): {entry['message'][:200]}"
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if url.startswith(("http:", "https:", "ws:", "wss:")):
                yield f"asked for {url[:200]}"


def search(driver: WebDriver, site: pathlib.Path, lesson: str) -> Iterator[str]:
    """Yield what is wrong if a word of a lesson's title is typed into the search field."""
    from selenium.common.exceptions import TimeoutException
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    driver.get(f"{site.as_uri()}/{lesson}")
    title = driver.find_element(By.CSS_SELECTOR, "article h1").text
    word = max(re.findall(r"[A-Za-z]+", title), key=len)
    driver.find_element(By.CSS_SELECTOR, "input.sidebar-search").send_keys(word, Keys.ENTER)
    hit = f'#search-results a[href*="{lesson}"]'
    try:
        WebDriverWait(driver, SECONDS_TO_SEARCH).until(
            lambda page: page.find_elements(By.CSS_SELECTOR, hit)
        )
    except TimeoutException:
        yield f"{word!r} does not find {lesson}"


def toggle(
    driver: WebDriver, site: pathlib.Path, screenshots: pathlib.Path | None = None
) -> Iterator[str]:
    """Yield what is wrong with the button for light and dark, and with the two sets of colours."""
    from selenium.webdriver.common.by import By

    driver.get(f"{site.as_uri()}/index.html")
    is_bright = {}
    for _ in range(3):  # automatic, light, dark, in some order
        theme, *colours = driver.execute_script(COLOURS)
        text, ground = map(_luminance, colours)
        is_bright[theme] = ground > text
        contrast = (max(text, ground) + 0.05) / (min(text, ground) + 0.05)
        if contrast < 4.5:
            yield f"the contrast of {theme} is only {contrast:.1f} : 1"
        take_picture(driver, screenshots, "index.html", theme)
        buttons = driver.find_elements(By.CSS_SELECTOR, "button.theme-toggle")
        visible = [button for button in buttons if button.is_displayed()]
        if not visible:
            yield "there is no button"
            return
        visible[0].click()
    if (is_bright.get("light"), is_bright.get("dark")) != (True, False):
        yield f"the button does not lead to both (is the ground bright: {is_bright})"


def _luminance(colour: str) -> float:
    """Relative luminance of rgb(…), as WCAG defines it."""
    values = [float(value) / 255 for value in re.findall(r"[\d.]+", colour)[:3]]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return sum(weight * v for weight, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
