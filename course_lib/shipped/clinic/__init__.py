"""The sick-model clinic: eight training logs, seven of programs with one fault each, one healthy.

`clinic_log("A")` reads one, `show_logs("A", "B")` shows some as a table; names are "A" to "H".
`python -m course_lib.shipped.clinic` makes them all again. What is wrong with which program stands
in `faults`, to be read after the diagnosis.

    >>> from course_lib.shipped.clinic import clinic_log
    >>> log = clinic_log("A")
    >>> log.epochs[-1].item(), log.costs.shape
    (20, torch.Size([2, 20]))
"""

from course_lib.shipped.clinic.logs import clinic_log, make_log, run_program
from course_lib.shipped.clinic.side_by_side import show_logs

__all__ = ["clinic_log", "make_log", "run_program", "show_logs"]
