"""`python -m course_lib.edition`: see `course_lib.edition.command`."""

import sys

from course_lib.edition.command import main

if __name__ == "__main__":
    sys.exit(main())
