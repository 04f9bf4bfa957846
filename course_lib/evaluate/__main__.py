"""`python -m course_lib.evaluate`: see `course_lib.evaluate.command`."""

import sys

from course_lib.evaluate.command import main

if __name__ == "__main__":
    sys.exit(main())
