"""A notebook's Markdown → HTML: formulas as MathML, links between notebooks as links between pages.

nbconvert's parser finds the formulas, as JupyterLab does; the rest is mistune's. What a page would
show otherwise than the notebook, or not at all, is refused.
"""

import html
import re
from collections import Counter
from re import Match
from typing import Any
from urllib.parse import unquote

from mistune import HTMLRenderer, InlineState, Markdown
from mistune.helpers import unescape_char
from mistune.plugins.table import table
from nbconvert.filters.markdown_mistune import MathBlockParser, MathInlineParser
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course_lib.edition.lines import display
from course_lib.edition.maths import render, without_tag
from course_lib.edition.words import PAGE_TEXT, say

HAN = "\u3000-\u303f\u3400-\u9fff\uff00-\uffef"
# From the first Chinese character to the last, with a few Latin words between them.
CHINESE = re.compile(rf"[{HAN}](?:[^\n{HAN}]{{0,40}}[{HAN}])*[:.]?")
NOTEBOOK = re.compile(r"^(\d\d_\w+)\.ipynb(#.*)?$")
MENTION = re.compile(r"\(((\d+)\.\d+)\)")
REASON = re.compile(r'<span class="reason">.*?</span>')  # of a line in a derivation
BROKEN_FORMULA = re.compile(r"\$+|\\(?:begin|end)\{")  # what is left where no formula was found
PUNCTUATED = re.compile(r"(<math\b(?:(?!<math\b).)*?</math>)([.,;:!?)]+)", re.S)
RAW = re.compile(r"</?(\w+)[^>]*>|<[!?]")
FOLDS = ("details", "summary")  # the raw HTML that a page has as well
# What a quoted block is, by how it begins.
KINDS = {"Study note": "study-note", "Try": "try", "Insight": "insight"}


Link = tuple[int, str]  # the number of a cell, and an address there


class _Inline(MathInlineParser):
    """Tells what was escaped, as a dollar sign, from what was not."""

    def parse_escape(self, m: Match[str], state: InlineState) -> int:
        """A sign behind a backslash."""
        state.append_token({"type": "escaped", "raw": unescape_char(m[0])})
        return m.end()


