"""What a page says around its exercises and of a reader's progress, by language and key; {name} is
a place to fill. What it says of an answer is in `checks.phrases` and the exercises' own hints.
"""

EXERCISE_WORDS = {
    "en": {
        "exercise.answer": "Your answer to {name}",
        "exercise.answer.unit": "Your answer to {name}, in {unit}",
        "exercise.answers": "Your {count} numbers for {name}, in order",
        "exercise.answers.unit": "Your {count} numbers for {name}, in order and in {unit}",
        "exercise.number": "number {place}",
        "exercise.check": "Check",
        "exercise.help": "Four digits are enough: −2.718, 1e-3, 40/3 or log(3).",
        "exercise.unclear": (
            "{name}: is {part} one number with thousands, or one below ten with a decimal comma? "
            "Write it without the comma, or with a point."
        ),
        "exercise.unread.brackets": "{name}: a bracket in {given} has no partner.",
        "exercise.unread.end": "{name}: {given} breaks off: a number is missing at its end.",
        "exercise.unread.long": "{name}: more than 200 letters are too many for a number.",
        "exercise.unread.sign": (
            "{name}: {part} has no meaning where it stands in {given}. Numbers, + − * / ^, "
            "brackets, log, exp, sqrt and π do."
        ),
        "exercise.unread.twofold": (
            "{name}: {given} can be read in two ways. Write brackets, as in log(2*3) or 1/(2π)."
        ),
        "exercise.unread.unit": "{name} asks for {unit}, and {given} is in {part}.",
        "exercise.unread.unitless": "{name} asks for a number with no unit, and {given} has one.",
        "exercise.unread.value": (
            "{name}: {given} has no finite value: it divides by zero, or takes a logarithm or a "
            "root that does not exist."
        ),
        "exercise.unread.word": (
            "{name}: the word {part} is not known here. Known are log (the natural one), log2, "
            "log10, exp, sqrt, abs, sin, cos, tan, tanh, pi and e."
        ),
        "exercise.function": (
            "The answer to {name} is a program, and this page runs none. Its notebook checks it: "
            "python3 start.py {chapter}, in the course's folder, opens it."
        ),
        "exercise.design": (
            "The answer to {name} is something to build, and this page runs nothing. Its notebook "
            "measures it: python3 start.py {chapter}, in the course's folder, opens it."
        ),
        "exercise.choose": "Your answer to {name}: one of these holds",
        "exercise.choose.several": "Your answer to {name}: mark all that hold",
        "exercise.blank": "blank {place}",
        "exercise.blanks": "Your words for the {count} blanks of {name}",
        "exercise.hint": "Hint {step} of {count}",
        "exercise.said": "You said {given}.",
        "exercise.solved.before": "Solved before; this one is not it:",
        "exercise.by.hand": "I have solved {name} in the notebook",
        "exercise.mistakes": "Mistakes seen before in {name}",
        "exercise.solved": "Solved",
        "solution.answer": "The answer to {name}: {answer}.",
        "guess.label": "Your guess",
        "guess.number": "Your guess on {name}: a number or a word; it stays in this browser",
        "guess.about": "Your guess on question {place}; it stays in this browser",
        "progress.exercises": "{solved} of {all} exercises solved",
        "progress.chapters": "{read} of {all} chapters read",
        "progress.read": "I have read this chapter",
        "progress.was.read": "Read",
        "progress.export": "Save progress to a file",
        "progress.import": "Load progress from a file",
        "progress.clear": "Clear progress",
        "progress.clear.sure": (
            "Clear all that this browser remembers of the course: exercises solved, chapters read, "
            "guesses?"
        ),
        "progress.cleared": "Nothing is remembered any more.",
        "progress.loaded": "Loaded: {added} new entries.",
        "progress.loaded.aside": (
            "Loaded: {added} new entries. The file also has what could not be read where it was "
            "saved; that is kept aside, and goes into the file that you save."
        ),
        "progress.no.file": "That file holds no progress of this course, so nothing was changed.",
        "progress.file.newer": (
            "That file was written by a newer edition of these pages, so nothing was changed."
        ),
        "progress.refused": (
            "This browser stores nothing for this page, so what you do here is forgotten when you "
            "leave it."
        ),
        "progress.newer": (
            "A newer edition of these pages left its marks in this browser. They stay as they are, "
            "and what you do here is forgotten when you leave the page."
        ),
        "progress.aside": (
            "Some of what was remembered of the course could not be read. It is kept aside, and "
            "goes into the file that you save."
        ),
    }
}
