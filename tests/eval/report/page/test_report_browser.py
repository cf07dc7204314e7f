"""The page in a real browser, where there is one: Chromium with its driver on the PATH, and selenium."""

import json
import shutil
from pathlib import Path

import pytest

from eval.report.write import build

selenium = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="no Chromium with its driver on the PATH")

SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory, results, pictures, published):
    folder = tmp_path_factory.mktemp("report")
    options = selenium.ChromeOptions()
    options.binary_location = BROWSER
    for switch in (*SWITCHES, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = selenium.Chrome(options=options, service=selenium.ChromeService(executable_path=DRIVER))
    try:
        driver.get(build(results, folder, pictures=pictures, published=published).as_uri())
        wait(driver, "return Boolean(document.getElementById('stage').dataset.ready)")
        yield driver
    finally:
        driver.quit()


def wait(browser, script):
    return WebDriverWait(browser, 60).until(lambda driver: driver.execute_script(script))


def show(browser, side, layer):
    """Chooses a layer for a side and waits until it is drawn."""
    browser.execute_script(
        "const select = document.getElementById(arguments[0]);"
        "select.value = arguments[1];"
        "delete document.getElementById('stage').dataset.ready;"
        "select.dispatchEvent(new Event('change'))",
        side,
        layer,
    )
    wait(browser, "return Boolean(document.getElementById('stage').dataset.ready)")


def pixel(browser, side, x, y):
    return browser.execute_script(
        "const canvas = document.querySelector(`#half-${arguments[0]} canvas`);"
        "return [...canvas.getContext('2d').getImageData(arguments[1], arguments[2], 1, 1).data].slice(0, 3)",
        side,
        x,
        y,
    )


def element(browser, identifier):
    found = browser.find_element("id", identifier)
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", found)
    return found


def divider(browser):
    return int(element(browser, "divider").get_attribute("aria-valuenow"))


def test_the_divider_follows_mouse_keys_and_touch(browser):
    handle, stage = element(browser, "divider"), element(browser, "stage")
    assert divider(browser) == 50
    quarter = stage.size["width"] // 4
    ActionChains(browser).drag_and_drop_by_offset(handle, -quarter, 0).perform()
    assert divider(browser) == pytest.approx(25, abs=1)
    clip = browser.execute_script("return document.getElementById('half-left').style.clipPath")
    assert clip.startswith("inset(0px 7")
    handle.send_keys(Keys.ARROW_RIGHT * 3)
    assert divider(browser) == pytest.approx(28, abs=1)
    handle.send_keys(Keys.END)
    assert divider(browser) == 100
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", stage)
    box = browser.execute_script("return document.getElementById('stage').getBoundingClientRect().toJSON()")
    middle = box["y"] + box["height"] / 2
    for kind, x in (("touchStart", box["right"] - 2), ("touchMove", box["x"] + quarter), ("touchEnd", None)):
        points = [] if x is None else [{"x": x, "y": middle}]
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert divider(browser) == pytest.approx(25, abs=2)


def test_zooming_enlarges_pixels_and_dragging_then_moves_the_picture(browser):
    stage = element(browser, "stage")
    transform = "return document.querySelector('#half-left canvas').style.transform"
    whole = browser.execute_script(transform)
    stage.send_keys("++")
    enlarged = browser.execute_script(transform)
    assert element(browser, "zoom-value").text == "3×"
    assert (
        browser.execute_script("return document.querySelector('#half-left canvas').style.imageRendering") == "pixelated"
    )
    before = divider(browser)
    ActionChains(browser).move_to_element_with_offset(stage, 60, 20).click_and_hold().move_by_offset(
        40, 0
    ).release().perform()
    assert browser.execute_script(transform) not in (whole, enlarged)
    assert divider(browser) == before
    stage.send_keys("0")
    assert browser.execute_script(transform) == whole


def test_pictures_and_error_maps_are_exact(browser, pictures, results):
    picture = pictures[0]
    show(browser, "left", "original")
    show(browser, "right", "picture-0")
    x, y = 100, 40
    assert pixel(browser, "left", x, y) == picture.original[y, x].tolist()
    assert pixel(browser, "right", x, y) == picture.versions[0].pixels[y, x].tolist()
    # Ours is 8 levels off on the right half: a quarter of the scale's 32.
    show(browser, "right", "error-0")
    dark, quarter = pixel(browser, "right", 10, y), pixel(browser, "right", x, y)
    expected = browser.execute_script("return [0, 64 / 255].map((at) => Report.rampColor('error', at))")
    assert [dark, quarter] == expected
    show(browser, "left", "bits-0")
    color = browser.execute_script(
        "return Report.rampColor('bits', Report.bitMap(Report.data.pictures[0].versions[0].bits, '')[2][6]"
        " / Layers.bitRange())"
    )
    assert pixel(browser, "left", 6 * 16 + 8, 2 * 16 + 8) == color
    assert element(browser, "scale-bits").is_displayed()


def test_a_marker_tells_its_figures_and_the_legend_hides_curves(browser, results):
    chart = element(browser, "rd-psnr")
    points = chart.find_elements("css selector", ".scatterlayer .trace:last-child .points path")
    ActionChains(browser).move_to_element(points[0]).perform()
    hover = wait(browser, "return document.querySelector('#rd-psnr .hoverlayer')?.textContent")
    assert "ours" in hover
    assert "0.500 bits per pixel" in hover
    assert "PSNR 31.00 dB" in hover
    visible = "return document.getElementById('rd-psnr').data.filter((trace) => trace.visible).length"
    assert browser.execute_script(visible) == 3
    (button,) = [b for b in browser.find_elements("css selector", "#rd-legend button") if b.text == "VTM"]
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert browser.execute_script(visible) == 2
    sharing = browser.find_elements("css selector", "[data-title*='hare'], [data-title*='loud']")
    assert not sharing


def test_tables_sort_and_list_every_measurement(browser, results):
    element(browser, "records-details").find_element("tag name", "summary").click()
    wait(browser, "return document.querySelectorAll('#records tbody tr').length")
    rows = "return [...document.querySelectorAll('#records tbody tr')].map((row) => row.cells[5].textContent)"
    assert len(browser.execute_script(rows)) == len(results.records)
    head = element(browser, "records").find_elements("css selector", "thead button")[5]
    head.click()
    shown = browser.execute_script(rows)
    assert shown == sorted(shown, key=lambda text: float("inf") if text == "–" else float(text))
    head.click()
    assert browser.execute_script(rows)[0] == "33.00"


def test_no_errors_no_requests_and_no_attack(browser):
    assert browser.execute_script("return document.title") == "ours on photos: rate–distortion report"
    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    page = browser.current_url
    # The browser's own empty first tab has pages of its own.
    assert {url for url in asked if not url.startswith(("data:", "blob:", "chrome:", "chrome-untrusted:"))} <= {page}
    assert page.startswith("file:")
    assert Path(page).name == "report.html"
