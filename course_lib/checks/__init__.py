"""`verify` for equations and `judge` for exercises: claims that stand on a comparison, or fall in
the open.

`verify("4.2", left=…, right=…)` says that several routes give one number, or raises.
`judge(exercise, answer)` says whether a learner's answer is right, and recognises the wrong ones
seen before. `guess("4.1", 3)` keeps what a reader thinks will come; `reveal` says how near it was.

    >>> from course_lib.checks import Exercise, Mistake, judge, verify
    >>> verify("4.2", log_evidence=-1.0, elbo_and_gap=-1.25 + 0.25)
    ✓ (4.2): log evidence and elbo and gap agree to 1e-10
    >>> exercise = Exercise("4.z", lambda: 0.5, [Mistake(-0.5, "Mind the sign.")])
    >>> judge(exercise, -0.5).message
    '4.z: not yet. Mind the sign.'
"""

from course_lib.checks.blanks import Blank, Blanks
from course_lib.checks.design import Design
from course_lib.checks.exercise import Exercise, Mistake
from course_lib.checks.judging import judge
from course_lib.checks.multiple_choice import MultipleChoice
from course_lib.checks.predictions import guess, reveal
from course_lib.checks.rounding import rounds_to
from course_lib.checks.sampling import MonteCarlo, monte_carlo
from course_lib.checks.trying import Verdict
from course_lib.checks.verification import VerificationError, verify, verify_at_most

__all__ = [
    "Blank",
    "Blanks",
    "Design",
    "Exercise",
    "Mistake",
    "MonteCarlo",
    "MultipleChoice",
    "Verdict",
    "VerificationError",
    "guess",
    "judge",
    "monte_carlo",
    "reveal",
    "rounds_to",
    "verify",
    "verify_at_most",
]
