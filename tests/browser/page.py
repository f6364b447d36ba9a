#!/usr/bin/python3
"""The page of `dozan serve` in a real headless Chromium: each view of a finished and of a running experiment, its numbers
against the API's, the actions clicked, no word on the console, no serious finding of axe-core, and a picture of each view
at 1280 and 400 pixels.

    page.py [--build build] [--pictures build/pictures] [--axe axe.min.js] [unittest's options]

The Python is Debian's, for its python3-selenium.
"""
import argparse
import base64
import os
import shutil
import sys
import tempfile
import unittest

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from server import Server, TWO

WIDTHS = (1280, 400)
settings = argparse.Namespace(build="build", pictures="build/pictures", axe=None)


def shown(value, digits=5):
    """A number as the page writes it, for comparing."""
    return float(f"{float(value):.{digits}g}")


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="dozan-page-")
        cls.server = Server(os.path.abspath(settings.build), cls.folder)
        cls.addClassCleanup(cls.clean_up)
        for name, options in {"finished": {}, "front": {"algorithm": "nsga2", "objective": TWO},
                              "failing": {"mode": "failing", "algorithm": "random", "trials": 12}}.items():
            cls.server.create(name, **options)
        for name in ("finished", "front", "failing"):
            cls.server.wait_ended(name)
        cls.start_browser()

    @classmethod
    def start_browser(cls):
        options = Options()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                         "--force-device-scale-factor=1", f"--user-data-dir={cls.folder}/profile", "--lang=en"):
            options.add_argument(argument)
        options.add_experimental_option("prefs", {"download.default_directory": cls.folder})
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        cls.browser = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
        cls.addClassCleanup(cls.browser.quit)
        cls.browser.set_page_load_timeout(60)
        cls.resize(WIDTHS[0])

    @classmethod
    def clean_up(cls):
        cls.server.close()
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def resize(cls, width, height=1000):
        cls.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})

    # ---- what the tests are made of

    def tearDown(self):
        self.assertEqual(self.console(), [], "the console is to stay silent")

    def console(self):
        return [line["message"] for line in self.browser.get_log("browser") if line["level"] in ("SEVERE", "WARNING")]

    def forget_refusals(self):
        """The browser itself tells the console of every status of 400 and more; those were wanted."""
        others = [line for line in self.console() if "Failed to load resource" not in line]
        self.assertEqual(others, [], "the console is to stay silent")

    def wait(self, condition, what):
        try:
            return WebDriverWait(self.browser, 60, 0.05, (StaleElementReferenceException,)).until(lambda _: condition())
        except Exception as error:
            self.picture(f"failed-{self._testMethodName}")
            text = self.browser.find_element(By.TAG_NAME, "body").text
            raise AssertionError(f"waited in vain for {what}; the page says:\n{text[:3000]}") from error

    def open(self, place):
        self.browser.get("about:blank")
        self.browser.get(f"{self.server.url}/#/{place}")
        self.wait(lambda: self.all("h1"), f"the view {place}")

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.wait(lambda: self.all(selector), selector)[0]

    def text(self, selector):
        return self.one(selector).text

    def says(self, selector, words):
        self.wait(lambda: any(words in one.text for one in self.all(selector)), f"“{words}” in {selector}")

    def click(self, selector):
        self.wait(lambda: [one for one in self.all(selector) if one.is_displayed() and one.is_enabled()], selector)[0].click()

    def stat(self, label):
        """The value and the note below it of that field of the head."""
        def find():
            for one in self.all("dl.stats .stat"):
                if one.find_element(By.TAG_NAME, "dt").text == label:
                    return one.find_element(By.TAG_NAME, "dd").text.split("\n")
            return None
        return self.wait(find, f"the field {label}")

    def picture(self, name):
        os.makedirs(settings.pictures, exist_ok=True)
        size = self.browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        made = self.browser.execute_cdp_cmd("Page.captureScreenshot", {
            "format": "png", "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": size["width"], "height": max(size["height"], 600), "scale": 1}})
        with open(os.path.join(settings.pictures, name + ".png"), "wb") as file:
            file.write(base64.b64decode(made["data"]))

    def look(self, name, place, ready):
        """Opens a view at each width, waits for `ready`, keeps a picture, and looks at what anyone must be able to use."""
        for width in WIDTHS:
            self.resize(width)
            self.open(place)
            self.wait(ready, f"what {place} is to show")
            self.picture(f"{name}-{width}")
            wide = self.browser.execute_script("return document.documentElement.scrollWidth")
            self.assertLessEqual(wide, width, f"{place} is wider than the screen of {width} pixels")
            self.check_access(f"{place} at {width}")
        self.resize(WIDTHS[0])

    def check_access(self, place):
        if settings.axe is None:
            return
        with open(settings.axe) as file:
            self.browser.execute_script(file.read())
        found = self.browser.execute_async_script(
            "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] }).then(r => done(r.violations))")
        serious = [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:300]} {one['nodes'][0].get('failureSummary', '')[:300]}"
                   for one in found if one["impact"] in ("serious", "critical")]
        self.assertEqual(serious, [], f"axe-core finds serious problems in {place}")

    def drawn(self, count=1, selector="svg path, svg rect, svg circle"):
        return lambda: len(self.all(f".tab {selector.replace(', ', ', .tab ')}")) >= count

    # ---- views

    def test_the_list_shows_each_experiment_with_its_state_and_best(self):
        self.look("experiments", "", lambda: len(self.all("table.experiments tbody tr")) >= 3)
        told = {item["name"]: item for item in self.server.call("GET", "/api/v1alpha1/experiments")["items"]}
        rows = self.all("table.experiments tbody tr")
        self.assertEqual(len(rows), len(told))
        for row in rows:
            item = told[row.find_element(By.CSS_SELECTOR, "th a").text]
            self.assertEqual(row.find_element(By.CSS_SELECTOR, ".badge").text, item["state"])
            if item.get("best"):
                self.assertEqual(shown(row.find_element(By.CSS_SELECTOR, "td.best b").text), shown(item["best"]["value"]))

    def test_the_list_is_searched_by_name_and_by_state(self):
        self.open("")
        self.wait(lambda: len(self.all("table.experiments tbody tr")) >= 3, "the experiments")
        self.one("input[type=search]").send_keys("fini")
        self.wait(lambda: [row.text.split()[0] for row in self.all("table.experiments tbody tr")] == ["finished"], "only finished")

    def test_the_overview_of_a_finished_experiment_shows_the_numbers_of_the_api(self):
        self.look("overview", "default/finished", self.drawn(10, "svg circle"))
        told = self.server.view("finished")
        best, note = self.stat("Best accuracy")
        self.assertEqual(shown(best, 6), shown(told["best"]["value"], 6))
        self.assertEqual(note, f"trial {told['best']['number']}")
        self.assertEqual(self.stat("Trials")[0], f"{told['counts']['Succeeded']}/{told['budget']['max']}")
        self.assertEqual(self.stat("Running")[0], "0")
        self.assertEqual(self.stat("Algorithm")[0], told["algorithm"]["name"])
        parameters = dict(row.text.rsplit(" ", 1) for row in self.all("table.values tr:not(.metric)"))
        for name, value in told["bestTrial"]["parameters"].items():
            if name == "optimizer":
                self.assertEqual(parameters[name], value)
            else:
                self.assertEqual(shown(parameters[name], 8), shown(value, 8))

    def test_the_table_of_trials_sorts_filters_and_pages_on_the_server(self):
        self.look("trials", "default/finished/trials", lambda: len(self.all("table.trials tbody tr")) == 24)
        self.click("button[data-sort='metric:accuracy']")
        told = self.server.view("finished", "/trials?sort=-metric:accuracy&limit=25")["items"]
        first = lambda: self.all("table.trials tbody tr th a")[0].text
        self.wait(lambda: first() == f"#{told[0]['number']}", "the best trial first")
        for row, trial in zip(self.all("table.trials tbody tr"), told):
            cells = [cell.text for cell in row.find_elements(By.CSS_SELECTOR, "td.number")]
            self.assertEqual(shown(cells[0]), shown(trial["metrics"]["accuracy"]))
        self.one("input[type=search]").send_keys("units<100")
        wanted = self.server.view("finished", "/trials?q=units%3C100")["total"]
        self.wait(lambda: len(self.all("table.trials tbody tr")) == wanted, f"{wanted} trials with units<100")
        search = self.one("input[type=search]")
        search.send_keys(Keys.CONTROL, "a")
        search.send_keys("units<<")
        self.wait(lambda: self.one("p.note.bad").is_displayed(), "what is wrong with the filter")
        self.forget_refusals()

    def test_analysis_shows_importance_as_the_api_computes_it(self):
        self.look("analysis", "default/finished/analysis", self.drawn(40, "svg path, svg rect, svg circle"))
        told = self.server.view("finished", "/importance")
        for parameter in told["parameters"]:
            share = parameter["importance"]
            self.says(".tab svg", parameter["name"])
            self.says(".tab svg", f"{100 * share:.{1 if 0 < share < 0.1 else 0}f} %")

    def test_the_timeline_has_a_bar_for_each_trial(self):
        self.look("timeline", "default/finished/timeline", self.drawn(24, "svg .lanes rect"))
        self.assertEqual(len(self.all("svg .lanes rect")), len(self.server.view("finished", "/timeline")["bars"]))

    def test_the_definition_is_what_the_user_sent(self):
        self.look("definition", "default/finished/definition", lambda: "maxTrialCount: 24" in self.text(".tab"))

    def test_the_front_of_two_objectives_has_the_trials_of_the_api(self):
        self.look("front", "default/front/analysis", self.drawn(1, "svg .front-dots circle"))
        self.assertEqual(len(self.all("svg .front-dots circle")), len(self.server.view("front", "/front")["front"]))

    def test_what_failed_is_told_with_its_cause(self):
        self.look("failing", "default/failing", lambda: self.all(".panel table"))
        told = self.server.view("failing")
        self.assertEqual(self.stat("Failed")[0], str(told["counts"]["Failed"]))
        self.says(".panel", told["failures"][0]["reason"])

    def test_a_trial_shows_its_values_its_output_and_its_events(self):
        self.look("trial", "default/finished/trial/3", lambda: "epoch=8" in self.text("pre.log"))
        told = self.server.view("finished", "/trials/3")
        self.assertEqual(shown(self.stat("accuracy")[0], 7), shown(told["trial"]["metrics"]["accuracy"], 7))
        self.says(".panel", told["trial"]["parameters"]["optimizer"])
        self.assertIn("size=", self.text("pre.log"))

    def test_trials_are_compared_side_by_side(self):
        self.open("default/finished/trials")
        self.wait(lambda: len(self.all("table.trials tbody tr")) == 24, "the trials")
        for box in (1, 2, 3):
            self.one(f"table.trials tbody tr:nth-child({box}) input").click()
        self.click("[data-do=compare]")
        self.wait(lambda: len(self.all("table.compare thead th")) == 3, "three trials")
        self.look("compare", "default/finished/compare/1,2,3", lambda: len(self.all("table.compare thead th")) == 3)
        told = self.server.view("finished", "/compare?trials=1,2,3")["items"]
        row = [row for row in self.all("table.compare tbody tr") if row.text.startswith("accuracy")][0]
        self.assertEqual([shown(cell.text, 6) for cell in row.find_elements(By.TAG_NAME, "td")],
                         [shown(one["metrics"]["accuracy"], 6) for one in told])

    def test_an_export_holds_every_trial(self):
        self.open("default/finished")
        self.click("[data-do=csv]")
        path = os.path.join(self.folder, "finished.csv")
        self.wait(lambda: os.path.exists(path), "the download")
        with open(path) as file:
            self.assertEqual(len(file.read().strip().split("\n")), 25)

    def test_keys_lead_everywhere(self):
        self.open("default/finished")
        body = self.one("body")
        body.send_keys("2")
        self.wait(lambda: self.all("table.trials tbody tr"), "the trials by a key")
        body.send_keys("?")
        self.wait(lambda: self.all("dialog[open]"), "the help")
        self.picture("keys")
        self.one("body").send_keys(Keys.ESCAPE)
        self.wait(lambda: not self.all("dialog[open]"), "the help to close")

    def test_light_and_dark(self):
        self.open("default/finished")
        before = self.browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        self.click("[data-do=theme]")
        self.wait(lambda: self.browser.execute_script("return getComputedStyle(document.body).backgroundColor") != before, "another colour")
        self.wait(self.drawn(10, "svg circle"), "the chart")
        self.picture("dark")
        self.check_access("the other colours")
        self.click("[data-do=theme]")

    # ---- what changes while one looks, and what one does

    def test_an_experiment_is_made_watched_changed_and_ended(self):
        go = os.path.join(self.folder, "go")
        self.make_from_yaml()
        self.watch_running()
        self.kill_and_retry(go)
        self.stop_and_resume(go)
        self.raise_budget(go)
        self.delete()

    def make_from_yaml(self):
        self.look("create", "new", lambda: self.all("textarea"))
        self.open("new")
        editor = "textarea[aria-label^=YAML]"
        put = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', {bubbles: true}))"
        good = self.server.yaml("running", mode="waiting", trials=6, algorithm="random")
        self.browser.execute_script(put, self.one(editor), good.replace("maximize", "sideways"))
        self.says(".problems li", "sideways")
        self.forget_refusals()
        self.browser.execute_script(put, self.one(editor), good)
        self.says(".verdict", "The server takes it.")
        self.click("[data-do=create]")
        self.wait(lambda: self.browser.current_url.endswith("#/default/running"), "the new experiment's view")

    def watch_running(self):
        def reported():
            return [trial for trial in self.server.view("running")["active"] if trial["metrics"].get("accuracy")]
        self.wait(lambda: len(reported()) == 3, "three trials that report")
        self.wait(lambda: self.stat("Running")[0] == "3", "three running trials")
        told = {f"#{trial['number']}": shown(trial["metrics"]["accuracy"]) for trial in reported()}

        def rows():
            cells = {row.find_element(By.CSS_SELECTOR, "th a").text: row.find_element(By.CSS_SELECTOR, "td.number").text
                     for row in self.all("table.compact tbody tr")}
            return {name: shown(value) for name, value in cells.items() if value != "–"}
        self.wait(lambda: rows() == told, f"the running trials' latest values {told}")
        self.look("running", "default/running", lambda: len(self.all("table.compact tbody tr")) == 3)
        self.look("running-trial", "default/running/trial/1", lambda: "epoch=4" in self.text("pre.log"))

    def kill_and_retry(self, go):
        self.open("default/running/trial/1")
        self.click("[data-do=kill]")
        self.click("dialog [data-do=confirm]")
        self.says(".head .badge", "Killed")
        self.click("[data-do=retry]")
        self.says(".toast", "tried again")

    def stop_and_resume(self, go):
        self.open("default/running")
        self.click("[data-do=stop]")
        self.click("dialog [data-do=confirm]")
        self.says(".head .badge", "Suspended")
        self.picture("suspended")
        open(go, "w").close()
        self.click("[data-do=resume]")
        self.says(".head .badge", "Succeeded")
        self.assertEqual(self.stat("Trials")[0], "6/6")

    def raise_budget(self, go):
        self.click("[data-do=raise]")
        field = self.one("dialog input[name=maxTrialCount]")
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys("9")
        self.click("dialog [data-do=confirm]")
        self.wait(lambda: self.stat("Trials")[0] == "9/9", "nine trials")
        self.assertEqual(self.server.view("running")["budget"]["max"], 9)

    def delete(self):
        self.click("[data-do=delete]")
        self.click("dialog [data-do=confirm]")
        self.wait(lambda: self.browser.current_url.endswith("#/"), "the list")
        self.server.wait(lambda: all(item["name"] != "running" for item in
                                     self.server.call("GET", "/api/v1alpha1/experiments")["items"]), "the experiment to be gone")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in vars(settings).items():
        parser.add_argument(f"--{name}", default=value)
    _, rest = parser.parse_known_args(namespace=settings)
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)


if __name__ == "__main__":
    main()
