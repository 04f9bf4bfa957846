"""The depth study: is a deeper chain better, is it steadier, and does it use its upper layers?

Chains of T = 1, 2, 3 and 5 latent layers with as many parameters each, trained on the 8×8 digits
for as many steps, from many seeds. `python -m course_lib.depth_study` runs it, and its result
ships as data/depth_study.json.

    >>> from course_lib.depth_study import equal_chain, parameter_count
    >>> [parameter_count(equal_chain(depth)) for depth in (1, 2)]  # a fair comparison
    [19792, 19696]
"""

from course_lib.depth_study.design import (
    ARMS,
    DEPTHS,
    chain,
    digits,
    equal_chain,
    parameter_count,
    run,
)
from course_lib.depth_study.picture import picture
from course_lib.depth_study.results import (
    Study,
    difference_interval,
    load,
    mean_interval,
    share_reversed,
    spread_interval,
)
from course_lib.depth_study.table import whole_table

__all__ = [
    "ARMS",
    "DEPTHS",
    "Study",
    "chain",
    "difference_interval",
    "digits",
    "equal_chain",
    "load",
    "mean_interval",
    "parameter_count",
    "picture",
    "run",
    "share_reversed",
    "spread_interval",
    "whole_table",
]
