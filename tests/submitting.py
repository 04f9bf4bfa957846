"""Submissions for the tests of grading: a chapter's assignment with cells filled in by script."""

import json
from pathlib import Path
from typing import Any

from hostile_submissions import OUTLIVED

from course_lib.index import exercise_of, text
from course_lib.teach import exercises_of, write_assignment
from course_lib.teach.key import class_answer, computed
from course_lib.teach.notebooks import handed_to_check, published_answers
from course_lib.teach.variations import BY_NAME


def notebook(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def store(path: Path, raw: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def submit(
    path: Path,
    chapter: int,
    answers: dict[str, str] | None = None,
    class_name: str = "",
    more: tuple[str, ...] = (),
    first: tuple[str, ...] = (),
) -> Path:
    """An assignment with these programs in the cells of exercises, and further cells around them.

    A program sets `answer_4_a`, or is the whole of a `check`, or what the cell hands to `check`.
    """
    raw = notebook(write_assignment(chapter, path.parent / ".handout", class_name))
    for cell in raw["cells"]:
        name = exercise_of(cell) if cell["cell_type"] == "code" else ""
        if name in (answers or {}):
            cell["source"] = filled(cell, name, (answers or {})[name])
    raw["cells"] = [*map(code, first), *raw["cells"], *map(code, more)]
    return store(path, raw)


def filled(cell: dict[str, Any], name: str, program: str) -> str:
    if "check(" in program:
        return program
    lines = [line for line in text(cell["source"]).splitlines() if "check(" not in line]
    return "\n".join([*lines, program, f'check("{name}", {handed_to_check(cell)})'])


def code(source: str) -> dict[str, Any]:
    empty: dict[str, Any] = {"metadata": {}, "outputs": [], "execution_count": None}
    return {"cell_type": "code", "id": f"own-{abs(hash(source))}"[:20], "source": source} | empty


def solutions(chapter: int) -> dict[str, str]:
    """The programs of a chapter's published solutions."""
    return published_answers(chapter)


# A wrong answer to each exercise, as a program: a mistake that is known, or what was handed out.
WRONG: dict[str, str] = {
    "1.a": "answer_1_a = -105",
    "1.b": 'answer_1_b = ["A wins"]',
    "1.c": "answer_1_c = log_mean_exp",
    "1.d": "answer_1_d = DiagonalGaussian.from_std(0.0, 1.0)",
    "2.a": "answer_2_a = [9 / 4, 5 / 3, 0, 0]",
    "2.b": "answer_2_b = metropolis",
    "2.c": 'answer_2_c = ["q is the posterior"]',
    "2.d": "def q_of(x):\n    return DiagonalGaussian.from_std(x**0.5, 0.2)",
    "3.a": 'answer_3_a = ["p(z)", "<=", "q(z)"]',
    "3.b": "answer_3_b = minus_elbo_by_draws",
    "3.c": 'answer_3_c = "a"',
    "3.d": "answer_3_d = DiagonalGaussian.from_std(0.0, 1.0)",
    "4.a": 'answer_4_a = ["first", "0", "4", "2"]',
    "4.b": "answer_4_b = kl_on_a_grid",
    "4.c": 'answer_4_c = ["ii"]',
    "4.d": "answer_4_d = DiagonalGaussian.from_std(1.35, 0.18)",
    "5.a": "answer_5_a = [2, 1.5, 0.5]",
    "5.b": "answer_5_b = minus_elbo",
    "5.c": 'answer_5_c = ["b"]',
    "5.d": "answer_5_d = [0.5, 0.7071]",
    "6.a": 'answer_6_a = ["d σ²", "1 / σ²", "tr Λ / d", "arithmetic"]',
    "6.b": "answer_6_b = encode",
    "6.c": 'answer_6_c = ["train longer"]',
    "6.d": "answer_6_d = lambda x: DiagonalGaussian.from_std(0 * x, 0 * x + 1)",
    "7.a": "answer_7_a = [1.75, -1]",
    "7.b": "answer_7_b = log_posterior",
    "7.c": 'answer_7_c = ["f"]',
    "7.d": "answer_7_d = DiagonalGaussian.from_std([0.0, 0.0], [1.0, 1.0])",
    "8.a": 'answer_8_a = ["λ + u", "1 / z", "f\'(z)", "-z"]',
    "8.b": "answer_8_b = draw",
    "8.c": 'answer_8_c = "jumps"',
    "8.d": "answer_8_d = lambda z: z + torch.sin(2 * z)",
    "9.a": "answer_9_a = [20, 40 / 3]",
    "9.b": "answer_9_b = mean_elbo",
    "9.c": 'answer_9_c = ["b", "c"]',
    "9.d": "answer_9_d = [list(range(i, i + 10)) for i in range(0, 100, 10)]",
    "10.a": 'answer_10_a = ["N(3, 1)", "N(3, 1)", "N(2.4, 1)"]',
    "10.b": "answer_10_b = log_joint",
    "10.c": 'answer_10_c = ["D: overfitting"]',
    "10.d": 'answer_10_d = {"z_2": ["x"], "z_1": ["x"], "z_3": ["z_2"], "z_4": ["z_3"]}',
    "11.a": 'answer_11_a = ["s_2 ε_1", "densities", "s_2² + s_1²", "p(x|z_1) is not Gaussian"]',
    "11.b": "answer_11_b = warmed_up",
    "11.c": 'answer_11_c = ["A: layer 2 fell asleep"]',
    "11.d": "answer_11_d = TanhArrow(2.0, 0.7, 1.5, 0.3)",
    "12.a": 'answer_12_a = ["nothing", "nothing", "H(top|x)", "H(top|below)"]',
    "12.b": "answer_12_b = unit_chain_elbo",
    "12.c": 'answer_12_c = ["E: better bound"]',
    "12.d": "answer_12_d = [AffineGaussian(0.68, 0.0, 0.25), AffineGaussian(0.16, -0.11, 0.08)]",
}


def right_for(chapter: int, class_name: str = "") -> dict[str, str]:
    """Programs with the right answers of a class: the key's where it has numbers of its own."""
    found = solutions(chapter)
    for name, exercise in exercises_of(chapter, class_name).items():
        if class_name and name in BY_NAME:
            answer = computed(exercise).removesuffix("nats²").removesuffix("nats")
            program = answer or class_answer(name, class_name)
            found[name] = f"answer_{name.replace('.', '_')} = {program.replace('−', '-')}"
    return found


def four_ways(folder: Path, chapter: int, class_name: str = "") -> dict[str, int]:
    """A chapter's assignment handed in rightly, wrongly, empty, and with cells that should not be;
    the points that each is worth.
    """
    right = right_for(chapter, class_name)
    first, last = (*OUTLIVED, "held = None"), ("import os\nos._exit(1)",)
    wanted = {"right": 4, "wrong": 0, "empty": 0, "hostile": 4}
    submit(folder / "right.ipynb", chapter, right, class_name)
    submit(folder / "wrong.ipynb", chapter, WRONG, class_name)
    submit(folder / "empty.ipynb", chapter, {}, class_name)
    submit(folder / "hostile.ipynb", chapter, right, class_name, last, first)
    if class_name:
        own = sum(name.split(".")[0] == str(chapter) for name in BY_NAME)
        submit(folder / "published.ipynb", chapter, solutions(chapter), class_name)
        wanted["published"] = 4 - own
    return {f"{name}.ipynb": points for name, points in wanted.items()}
