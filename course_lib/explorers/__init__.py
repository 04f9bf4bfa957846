"""Pictures moved by sliders: one module an explorer, named for what it shows; engine runs all.

>>> from course_lib.explorers.divergence import PosteriorGap
>>> numbers = PosteriorGap().at(x=1.0, mean=0.5)
>>> round(numbers["log_evidence"] - numbers["elbo"] - numbers["gap"], 10)
0.0
"""
