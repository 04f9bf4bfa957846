"""`python -m course_lib.depth_study`: see `course_lib.depth_study.command`."""

import sys

from course_lib.depth_study.command import main

if __name__ == "__main__":
    sys.exit(main())
