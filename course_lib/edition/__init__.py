"""The live edition: the whole course as pages that open from a link, a stick or a mail, offline.

Explorers are recorded position by position, notebooks become HTML, and nothing is computed where
they are read.
"""

from course_lib.edition.chapter_page import ChapterPage, read_chapter
from course_lib.edition.pages import read_chapters, write_pages, write_single

__all__ = ["ChapterPage", "read_chapter", "read_chapters", "write_pages", "write_single"]
