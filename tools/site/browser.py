"""Tests of a built site in headless Chromium, as readers see it: desktop and phone, light and dark.

Selenium drives the browser. No name outside this machine resolves while the pages are shown, and
every request that is made all the same is told.
"""

import collections
import contextlib
import functools
import http.server
import json
import os
import pathlib
import re
import shutil
import threading

from tools.site import checks

DESKTOP, PHONE = (1280, 900), (390, 844)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SECONDS = 60
PATIENCE = 20  # seconds for the search to find something

# Waits until formulas are set and pictures are there, then tells what a reader would see.
LOOK = """
const done = arguments[arguments.length - 1];
(async () => {
  if (window.MathJax && MathJax.startup) await MathJax.startup.promise;
  const images = [...document.images];
  images.forEach(image => { image.loading = "eager"; });
  await Promise.all(images.map(image => image.decode().catch(() => {})));
  const formulas = [...document.querySelectorAll(".math")];
  const drawn = node => {
    const box = node.querySelector("mjx-container svg, math");
    return box && box.getBoundingClientRect().width > 1;
  };
  done({
    formulas: formulas.length,
    undrawn: formulas.filter(node => !drawn(node)).map(node => node.textContent.slice(0, 60)),
    wrong: [...document.querySelectorAll('[data-mml-node="merror"], merror')]
      .map(node => node.textContent.slice(0, 60)),
    images: images.length,
    broken: images.filter(image => !image.naturalWidth).map(image => image.src.slice(0, 80)),
  });
})().catch(error => done({ error: String(error) }));
"""

# Plays every player for a moment.
PLAY = """
const done = arguments[arguments.length - 1];
(async () => {
  const silent = [], players = [...document.querySelectorAll("audio")];
  for (const [number, player] of players.entries()) {
    player.muted = true;
    try {
      await player.play();
      for (let i = 0; i < 50 && !player.currentTime; i++) await new Promise(r => setTimeout(r, 40));
    } catch (error) { /* told below */ }
    if (!player.currentTime || player.readyState < 2) silent.push(number + 1);
    player.pause();
  }
  done({ players: players.length, silent });
})().catch(error => done({ error: String(error) }));
"""

# What sticks out of the window, unless it is in something small that scrolls by itself. (On a phone
# the theme lets the whole article scroll, which nobody wants to do.)
WIDTH = """
const width = arguments[0], wide = [];
const scrolls = node => ["auto", "scroll"].includes(getComputedStyle(node).overflowX);
for (const node of document.querySelectorAll("article *")) {
  const right = node.getBoundingClientRect().right;
  if (right <= width + 1 || node.closest("mjx-assistive-mml, svg svg, g")) continue;
  let outer = node.parentElement;
  while (outer.tagName !== "ARTICLE" && !scrolls(outer)) outer = outer.parentElement;
  if (outer.tagName === "ARTICLE")
    wide.push(`${node.tagName.toLowerCase()} “${node.textContent.trim().slice(0, 30)}”`);
}
return wide.slice(0, 3);
"""

COLOURS = """
const style = getComputedStyle(document.body);
return [style.color, style.backgroundColor];
"""


def find_programs():
    """Paths of Chromium (or Chrome) and of its driver, None for what is not there."""
    path = os.pathsep.join([os.environ.get("PATH", ""), os.environ.get("CHROMEWEBDRIVER", "")])
    found = [shutil.which(name, path=path) for name in BROWSERS]
    return next(filter(None, found), None), shutil.which("chromedriver", path=path)


def no_browser():
    """Why pages cannot be shown here; an empty text if they can."""
    program, driver = find_programs()
    if not program:
        return "neither Chromium nor Chrome is installed"
    return "" if driver else "chromedriver, which drives Chromium, is not installed"


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        """Says nothing: the terminal is for what is wrong."""


