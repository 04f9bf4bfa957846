"""`python -m course_lib.train NAME`: see `course_lib.shipped.command`."""

import sys

from course_lib.shipped.command import main

if __name__ == "__main__":
    sys.exit(main())
