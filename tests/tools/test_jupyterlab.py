"""In a real JupyterLab: a slider redraws its figure, pictures show, folded cells are closed."""

import importlib.util
import json
import os
import subprocess
import sys
import time

import nbformat
import pytest
from conftest import ROOT

from tools.authoring import rules
from tools.site import browser
from utils.processes import cleanup

pytestmark = [
    pytest.mark.skipif(not importlib.util.find_spec("jupyterlab"), reason="there is no JupyterLab"),
    pytest.mark.skipif(bool(browser.no_browser()), reason="there is no Chromium"),
]
CELLS = {
    "folded": f"# @title Folded\nimport sys\nsys.path.insert(0, {str(ROOT)!r})",
    "picture": "from utils import plotting\nplotting.picture('02_convolution')",
    "slider": """import matplotlib.pyplot as plt
def draw(size):
    plt.figure(figsize=(2, 1))
    plt.title(f"size {size}")
    print(f"drawn with {size}")
plotting.slider(draw, size=(3, 5, 7))""",
}


@pytest.fixture
def notebook(tmp_path):
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    cells[0].metadata = {"tags": ["folded"], "jupyter": {"source_hidden": True}}
    path = tmp_path / "small.ipynb"
    nbformat.write(
        nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": rules.KERNEL}), path
    )
    return path


@pytest.fixture
def page(notebook, tmp_path):
    """Return the address of the notebook in a JupyterLab of its own."""
    folders = {
        name: str(tmp_path / name)
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR")
    }
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    command += ["--ServerApp.root_dir", str(tmp_path), "--LabApp.news_url=None"]
    command += ["--ServerApp.ip", "127.0.0.1", "--LabApp.expose_app_in_browser=True"]
    variables = os.environ | folders
    variables.pop("MPLBACKEND")  # figures are shown in the page
    with open(tmp_path / "log", "wb") as log:
        lab = subprocess.Popen(
            command, env=variables, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        until = time.monotonic() + 180
        while not (servers := [*(tmp_path / "JUPYTER_RUNTIME_DIR").glob("jpserver-*.json")]):
            assert lab.poll() is None and time.monotonic() < until, (tmp_path / "log").read_text()
            time.sleep(0.2)
        server = json.loads(servers[0].read_text(encoding="utf-8"))
        yield f"http://127.0.0.1:{server['port']}/lab/tree/{notebook.name}?token={server['token']}"
    finally:
        cleanup.end([lab.pid], set())
        lab.wait(timeout=90)


def test_a_slider_redraws_its_figure(page):
    from selenium.common.exceptions import TimeoutException
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

    with browser.opened() as driver:
        driver.set_page_load_timeout(180)
        wait = WebDriverWait(driver, 180)

        def shown(selector):
            return wait.until(lambda _: driver.find_elements(By.CSS_SELECTOR, selector))

        driver.get(page)
        shown(".jp-InputPlaceholder")  # the folded cell is closed
        wait.until(lambda _: len(shown(".jp-CodeCell")) == len(CELLS))
        run_all = "window.jupyterapp.commands.execute('notebook:run-all-cells')"
        again = WebDriverWait(driver, 10)
        until = time.monotonic() + 180
        while time.monotonic() < until:  # a kernel that still starts forgets what it is asked
            driver.execute_script(run_all)
            try:
                again.until(lambda _: driver.find_elements(By.CSS_SELECTOR, ".noUi-handle"))
                break
            except TimeoutException:
                continue
        shown(".jp-OutputArea svg title")
        wait.until(lambda _: "drawn with 3" in driver.find_element(By.TAG_NAME, "body").text)
        shown(".noUi-handle")[0].send_keys(Keys.ARROW_RIGHT)
        wait.until(lambda _: "drawn with 5" in driver.find_element(By.TAG_NAME, "body").text)
        assert shown(".jp-OutputArea .jp-OutputArea-output img")
