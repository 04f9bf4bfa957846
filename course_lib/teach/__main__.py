"""`python -m course_lib.teach`: see `course_lib.teach.command`."""

import sys

from course_lib.teach.command import main

if __name__ == "__main__":
    sys.exit(main())
