"""The exercises of the notebooks, a module for each subject: exact answers, and the wrong ones
worth a hint.

`check("4.b", answer)` tells a learner whether an answer is right. Importing the room registers the
exercises of all its modules.

    >>> from course_lib.exercises import check
    >>> check("3.a", 1.9189)
    3.a: not yet. Mind the sign: that is −ELBO.
"""

from course_lib.checks.surroundings import undisturbed
from course_lib.exercises.registry import EXERCISES, check, find, judged, register

with undisturbed():  # what the modules hold must not take the reader's default dtype
    from course_lib.exercises import (
        amortisation as amortisation,
    )
    from course_lib.exercises import (
        divergence as divergence,
    )
    from course_lib.exercises import (
        encoder_and_decoder as encoder_and_decoder,
    )
    from course_lib.exercises import (
        evidence as evidence,
    )
    from course_lib.exercises import (
        hvae_elbo as hvae_elbo,
    )
    from course_lib.exercises import (
        hvae_structure as hvae_structure,
    )
    from course_lib.exercises import (
        jensen as jensen,
    )
    from course_lib.exercises import (
        markov_hvae as markov_hvae,
    )
    from course_lib.exercises import (
        minibatch as minibatch,
    )
    from course_lib.exercises import (
        posterior as posterior,
    )
    from course_lib.exercises import (
        rate_distortion as rate_distortion,
    )
    from course_lib.exercises import (
        reparameterization as reparameterization,
    )

__all__ = ["EXERCISES", "check", "find", "judged", "register"]
