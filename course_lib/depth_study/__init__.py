"""The depth study: is a deeper chain better, is it steadier, and does it use its upper layers?

Chains of T = 1, 2, 3 and 5 latent layers with as many parameters each, trained on the 8×8 digits
for as many steps, from many seeds, at two learning rates: plainly, with the KL warmed up, and with
a top-down encoder. `python -m course_lib.depth_study` runs it, its result ships as
data/depth_study.json, and data/README.md says what it says.

Beside it, what a second layer is worth where training takes seconds: `second_layer`.

    >>> from course_lib.depth_study import equal_chain, parameter_count
    >>> [parameter_count(equal_chain(depth)) for depth in (1, 2)]  # a fair comparison
    [19792, 19696]
"""

from course_lib.depth_study.design import (
    ARMS,
    DEPTHS,
    chain,
    equal_chain,
    parameter_count,
    run,
    split_digits,
)
from course_lib.depth_study.intervals import (
    difference_interval,
    mean_interval,
    share_reversed,
    spread_interval,
)
from course_lib.depth_study.picture import picture
from course_lib.depth_study.report import (
    against_one_layer,
    against_plain,
    ends_table,
    report,
    units_table,
)
from course_lib.depth_study.results import Study, load_study
from course_lib.depth_study.second_layer import (
    SMALL_WORLDS,
    SmallRuns,
    black_or_white,
    fresh,
    held_out_figures,
    load_small_runs,
    small_run,
)
from course_lib.depth_study.second_layer_picture import second_layer_picture
from course_lib.depth_study.table import depths_table

__all__ = [
    "ARMS",
    "DEPTHS",
    "SMALL_WORLDS",
    "SmallRuns",
    "Study",
    "against_one_layer",
    "against_plain",
    "black_or_white",
    "chain",
    "depths_table",
    "difference_interval",
    "ends_table",
    "equal_chain",
    "fresh",
    "held_out_figures",
    "load_small_runs",
    "load_study",
    "mean_interval",
    "parameter_count",
    "picture",
    "report",
    "run",
    "second_layer_picture",
    "share_reversed",
    "small_run",
    "split_digits",
    "spread_interval",
    "units_table",
]
