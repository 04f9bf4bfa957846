"""`python -m course_lib`: see `course_lib.index.command`."""

import sys

from course_lib.index.command import main

if __name__ == "__main__":
    sys.exit(main())
