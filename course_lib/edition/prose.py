"""A notebook's Markdown → HTML: formulas as MathML, links between notebooks as links between pages.

nbconvert's parser finds the formulas, as JupyterLab does; the rest is mistune's.
"""

import html
import re
from collections import Counter
from typing import Any

from mistune import HTMLRenderer, Markdown
from mistune.plugins.table import table
from nbconvert.filters.markdown_mistune import MathBlockParser, MathInlineParser
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from course_lib.edition.maths import render, without_tag
from course_lib.edition.words import say

HAN = "\u3000-\u303f\u3400-\u9fff\uff00-\uffef"
# From the first Chinese character to the last, with a few Latin words between them.
CHINESE = re.compile(rf"[{HAN}](?:[^\n{HAN}]{{0,40}}[{HAN}])*[:.]?")
NOTEBOOK = re.compile(r"^(\d\d_\w+)\.ipynb(#.*)?$")
MENTION = re.compile(r"\((\d+\.\d+)\)")
# What a quoted block is, by how it begins.
KINDS = {"Study note": "study-note", "Try": "try", "Insight": "insight"}


class Prose(HTMLRenderer):
    """Renders one chapter's Markdown, and remembers its headings and equations.

    headings: (anchor, plain text) of each h2; equations: tag → MathML. places: tag → the page on
    which that equation stands, for every mention of it, such as (4.2). home: the address of the
    course's files, "" if it has none.
    """

    def __init__(self, places: dict[str, str] | None = None, home: str = "") -> None:
        super().__init__(escape=False)
        self.places = places or {}
        self.home = home
        self.headings: list[tuple[str, str]] = []
        self.equations: dict[str, str] = {}
        self.anchors: Counter[str] = Counter()

    def html_of(self, markdown: str) -> str:
        """The Markdown of one cell as HTML."""
        parser = Markdown(self, MathBlockParser(), MathInlineParser(), [table])
        return str(parser(markdown))

    def text(self, text: str) -> str:
        """Plain words; Chinese ones say that they are, and an equation's number leads to it."""

        def led(mention: re.Match[str]) -> str:
            page = self.places.get(mention[1])
            return f'<a href="{page}#eq-{mention[1]}">{mention[0]}</a>' if page else mention[0]

        words = CHINESE.sub(r'<span lang="zh">\g<0></span>', html.escape(text, quote=False))
        return MENTION.sub(led, words)

    def inline_math(self, body: str) -> str:
        """A formula in the line."""
        return render(html.unescape(body))

    def block_math(self, body: str) -> str:
        """A displayed formula; with a tag it has an anchor, such as eq-4.3."""
        tex, tag = without_tag(html.unescape(body))
        formula = f'<div class="scrolls">{render(tex, display=True)}</div>'
        if not tag:
            return f'<div class="equation">{formula}</div>'
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
        page = NOTEBOOK.match(url)
        if page:
            return f'<a href="{page[1]}.html{page[2] or ""}">{text}</a>'
        if re.match(r"https?:|#|mailto:", url):
            return f'<a href="{html.escape(url)}">{text}</a>'
        file = url.removeprefix("../")
        if self.home:
            return f'<a href="{self.home}/blob/HEAD/{html.escape(file)}">{text}</a>'
        return f'{text} <span class="file">({html.escape(file)})</span>'

    def table(self, text: str) -> str:
        """A table in a box of its own, which may scroll."""
        return f'<div class="scrolls"><table>\n{text}</table></div>\n'


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
