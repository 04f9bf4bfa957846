"""`python -m course_lib.train NAME`: see `course_lib.shipped.training`."""

import sys

from course_lib.shipped.training import main

if __name__ == "__main__":
    sys.exit(main())
