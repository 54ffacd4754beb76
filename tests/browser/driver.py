"""A browser for the tests: headless Chromium, told what to do line by line.

Each line on standard input is one JSON object with `do` and what belongs to it; each is answered
by one line: `{"value": …}`, or `{"error": "…"}`. The tests decide; nothing is judged here.
"""

import json
import pathlib
import sys

from playwright.sync_api import Error, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 20_000  # milliseconds


class Window:
    def __init__(self, browser):
        self.browser = browser
        self.context = None

    def new(self, width=1200, height=900, dark=False, script=True, bypass=False):
        if self.context:
            self.context.close()
        self.seen = {"dialogs": 0, "foreign": [], "complaints": []}
        self.context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=script,
            bypass_csp=bypass,
            reduced_motion="reduce",
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)
        self.page.on("console", self._console)

    def _dialog(self, dialog):
        self.seen["dialogs"] += 1
        dialog.dismiss()

    def _request(self, request):
        if not request.url.startswith("http://127.0.0.1:") and not request.url.startswith(
            "http://localhost:"
        ):
            self.seen["foreign"].append(request.url)

    def _console(self, message):
        # An answer that says no is no fault of the page.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.seen["complaints"].append(message.text)

    def open(self, url):
        answer = self.page.goto(url)
        return answer.status if answer else None

    def fill(self, selector, text):
        self.page.fill(selector, text)

    def choose(self, selector, label):
        self.page.select_option(selector, label=label)

    def check(self, selector):
        self.page.check(selector)

    def click(self, selector):
        with self.page.expect_navigation():
            self.page.click(selector)

    def press(self, key):
        self.page.keyboard.press(key)

    def focused(self):
        return self.page.evaluate("document.activeElement.outerHTML")

    def wait(self, text):
        self.page.get_by_text(text).first.wait_for()

    def text(self, selector="body"):
        return self.page.inner_text(selector)

    def count(self, selector):
        return self.page.locator(selector).count()

    def html(self):
        return self.page.content()

    def address(self):
        return self.page.url

    def width(self):
        return self.page.evaluate("document.documentElement.scrollWidth")

    def observed(self):
        return self.seen

    def forget(self):
        self.context.clear_cookies()

    def shot(self, path):
        self.page.screenshot(path=path, full_page=True)

    def axe(self):
        import axe_playwright_python

        folder = pathlib.Path(axe_playwright_python.__file__).parent
        self.page.evaluate((folder / "axe.min.js").read_text())
        found = self.page.evaluate("axe.run()")
        return [
            {"id": rule["id"], "impact": rule["impact"], "where": node["html"][:200]}
            for rule in found["violations"]
            for node in rule["nodes"]
        ]


def main(chromium):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        window = Window(browser)
        for line in sys.stdin:
            asked = json.loads(line)
            try:
                said = {"value": getattr(window, asked.pop("do"))(**asked)}
            except (Error, AttributeError, TypeError, ValueError) as error:
                said = {"error": str(error)}
            print(json.dumps(said), flush=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