@contextlib.contextmanager
def served(site):
    """Serves the site on this machine; gives its address."""
    handler = functools.partial(_Handler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextlib.contextmanager
def opened():
    """Chromium without a window, cut off from other machines."""
    from selenium import webdriver
    from selenium.common import exceptions

    program, driver_program = find_programs()
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",  # needed where all runs as root, as in containers
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--hide-scrollbars",
        "--autoplay-policy=no-user-gesture-required",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--window-size={},{}".format(*DESKTOP),
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


def look_over(site, screenshots=None):
    """Looks at every page.

    Args:
        site: folder of the site.
        screenshots: folder for pictures of every page, or None.

    Returns:
        What was looked at, a dictionary of kind to number, and a list of what is wrong.
    """
    site = pathlib.Path(site).resolve()
    names = sorted(checks.read_pages(site))
    counts, problems = collections.Counter(), []
    with served(site) as base, opened() as driver:
        for name in names:
            found = look_at(driver, base, name, counts, screenshots)
            problems += [f"{name}: {text}" for text in found]
        lesson = (checks.lesson_pages(names) or ["index.html"])[0]
        for start in (base, site.as_uri() + "/"):
            problems += [f"search ({start[:4]}): {text}" for text in search(driver, start, lesson)]
            problems += [f"dark and light: {text}" for text in toggle(driver, start, screenshots)]
            problems += messages(driver, start)
        # Opened as a file, without any server: the formulas must be there as well.
        for name in checks.lesson_pages(names):
            driver.get(f"{site.as_uri()}/{name}")
            problems += [f"{name}, as a file: {text}" for text in _seen(driver)[1]]
            problems += [f"{name}, as a file: {text}" for text in messages(driver, site.as_uri())]
    return dict(counts), problems


def look_at(driver, base, name, counts, screenshots=None):
    """Yields what is wrong with one page on a desktop and on a phone."""
    driver.get(base + name)
    seen, found = _seen(driver)
    yield from found
    played = driver.execute_async_script(PLAY)
    for number in played.get("silent", ["?"]):
        yield f"sound {number} does not play"
    counts.update(pages=1, formulas=seen.get("formulas", 0), pictures=seen.get("images", 0))
    counts.update(sounds=played.get("players", 0))
    _take_picture(driver, screenshots, name, "desktop")
    for form, (width, height) in (("desktop", DESKTOP), ("phone", PHONE)):
        _resize(driver, width, height, form == "phone")
        for wide in driver.execute_script(WIDTH, width):
            yield f"on a {form} this is wider than the page: {wide}"
    _take_picture(driver, screenshots, name, "phone")
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    yield from messages(driver, base)


def _seen(driver):
    seen = driver.execute_async_script(LOOK)
    problems = [f"could not be looked at: {seen['error']}"] if "error" in seen else []
    problems += [f"a formula is not drawn: {text}" for text in seen.get("undrawn", [])]
    problems += [f"MathJax does not understand a formula: {text}" for text in seen.get("wrong", [])]
    problems += [f"the picture {source} cannot be shown" for source in seen.get("broken", [])]
    return seen, problems


def messages(driver, base):
    """Yields errors of the console and requests to other machines, since the last call."""
    for entry in driver.get_log("browser"):
        if entry["level"] in ("INFO", "DEBUG"):  # the theme tells which colours it takes
            continue
        yield f"the console says ({entry['level'].lower()}): {entry['message'][:200]}"
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if url.startswith(("http:", "https:", "ws:", "wss:")) and not url.startswith(base):
                yield f"asked for {url[:200]}"


def search(driver, base, lesson):
    """Yields what is wrong if a word of a lesson's title is typed into the field for searching."""
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    driver.get(base + lesson)
    title = driver.find_element(By.CSS_SELECTOR, "article h1").text
    word = max(re.findall(r"[A-Za-z]+", title), key=len)
    driver.get(base + "index.html")
    field = driver.find_element(By.CSS_SELECTOR, "input.sidebar-search")
    field.send_keys(word, Keys.ENTER)
    links = "#search-results ul.search li a"
    try:
        WebDriverWait(driver, PATIENCE).until(
            lambda page: [
                link
                for link in page.find_elements(By.CSS_SELECTOR, links)
                if lesson in (link.get_attribute("href") or "")
            ]
        )
    except Exception:
        found = [link.text for link in driver.find_elements(By.CSS_SELECTOR, links)]
        yield f"{word!r} does not find {lesson}, but {found or 'nothing'}"
    driver.get(base + "search.html?q=qqxxyyzz")
    try:
        WebDriverWait(driver, PATIENCE).until(
            lambda page: any(
                "did not match" in each.text
                for each in page.find_elements(By.CSS_SELECTOR, "#search-results p")
            )
        )
    except Exception:
        found = [link.text for link in driver.find_elements(By.CSS_SELECTOR, links)]
        yield f"a search for a word that is nowhere gives {found or 'no answer'}"


def toggle(driver, base, screenshots=None):
    """Yields what is wrong with the button for light and dark, and with the two sets of colours."""
    from selenium.webdriver.common.by import By

    driver.get(base + "index.html")
    seen = {}
    for _ in range(3):  # automatic, light, dark, in some order
        theme = driver.execute_script("return document.body.dataset.theme")
        text, ground = map(_luminance, driver.execute_script(COLOURS))
        seen[theme] = text > ground
        contrast = (max(text, ground) + 0.05) / (min(text, ground) + 0.05)
        if contrast < 4.5:
            yield f"the contrast of {theme} is only {contrast:.1f} : 1"
        _take_picture(driver, screenshots, "index.html", theme)
        buttons = driver.find_elements(By.CSS_SELECTOR, "button.theme-toggle")
        visible = [button for button in buttons if button.is_displayed()]
        if not visible:
            yield "there is no button"
            return
        visible[0].click()
    if seen.get("dark") is not True or seen.get("light") is not False:
        yield f"the button does not lead to both (text brighter than ground: {seen})"
    driver.execute_script("localStorage.clear()")


def _luminance(colour):
    """Relative luminance of rgb(…), as WCAG defines it."""
    values = [float(value) / 255 for value in re.findall(r"[\d.]+", colour)[:3]]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return sum(weight * v for weight, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _resize(driver, width, height, mobile):
    settings = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", settings)


def _take_picture(driver, folder, name, form):
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        driver.save_screenshot(str(folder / f"{pathlib.PurePosixPath(name).stem}-{form}.png"))
