"""The live edition: the whole course as pages that open from a link, a stick or a mail, offline.

Explorers are recorded position by position, notebooks become HTML, and nothing is computed where
they are read.

    >>> from course_lib.edition.maths import render
    >>> render("x")
    '<math display="inline"><mrow><mi>x</mi></mrow></math>'
"""

from course_lib.edition.catalogue import EXPLORERS
from course_lib.edition.chapter_page import ChapterPage, read_chapter
from course_lib.edition.packing import pack, script, unpack
from course_lib.edition.pages import read_chapters, write_pages, write_single
from course_lib.edition.recorder import recordings
from course_lib.edition.recording import Recording
from course_lib.edition.taking import record

__all__ = [
    "EXPLORERS",
    "ChapterPage",
    "Recording",
    "pack",
    "read_chapter",
    "read_chapters",
    "record",
    "recordings",
    "script",
    "unpack",
    "write_pages",
    "write_single",
]
