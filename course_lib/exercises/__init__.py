"""The exercises of the notebooks, a module for each subject: exact answers, and the wrong ones
worth a hint. `check("4.b", answer)` tells a learner whether an answer is right.

>>> from course_lib.exercises import check
>>> check("9.a", [-40 / 3, -20])
9.a: not yet. The size is right, and the sign is not.

To add an exercise, write one more `Exercise(…)` into `register(…)` of its subject's module: its
name, the exact answer from an oracle, the wrong answers with their hints. Or a `MultipleChoice`,
`Blanks` to fill, a `Design`. Its cell in the notebook, `check("2.d", …)`, finds it by name; a
chapter has four. A new subject is a new module, and one more name in the list below. `given` holds
what several subjects share, `walks` the chains of the posterior's.

The tests ask for it twice more, written independently: its right answer in
tests/exercise_answers.py, and each of its mistakes in tests/exercise_mistakes.py. CONTRIBUTING.md
has every step.
"""

from course_lib.checks.surroundings import undisturbed
from course_lib.exercises.registry import (
    EXERCISES,
    AnyExercise,
    check,
    find,
    hint,
    judged,
    register,
)

with undisturbed():  # what the modules hold must not take the reader's default dtype
    from course_lib.exercises import (  # noqa: F401  each registers its exercises
        amortisation,
        divergence,
        encoder_and_decoder,
        evidence,
        hvae_elbo,
        hvae_structure,
        jensen,
        markov_hvae,
        minibatch,
        posterior,
        rate_distortion,
        reparameterization,
    )

__all__ = ["EXERCISES", "AnyExercise", "check", "find", "hint", "judged", "register"]
