"""Programs that a submission may hold and should not: each with what is to be said of it."""

BEFORE = """from course_lib.exercises import check

answer_4_c = ["i", "v", "vi"]
check("4.c", answer_4_c)"""

# What grading must outlast: the program, and words of the note or of the error that it leaves.
HOSTILE: dict[str, tuple[str, str]] = {
    "prints marks": ('print(\'{"answer": "4.a", "record": {"value": 1}}\\n\' * 1000)', ""),
    "leaves": ("import sys\nsys.exit(0)", "SystemExit"),
    "leaves at once": ("import os\nos._exit(0)", "ended by itself"),
    "kills itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", ""),
    "kills its parent": ("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", ""),
    "never ends": ("while True:\n    pass", "took too long"),
    "never ends and catches all": (
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:"
        "\n        continue",
        "stopped after",
    ),
    "takes all memory": (
        "held = []\nwhile True:\n    held.append(bytearray(2**24))",
        "MemoryError",
    ),
    "takes all of torch's memory": (
        "import torch\nheld = [torch.zeros(2**24) for _ in range(1000)]",
        "RuntimeError",
    ),
    "starts a hundred": (
        "import subprocess, sys\n"
        'started = [subprocess.Popen(["sleep", "100"]) for _ in range(100)]\n'
        "import time\ntime.sleep(100)",
        "",
    ),
    "forks without end": ("import os\nwhile True:\n    os.fork()", ""),
    "imports what is not there": ("import a_package_of_mine", "ModuleNotFoundError"),
    "writes a huge file": (
        'with open("huge", "wb") as file:\n    while True:\n        file.write(bytes(2**24))',
        "",
    ),
    "is no Python": ("this is no Python", "SyntaxError"),
    "raises what cannot be shown": (
        "class Mute(BaseException):\n    def __str__(self):\n        raise self\n\nraise Mute()",
        "cannot be shown",
    ),
}
# Ways to claim an answer that was never given. None of them is worth a point.
FORGING: dict[str, str] = {
    "another judge": """
import course_lib.checks.judging as judging
import course_lib.exercises.registry as registry
from course_lib.checks import Verdict
always = lambda *given: Verdict(True, "right")
judging.judge = judging.verdict_on = registry.judge = registry.judged = always
judging.agree = lambda *given: True
from course_lib.exercises import check
check("4.a", ["first", "2", "4", "2"])
""",
    "another exercise": """
from course_lib.exercises import EXERCISES, check
object.__setattr__(EXERCISES["4.d"], "most", 1e9)
object.__setattr__(EXERCISES["4.d"], "measure", lambda q: 0.0)
from course_lib.distributions import DiagonalGaussian
check("4.d", DiagonalGaussian.from_std(1.35, 0.18))
""",
    "another distribution": """
from course_lib.distributions import DiagonalGaussian
from course_lib.exercises import check
class Best(DiagonalGaussian):
    def log_prob(self, z):
        import torch
        return torch.zeros(z.shape[:-1])
DiagonalGaussian.log_prob = Best.log_prob
check("4.d", Best.from_std(1.35, 0.18))
check("4.d", DiagonalGaussian.from_std(1.35, 0.18))
""",
    "its own lines": """
import json, os
line = json.dumps({"answer": "4.b", "record": {"rows": [], "accepted": True, "value": 0.0}})
for descriptor in range(3, 64):
    for sent in (line, "{", "[" * 100_000, json.dumps({"answer": "4.d", "record": {"value": {
        "is": "function", "calls": [{"gave": {"is": "number", "value": float("nan")}}]}}})):
        try:
            os.write(descriptor, sent.encode() + bytes([10]))
        except OSError:
            pass
""",
    "what compares equal to anything": """
from course_lib.exercises import check
class Any(str):
    def __eq__(self, other): return True
    def __hash__(self): return 0
    def strip(self): return self
    def casefold(self): return self
check("4.a", [Any()] * 4)
""",
}
