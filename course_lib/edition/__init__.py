"""The pages that need no kernel: explorers recorded position by position, notebooks as HTML."""

from course_lib.edition.catalogue import EXPLORERS
from course_lib.edition.packing import pack, script, unpack
from course_lib.edition.recorder import recordings
from course_lib.edition.recording import Recording
from course_lib.edition.taking import record

__all__ = ["EXPLORERS", "Recording", "pack", "record", "recordings", "script", "unpack"]
