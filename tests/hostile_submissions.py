"""Programs that a submission may hold and should not, and what is left of each.

Some leave an error, and the next cell runs; some end their process, or must be ended; some claim an
answer that was never given; some reach for what is not theirs.
"""

# Cells after which the next one runs, and the beginning of the error that they leave.
OUTLIVED: dict[str, str] = {
    "import sys\nsys.exit(0)": "SystemExit",
    "this is no Python": "SyntaxError",
    "import a_package_of_mine": "ModuleNotFoundError",
    "while True:\n    pass": "stopped: it took too long",
    "held = []\nwhile True:\n    held.append(bytearray(2**24))": "MemoryError",
    "del held\nimport torch\nheld = [torch.zeros(2**24) for _ in range(1000)]": "RuntimeError",
    'file = open("huge", "wb")\nwhile True:\n    file.write(bytes(2**24))': "OSError",
    "class Mute(BaseException):\n    def __str__(self):\n        raise self\n\nraise Mute()": "an "
    "error that cannot be shown",
    "def deeper():\n    return deeper()\n\ndeeper()": "RecursionError",
    "input()": "EOFError",
}
# Cells that end their process, or for which it is ended, and words of what is noted.
ENDING: dict[str, tuple[str, str]] = {
    "leaves at once": ("import os\nos._exit(0)", "its process ended by itself (exit status 0)"),
    "catches all": (
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        continue",
        "stopped after 10 seconds",
    ),
    "starts a hundred": (
        "import subprocess, time\n"
        'started = [subprocess.Popen(["sleep", "100"]) for _ in range(100)]\n'
        "time.sleep(100)",
        "stopped: it started more than 32 processes",
    ),
    "forks without end": (
        "import os\nwhile True:\n    os.fork()",
        "stopped: it started more than 32 processes",
    ),
    "writes many files": (
        "i = 0\nwhile True:\n    try:\n        open(str(i), 'w').close()\n        i += 1\n"
        "    except BaseException:\n        continue",
        "stopped: it wrote more than",
    ),
    "says too much": (
        "import os\nfor descriptor in range(3, 64):\n    try:\n        while True:\n"
        "            os.write(descriptor, bytes(2**20))\n    except OSError:\n        pass",
        "stopped: it passed on more than",
    ),
}
# Ways to claim an answer that was never given, each a cell. None of them is worth a point.
FORGING: list[str] = [
    """
import course_lib.checks.judging as judging
import course_lib.exercises.registry as registry
from course_lib.checks import Verdict
always = lambda *given: Verdict(True, "right")
judging.judge = judging.verdict_on = registry.judge = registry.judged = always
judging.agree = lambda *given: True
from course_lib.exercises import check
check("4.a", ["first", "2", "4", "2"])
""",
    """
from course_lib.distributions import DiagonalGaussian
from course_lib.exercises import EXERCISES, check
object.__setattr__(EXERCISES["4.d"], "most", 1e9)
object.__setattr__(EXERCISES["4.d"], "measure", lambda q: 0.0)
check("4.d", DiagonalGaussian.from_std(1.35, 0.18))
""",
    """
from course_lib.distributions import DiagonalGaussian
from course_lib.exercises import check
import torch
class Best(DiagonalGaussian):
    def log_prob(self, z):
        return torch.zeros(z.shape[:-1])
DiagonalGaussian.log_prob = Best.log_prob
check("4.d", Best.from_std(1.35, 0.18))
check("4.d", DiagonalGaussian.from_std(1.35, 0.18))
""",
    """
from course_lib.exercises import check
class Anything(str):
    def __eq__(self, other): return True
    def __hash__(self): return 0
    def strip(self): return self
    def casefold(self): return self
check("4.a", [Anything()] * 4)
""",
    """
print('{"answer": "4.c", "record": {"value": true}, "accepted": true}')
print("4.a: right")
""",
    """
import json, os
value = {"is": "function", "calls": [{"gave": {"is": "number", "value": 0.0}}]}
sent = [
    json.dumps({"answer": "4.b", "record": {"rows": [], "accepted": True, "value": 0.0}}),
    json.dumps({"answer": "4.d", "record": {"value": value, "accepted": True}}),
    json.dumps({"marks": {"a": 1, "b": 1, "c": 1, "d": 1}}),
    "{",
    "[" * 100_000,
]
for descriptor in range(3, 64):
    for line in sent:
        try:
            os.write(descriptor, line.encode() + bytes([10]))
        except OSError:
            pass
""",
]
# Ways out of the process: each raises Reached if it got there. {secret} and {port} are the test's.
REACHING: dict[str, str] = {
    "network": """
import ctypes, socket
class Reached(Exception): pass
for target in (("127.0.0.1", {port}), ("::1", {port})):
    try:
        socket.create_connection(target, timeout=2).close()
    except OSError:
        continue
    raise Reached("the network")
""",
    "files": """
import os
from pathlib import Path
class Reached(Exception): pass
try:
    Path({secret!r}).read_text()
except OSError:
    pass
else:
    raise Reached("another's file, to read")
try:
    Path({secret!r}).write_text("changed")
except OSError:
    pass
else:
    raise Reached("another's file, to write")
try:
    Path({secret!r}).with_name("new").write_text("x")
except OSError:
    pass
else:
    raise Reached("another's folder")
import course_lib.checks.judging as judging
try:
    open(judging.__file__, "a").close()
except OSError:
    pass
else:
    raise Reached("the course's program")
""",
    "other processes": """
import os, signal
class Reached(Exception): pass
for about in ("cmdline", "environ", "status"):
    try:
        open("/proc/{grader}/" + about).read()
    except OSError:
        continue
    raise Reached("what is known of another process")
for pid in ({grader}, os.getppid()):
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):
        continue
    if pid > 1:
        raise Reached("another process")
""",
    "environment": """
import os
class Reached(Exception): pass
if "TEACHERS_TOKEN" in os.environ:
    raise Reached("the teacher's environment")
""",
}
