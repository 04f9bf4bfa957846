"""What a class needs besides the notebooks: slides made from their tagged cells.

notebooks/teaching/README.md is its door.
"""

from course_lib.teach.slides import slides

__all__ = ["slides"]
