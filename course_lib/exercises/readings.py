"""The exercise on four readings of a formula for a chain's bound: what each adds to the ELBO."""

from collections.abc import Sequence

from course_lib.checks import Blank, Blanks

NOTHING, BELOW, MARGINAL = "nothing", "H(top|below)", "H(top|x)"
INFORMATION = "H(top|x) - H(top|below)"


def _blank(right: str, **reasons: str) -> Blank:
    """A blank with the four words: of the three that do not fit, why."""
    words = {"nothing": NOTHING, "below": BELOW, "marginal": MARGINAL, "both": INFORMATION}
    return Blank(right, {words[name]: reason for name, reason in reasons.items()})


# By where the sum over log q ends, and what q(z_T) in the KL is given: T and z_(T-1), T and x,
# T - 1 and z_(T-1), T - 1 and x.
READINGS = {
    1: _blank(
        BELOW,
        nothing="The sum to T has −log q(top|below), and the KL has it again.",
        marginal="Both log q's of the top layer are given what is below.",
        both="That compares two different q's of the top; here one stands twice.",
    ),
    2: _blank(
        MARGINAL,
        nothing="The sum to T is complete, and then a KL brings another log q.",
        below="The sum already has that one, as it should. The KL brings another.",
        both="That would be so if the sum ended at T − 1.",
    ),
    3: _blank(
        NOTHING,
        below="The sum leaves log q(top|below) out, and the KL brings it in: once.",
        marginal="No q(top|x) stands in this reading.",
        both="Every log q stands once, each of the right q: nothing is left to differ.",
    ),
    4: _blank(
        INFORMATION,
        nothing="One log q of the top stands there, but it is that of the wrong q.",
        below="The sum ends before it, so H(top|below) is missing, not too much.",
        marginal="It is there in place of H(top|below), which is now missing.",
    ),
}


def four_readings(name: str, order: Sequence[int]) -> Blanks:
    """The readings in this order."""
    return Blanks(
        name,
        [READINGS[reading] for reading in order],
        hints=(
            "Write each KL as E log q − E log p(z_T), and count which log q's of the top layer "
            "stand in the whole formula.",
            "The ELBO has H(top|below) once. What has each reading in its place? Subtract.",
        ),
    )
