"""`verify` for equations and `judge` for exercises: claims that stand on a comparison, or fall in
the open.

`verify("4.2", left=…, right=…)` shows several routes to one number and raises when they disagree.
`judge(exercise, answer)` says whether a learner's answer is right, and recognises the wrong ones
seen before.
"""

from course_lib.checks.exercise import Exercise, Mistake
from course_lib.checks.judging import Verdict, judge
from course_lib.checks.sampling import MonteCarlo, monte_carlo
from course_lib.checks.verification import VerificationError, verify, verify_at_most

__all__ = [
    "Exercise",
    "Mistake",
    "MonteCarlo",
    "Verdict",
    "VerificationError",
    "judge",
    "monte_carlo",
    "verify",
    "verify_at_most",
]
