"""`python -m course_lib.shipped.clinic`: see `course_lib.shipped.clinic.command`."""

import sys

from course_lib.shipped.clinic.command import main

if __name__ == "__main__":
    sys.exit(main())