class Prose(HTMLRenderer):
    """Renders one chapter's Markdown, and remembers its headings and equations.

    headings: (anchor, plain text) of each h2; equations: tag → MathML; links: to places in the
    course, each with the number of its cell. places: tag → the page on which that equation stands,
    for every mention of it, such as (4.2). home: the address of the course's files, "" if it has
    none.
    """

    def __init__(self, places: dict[str, str] | None = None, home: str = "") -> None:
        super().__init__(escape=False)
        self.places = places or {}
        self.home = home
        self.headings: list[tuple[str, str]] = []
        self.equations: dict[str, str] = {}
        self.anchors: Counter[str] = Counter()
        self.links: list[Link] = []
        self.cell = 0
        self.folds: list[str] = []

    def html_of(self, markdown: str) -> str:
        """The Markdown of one cell as HTML.

        Raises ValueError for what a page would not show, or otherwise than the notebook.
        """
        for said, instead in PAGE_TEXT.items():
            markdown = markdown.replace(said, instead)
        parser = Markdown(self, MathBlockParser(), _Inline(), [table])
        self.folds = []
        drawn = str(parser(markdown))
        if self.folds:
            raise ValueError(f"<{self.folds[-1]}> is not closed in its cell")
        return PUNCTUATED.sub(r'<span class="together">\1\2</span>', drawn)

    def text(self, text: str) -> str:
        """Plain words; Chinese ones say that they are, and an equation's number leads to it."""
        broken = BROKEN_FORMULA.search(text)
        if broken:
            near = text[max(0, broken.start() - 20) : broken.end() + 20]
            raise ValueError(f"a formula that is not closed, or opened, at {near!r}")
        said = of_chapters(html.unescape(text))
        words = CHINESE.sub(r'<span lang="zh">\g<0></span>', html.escape(said, quote=False))
        return MENTION.sub(self._led, words)

    def _led(self, mention: Match[str]) -> str:
        """An equation's number as a link to it."""
        tag, chapter = mention.groups()
        page = self.places.get(tag)
        if page is None and any(known.startswith(f"{chapter}.") for known in self.places):
            raise ValueError(f"{mention[0]} is no equation of the course")
        return f'<a href="{page}#eq-{tag}">{mention[0]}</a>' if page else mention[0]

    def escaped(self, text: str) -> str:
        """Signs that mean themselves."""
        return html.escape(text, quote=False)

    def inline_html(self, html: str) -> str:
        """Raw HTML: folds alone, in order, with no formula in them, which Markdown leaves as it is.

        Raises ValueError for anything else.
        """
        if "$" in html:
            raise ValueError(f"a formula within raw HTML: {html!r}; set an empty line before it")
        for tag in RAW.finditer(html):
            if tag[1] not in FOLDS or tag[0] not in (f"<{tag[1]}>", f"</{tag[1]}>"):
                raise ValueError(f"raw HTML that a page does not have: {tag[0]!r}")
            if not tag[0].startswith("</"):
                self.folds.append(tag[1])
            elif not self.folds or self.folds.pop() != tag[1]:
                raise ValueError(f"{tag[0]} closes nothing")
        return html

    def block_html(self, html: str) -> str:
        """Raw HTML on lines of its own."""
        return f"{self.inline_html(html)}\n"

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A picture by its address: the page would have to bring it along."""
        raise ValueError(f"a picture by its address, {url!r}, which a page does not have")

    def inline_math(self, body: str) -> str:
        """A formula in the line."""
        return render(html.unescape(body))

    def block_math(self, body: str) -> str:
        """A displayed formula; with a tag it has an anchor, such as eq-4.3."""
        tex, tag = without_tag(html.unescape(body))
        drawn = REASON.sub(lambda reason: MENTION.sub(self._led, reason[0]), display(tex))
        formula = f'<div class="scrolls">{drawn}</div>'
        if not tag:
            return f'<div class="equation">{formula}</div>'
        if tag in self.equations:
            raise ValueError(f"equation ({tag}) stands twice")
        self.equations[tag] = formula
        anchor, name = f"eq-{tag}", say("equation", tag=tag)
        number = f'<a class="tag" href="equations.html#{anchor}" title="{name}">({tag})</a>'
        return f'<div class="equation" id="{anchor}">{formula}{number}</div>'

    def latex_environment(self, name: str, body: str) -> str:
        """A formula that is an environment alone."""
        return self.block_math(f"\\begin{{{name}}}{body}\\end{{{name}}}")

    def paragraph(self, text: str) -> str:
        """A paragraph; one with a displayed formula is cut at it, since none may be inside."""
        parts = re.split(r'(<div class="equation".*?</div>(?:<a .*?</a>)?</div>)', text, flags=re.S)
        return "".join(
            part if part.startswith("<div") else f"<p>{part.strip()}</p>\n"
            for part in parts
            if part.strip()
        )

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """A heading with an anchor; h2 goes into the chapter's contents."""
        plain = plain_text(text)
        anchor = slug(plain)
        self.anchors[anchor] += 1
        if self.anchors[anchor] > 1:
            anchor += f"-{self.anchors[anchor]}"
        if level == 2:
            self.headings.append((anchor, plain))
        return f'<h{level} id="{anchor}">{text}</h{level}>\n'

    def block_quote(self, text: str) -> str:
        """A study note, things to try, an insight, or a quotation, each with its class."""
        begins = re.match(r"\s*<p>(?:<em>)?<strong>([\w ]+)", text)
        words = begins[1] if begins else ""
        kind = next((KINDS[k] for k in KINDS if words.startswith(k)), "")
        kind = kind or ("the-note" if 'lang="zh"' in text else "quotation")
        role = ' role="note"' if kind != "quotation" else ""
        return f'<blockquote class="{kind}"{role}>\n{text}</blockquote>\n'

    def block_code(self, code: str, info: str | None = None) -> str:
        """Code in a fence, in colours."""
        return code_block(code)

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """A link to a notebook becomes one to its page; one to a file needs the course's home."""
        if re.match(r"https?:|mailto:", url):
            return f'<a href="{html.escape(url)}">{text}</a>'
        page = NOTEBOOK.match(url)
        if page or url.startswith("#"):
            file = f"{page[1]}.html" if page else ""
            address = file + _anchored(url)
            self.links.append((self.cell, address))
            return f'<a href="{address}">{text}</a>'
        self.links.append((self.cell, url))
        file = url.removeprefix("../")
        if self.home:
            return f'<a href="{self.home}/blob/HEAD/{html.escape(file)}">{text}</a>'
        return f'{text} <span class="file">({html.escape(file)})</span>'

    def table(self, text: str) -> str:
        """A table in a box of its own, which may scroll."""
        return f'<div class="scrolls"><table>\n{text}</table></div>\n'


def of_chapters(text: str) -> str:
    """The notebooks call themselves so; a page is a chapter."""
    words = {"n": say("text.chapter"), "N": say("text.Chapter")}
    return re.sub(r"\b([Nn])otebook", lambda found: words[found[1]], text)


def _anchored(url: str) -> str:
    """#The-gap, as JupyterLab calls a heading, as a page does: #the-gap."""
    anchor = unquote(url.partition("#")[2])
    return f"#{anchor if anchor.startswith('eq-') else slug(anchor)}" if anchor else ""


def code_block(code: str) -> str:
    """Python in colours."""
    drawn = highlight(code.rstrip("\n"), PythonLexer(), HtmlFormatter(nowrap=True))
    return f'<pre class="code scrolls"><code>{drawn.rstrip()}</code></pre>\n'


def plain_text(drawn: str) -> str:
    """The words of a piece of HTML."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", drawn)).split())


def slug(text: str) -> str:
    """An anchor from a heading: the-gap-of-a-digit."""
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-") or "section"
