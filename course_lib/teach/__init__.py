"""For a class, and for a reader who comes back.

    from course_lib.teach import progress
    progress()

shows what was answered so far, and the next open exercise.
"""

from course_lib.teach.progress import forget, progress

__all__ = ["forget", "progress"]
