"""Pictures moved by sliders, a module each, named for what it shows; one or more for each chapter.

An explorer draws with `plots`, is run by `stage`, and has its numbers from the mathematics, some of
them by way of `scenes`. No explorer imports another: what two need stands in `scenes` or `plots`.

>>> from course_lib.explorers.divergence import PosteriorGap
>>> numbers = PosteriorGap().at(mean=0.5, std=0.7)
>>> round(numbers["log_evidence"] - numbers["elbo"] - numbers["gap"], 10)
0.0
"""
