"""What every explorer stands on. The names here are all that an explorer needs; the top of `engine`
says how to write one.

engine runs it; controls move it; page shows it; canvas and lettering draw a frame quickly; lifetime
closes what no cell holds; work keeps the reader's settings out while it computes and draws. The
folder lab is for JupyterLab and nbconvert: what shows stored pictures where no kernel runs.
"""

from course_lib.explorers.stage.controls import Choice, Slider, Steps, Toggle
from course_lib.explorers.stage.engine import Explorer
from course_lib.explorers.stage.reading import Reading

__all__ = ["Choice", "Explorer", "Reading", "Slider", "Steps", "Toggle"]
