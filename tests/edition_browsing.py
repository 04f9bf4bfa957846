"""A page of the edition in a browser with no network, watched; and what axe-core finds in it."""

import re
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Browser, Page, ViewportSize

WIDTHS = (320, 390, 1280)
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def taken_from_elsewhere(text: str) -> list[str]:
    """What a page would fetch from the web; a link that its reader may follow is none of it."""
    own = re.sub(r'<a href="https://[^"]+">', "", text)
    return re.findall(r"""(?:src|href)=["']?(?:https?:)?//[^"'>]*""", own)


class Browsing:
    """A page that is watched: what it asks for, and what goes wrong in it."""

    def __init__(self, browser: Browser, width: int = 1280, **kind: Any) -> None:
        size = ViewportSize(width=width, height=900)
        kind = {"reduced_motion": "reduce"} | kind
        self.context = browser.new_context(viewport=size, offline=True, **kind)
        self.page: Page = self.context.new_page()
        self.wrong: list[str] = []
        self.page.on("console", lambda said: self.wrong.append(said.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda asked: self._note(asked.url))

    def _note(self, address: str) -> None:
        if not address.startswith(("file:", "data:")):
            self.wrong.append(f"asked for {address}")

    def open(self, path: Path) -> None:
        self.page.goto(path.as_uri())

    def resize(self, width: int) -> None:
        """Another width, and the page has answered it: boxes are marked, pictures arranged."""
        self.page.set_viewport_size({"width": width, "height": 900})
        # A box is marked, a frame later a picture is arranged, then its box marked.
        for _ in range(3):
            self.page.evaluate(
                "() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
            )

    def sideways(self) -> int:
        """By how many pixels the page is too wide."""
        return int(
            self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )

    def too_wide(self) -> list[str]:
        """The widths at which the page scrolls sideways; it is left at the last of them."""
        found = []
        for width in WIDTHS:
            self.resize(width)
            if self.sideways() > 0:
                found.append(f"{self.sideways()} pixels too wide at {width}")
        return found

    def unrendered(self) -> list[str]:
        """Formulas that are still TeX, or take no room, though no fold hides them."""
        left = self.page.locator("main :text('\\\\frac'), main :text('$$')")
        flat = """[...document.querySelectorAll('math')].filter(math =>
            !math.getBoundingClientRect().width && !math.closest('details:not([open])'))
            .map(math => math.textContent)"""
        return [*left.all_inner_texts(), *self.page.evaluate(flat)]

    def violations(self) -> list[str]:
        """What axe-core finds, with every fold open."""
        self.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE)
        options = "{ preload: false, resultTypes: ['violations'] }"
        found = self.page.evaluate(f"axe.run(document, {options})")["violations"]
        return [f"{v['id']}: {n['html'][:120]}" for v in found for n in v["nodes"]]
