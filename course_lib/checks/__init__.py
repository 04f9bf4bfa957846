"""`verify` for equations and `check` for exercises: claims that stand on a comparison, or fall in
the open.

`verify("4.2", left=…, right=…)` shows several routes to one number and raises when they disagree.
`check("4.b", answer)` tells a learner whether an answer is right, and recognises the wrong ones
seen before.
"""

from course_lib.checks.exercise import EXERCISES, Exercise, Mistake, register
from course_lib.checks.judging import Verdict, check, judge
from course_lib.checks.sampling import MonteCarlo, monte_carlo
from course_lib.checks.verification import VerificationError, verify, verify_at_most

__all__ = [
    "EXERCISES",
    "Exercise",
    "Mistake",
    "MonteCarlo",
    "Verdict",
    "VerificationError",
    "check",
    "judge",
    "monte_carlo",
    "register",
    "verify",
    "verify_at_most",
]
