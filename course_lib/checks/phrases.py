"""What `judge` says of an answer, in English: phrases with gaps, apart from how it is found.

The pages that need no kernel say the same phrases, and another language has a table of its own with
the same keys.

>>> from course_lib.checks.phrases import say
>>> say("low", distance="0.5 nats")
'too low by 0.5 nats'
"""

PHRASES: dict[str, str] = {
    # Nothing to judge
    "blank": "not answered yet",
    "no number": "a number is wanted, got {given}",
    "no function": "a function is wanted, got {given}; give its name alone, with no call",
    "no return": "not yet. Your function gives back None or an ellipsis: is its return missing?",
    "raised": "your answer raised {error}",
    "too long": "your answer was stopped after {seconds} seconds: does a loop in it never end?",
    "no option": "one of {options} is wanted, got {given}",
    "words wanted": "{due} words are wanted, one for each blank, got {got}: {given}",
    # Help before an answer
    "hint": "{which}, hint {step} of {count}: {hint}",
    "no hints": "{which} has no hints",
    # Right
    "right": "right",
    "right number": "right: {given}",
    "right in float32": "right to {error}, in float32; float64 keeps sixteen digits",
    # Not right
    "known mistake": "not yet. {hint}",
    "rounded": "not yet, but right to {error}. Was some number in it rounded to float32, as "
    "torch.tensor(0.1) is? Keep to float64",
    "reached": "right: {what} is {found}, and {limit} {asked} was asked",
    # Of a choice or a design
    "wrong choice": "not yet. Not “{word}”: {reason}",
    "wrong blank": "Blank {place}, “{word}”: {reason}",
    "one more": "right so far, and one more holds",
    "more": "right so far, and {count} more hold",
    "no figure": "not yet: {what} is NaN, no number",
    "a little more": "{asked} and another {size}",
    "a little less": "{asked} less {size}",
    "not reached": "not yet: {what} is {found}, and {limit} {asked} is asked",
    "at most": "at most",
    "at least": "at least",
    # Mistakes that anyone makes with any formula
    "sign": "The size is right, and the sign is not.",
    "half": "That is half of it: is there a ½ too many, or a factor 2 missing?",
    "twice": "That is twice too large: is a factor ½ missing?",
    "bits": "That is 1/log 2 times it: nats take the natural logarithm, bits that to base 2.",
    "times log 2": "That is log 2 times it: bits and nats differ by that factor.",
    "base ten": "That is with logarithms to base ten; here log is the natural one.",
    "square": "That is its square: a variance where a standard deviation is wanted?",
    "root": "That is its square root: a standard deviation where a variance is wanted?",
    "logarithm": "That is its logarithm: the value itself is wanted.",
    "exponential": "That is e to the power of it: the logarithm is wanted.",
    "reciprocal": "That is 1 divided by it: which of two is divided by the other?",
    "lacks constant": "That is ½ log 2π too high: the Gaussian's constant, −½ log 2π, is missing.",
    "has constant": "That is ½ log 2π too low: is the Gaussian's constant there once too often?",
    "mean": "That is {n} times too small: a mean over {n} terms where a sum is wanted?",
    "sum": "That is {n} times too large: a sum over {n} terms where a mean is wanted?",
    "lacks constants": "That is ½ log 2π too high for each of {n} dimensions: the Gaussian's "
    "constant, −½ log 2π, belongs to every one.",
    "has constants": "That is ½ log 2π too low for each of {n} dimensions: is the Gaussian's "
    "constant there once too often?",
    "of one": "Number {place} of {count} alone is not right. {hint}",
    "all but": "All but {which} is right. {hint}",
    # Not right, and no mistake that is known
    "one number": "not yet: {given} is not it: {told}",
    "several numbers": "not yet. At least one of your {count} numbers is not right: {told}",
    "function": "not yet. Your function gives other numbers than it should: {told}",
    "half precision": "{told}. Half precision holds three digits: compute in float64",
    "one wanted": "not yet. One number is wanted{where}, got {got}",
    "several wanted": "not yet. {due} numbers are wanted{where}, got {got}",
    "where": " in call {call} of {calls}",
    # Which number is off, in which direction and how far
    "off": "{which} is {off}",
    "it": "it",
    "place": "number {place} of {count}",
    "call": "in call {call} of {calls} {which}",
    "all off": "every number is {off}",
    "times": "{factor} times what it should be",
    "high": "too high by {distance}",
    "low": "too low by {distance}",
    "ratio": "{off}, a factor of {ratio}",
    "NaN": "NaN, no number",
    # A guess, and how far it is off
    "no guess": "{which}: no guess yet",
    "no such guess": "{which}: a guess is a number or a word, got {given}; nothing is noted",
    "unclear guess": "{which}: {given} has thousands to some and a decimal comma to others; "
    "write it without the comma, or with a point; nothing is noted",
    "noted": "{which}: noted, {given}",
    "guessed": "{which}: you said so, and it is: {truth}",
    "you said": "{which}: you said {given}; it is {truth}",
    "told": "{truth}. {distance}",
    "exactly": "Exactly.",
    "infinitely far": "One of them is infinite.",
    "other sign": "The other sign.",
    "off by": "Off by {size}.",
    "too high": "Too high by {size}.",
    "too low": "Too low by {size}.",
    "a factor": "a factor of {factor}",
    "one order": "an order of magnitude",
    "orders": "{count} orders of magnitude",
    "infinite": "{given}, and a finite number is wanted",
}


def say(phrase: str, **gaps: object) -> str:
    """The phrase of that key with its gaps filled."""
    return PHRASES[phrase].format(**gaps)
