"""The pages on paper: each chapter and the whole course as PDF, printed by a Chromium.

A PDF has the pictures as they open, the solutions at each chapter's end, pages numbered, and links
that work in it.
"""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

from markupsafe import Markup

from course_lib.edition.chapter_page import ChapterPage, opened
from course_lib.edition.pages import (
    LINK,
    chapter_html,
    without_neighbours,
    write,
)
from course_lib.edition.shell import environment, stylesheet
from course_lib.edition.words import say
from course_lib.index import SOLUTION

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--no-first-run",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-pdf-header-footer",  # the numbers of the pages come from the style sheet
    "--generate-pdf-document-outline",
)
PATIENCE = 300  # seconds
PAGE = re.compile(r"(\d\d)_\w+\.html(?:#(.*))?")
SOLVED = re.compile(
    r'<form class="exercise" data-exercise="([^"]+)".*?</form>\n((?:(?!<form).)*?)'
    rf"{SOLUTION}(.*?)</details>\n",
    re.S,
)
FOLDED = re.compile(r"<details><summary>(.*?)</summary>(.*?)</details>", re.S)  # by the text itself
ROUTES = '<details class="verdict">'
ANCHOR = re.compile(r'\b(id|aria-labelledby)="(?!eq-)([^"]+)"')


def find_chromium() -> str:
    """The program that prints. Raises ValueError if there is none."""
    for found in [*map(shutil.which, NAMES), *PLACES]:
        if found and Path(found).is_file():
            return found
    raise ValueError(
        "no Chromium, Chrome or Edge is on this machine, and a PDF is printed by one; in any "
        "browser the pages print as they are"
    )


def print_chapters(folder: Path, pages: list[ChapterPage]) -> list[Path]:
    """Writes a PDF of each chapter and one of the whole course. Returns the files.

    Raises ValueError if there is no Chromium, or if it does not print.
    """
    program = find_chromium()
    folder.mkdir(parents=True, exist_ok=True)
    paper = [on_paper(page) for page in pages]
    drawn = {page.stem: without_neighbours(chapter_html(paper, page, **_bare())) for page in paper}
    drawn["course"] = whole(paper)
    return [_print(program, html, folder / f"{stem}.pdf") for stem, html in drawn.items()]


def on_paper(page: ChapterPage) -> ChapterPage:
    """The chapter as a book has it: its solutions at the end, and where each was a way to it."""
    solutions: list[str] = []

    def moved(exercise: re.Match[str]) -> str:
        name, between, solution = exercise.groups()
        back = f'<a href="#exercise-{name}">{name}</a>'
        solutions.append(f'<h3 id="solution-{name}">{back}</h3>\n{solution}')
        way = f'<a href="#solution-{name}">{say("paper.solution")}</a>'
        return f'<p class="to-solution" id="exercise-{name}">{way}</p>\n{between}'

    screen, paper = say("page.answer"), say("paper.answer")
    sections = [SOLVED.sub(moved, opened(part)).replace(screen, paper) for part in page.sections]
    sections = [FOLDED.sub(r"<p><strong>\1</strong></p>\2", part) for part in sections]
    sections = [part.replace(ROUTES, f"{ROUTES[:-1]} open>") for part in sections]
    if solutions:
        title = f'<h2 id="solutions">{say("paper.solutions")}</h2>'
        drawn = "\n".join([title, *solutions])
        sections.append(f'<section class="solutions" aria-labelledby="solutions">{drawn}</section>')
    return replace(page, sections=tuple(sections))


def whole(pages: list[ChapterPage]) -> str:
    """All chapters in one page, whose links lead to its own places."""
    parts = [(page, _part(page)) for page in pages]
    return environment().get_template("whole.html.j2").render(parts=parts, **_bare())


def _part(page: ChapterPage) -> Markup:
    """A chapter's text with anchors that no other chapter has: c4-recap."""
    own = f"c{page.number}"

    def led(link: re.Match[str]) -> str:
        address = re.sub(r"^equations\.html#", "#", link[2])
        other = PAGE.fullmatch(address)
        if other:
            chapter, anchor = f"c{int(other[1])}", other[2]
            address = f"#{chapter}" + (f"-{anchor}" if anchor else "")
            address = f"#{anchor}" if anchor and anchor.startswith("eq-") else address
        elif address.startswith("#") and not address.startswith("#eq-"):
            address = f"#{own}-{address[1:]}"
        return f'<a {link[1]}href="{address}"{link[3]}>{link[4]}</a>'

    text = page.opening + "".join(page.sections)
    return Markup(LINK.sub(led, ANCHOR.sub(rf'\1="{own}-\2"', text)))


def _bare() -> dict[str, object]:
    """What a printed page is given in place of links to styles and scripts."""
    style = Markup(f"<style>\n{stylesheet()}</style>")
    return {"style": style, "scripts": "", "alone": True, "before": None, "after": None}


def _print(program: str, html: str, target: Path) -> Path:
    """Prints one page. Its file stands beside the target: some Chromiums may not read elsewhere."""
    target = target.resolve()
    source = write(target.with_suffix(".print.html"), html)
    target.unlink(missing_ok=True)
    root = hasattr(os, "geteuid") and os.geteuid() == 0  # whom Chromium refuses a sandbox
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program, *FLAGS, *(["--no-sandbox"] if root else [])]
        command += [f"--user-data-dir={profile}", f"--print-to-pdf={target}", source.as_uri()]
        try:
            ran = subprocess.run(command, capture_output=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise ValueError(f"{program} took more than {PATIENCE} s for {target.name}") from error
        finally:
            source.unlink()
    if not target.is_file() or target.read_bytes()[:5] != b"%PDF-":
        said = ran.stderr.decode(errors="replace").strip().splitlines()
        raise ValueError(f"{program} printed no {target.name}: {said[-1] if said else 'no reason'}")
    return target
