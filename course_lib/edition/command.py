"""`python3 start.py pages`: the course as pages that open from a link, offline.

    python3 start.py pages              pages/index.html, and what belongs to it
    python3 start.py pages --still      the same with the stored pictures alone, in seconds
    python3 start.py pages --single     also pages/single/, each chapter one file, for mail
    python3 start.py pages --pdf        also pages/pdf/, each chapter and the whole, by a Chromium

They are made from the notebooks as stored, with their outputs; no cell is run. The first time the
explorers are recorded, which takes some minutes; runs/recordings keeps what came of it. The folder
is made anew as a whole: if something fails, or Ctrl-C stops it, the old pages stay as they were.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from course_lib.edition.pages import read_chapters, write_pages, write_single
from course_lib.edition.placing import made_anew, require_own, require_writing
from course_lib.edition.printing import find_chromium, print_chapters
from course_lib.edition.recorder import recordings
from course_lib.index import ROOT
from course_lib.numerals import print_any_sign

STOPPED = 130  # what a shell says of a program that Ctrl-C ended
SAID_STOPPED = "stopped; old pages stay as they were, and recordings that were done are kept"
KEPT = ROOT / "runs" / "recordings"


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns 0, 2 with a line on stderr if it cannot, 130 if stopped."""
    print_any_sign()
    try:
        _make(_options(arguments))
    except (OSError, ValueError) as error:
        print(f"pages: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"pages: {SAID_STOPPED}", file=sys.stderr)
        return STOPPED
    return 0


def _make(options: argparse.Namespace) -> None:
    """Makes what the options ask for. What may be wrong is looked at before minutes are spent."""
    folder: Path = options.into.resolve()
    require_own(folder)
    require_writing(folder.parent)
    if options.pdf:
        find_chromium()
    if not options.still:
        read_chapters()
    packed = {} if options.still else recordings(ROOT / "notebooks", KEPT)
    with made_anew(folder) as draft:
        done = list(_written(draft, packed, options))
    for line in done:
        print(line.format(folder=folder, address=(folder / "index.html").as_uri()))


def _written(draft: Path, packed: dict[str, bytes], options: argparse.Namespace) -> Iterator[str]:
    """Writes all that is asked for, and says of each part where it will be."""
    pages = write_pages(draft, packed=packed)
    live = sum(drawn.startswith('<figure class="explorer"') for p in pages for drawn in p.pictures)
    yield f"{live} of {sum(len(p.pictures) for p in pages)} explorers move"
    yield f"{len(pages)} chapters: open {{address}}"
    if options.single:
        files = write_single(draft / "single", pages, packed)
        yield f"{len(files)} chapters in one file each: {{folder}}{os.sep}single"
    if options.pdf:
        print("printing …", flush=True)
        files = print_chapters(draft / "pdf", pages)
        yield f"{len(files)} PDFs: {{folder}}{os.sep}pdf"


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 start.py pages", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--still", action="store_true", help="no recordings: nothing moves")
    parser.add_argument("--single", action="store_true", help="also each chapter as one file")
    parser.add_argument("--pdf", action="store_true", help="also PDFs, where a Chromium is")
    parser.add_argument("--into", type=Path, default=ROOT / "pages", help="the folder, pages/")
    return parser.parse_args(arguments)
