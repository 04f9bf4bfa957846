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
        "exercise.help": "Four digits are enough: −2.718, 1e-3 or 40/3.",
        "exercise.unclear": (
            "{name}: is {given} one number with thousands, or one below ten with a decimal comma? "
            "Write it without the comma, or with a point."
        ),
        "exercise.function": (
            "The answer to {name} is a program, and this page runs none. Its notebook checks it: "
            "python3 start.py {chapter}, in the course's folder, opens it."
        ),
        "exercise.by.hand": "I have solved {name} in the notebook",
        "exercise.solved": "Solved",
        "guess.label": "Your guess",
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
            "What this browser remembered of the course could not be read. It is kept aside, and "
            "goes into the file that you save; counting starts anew."
        ),
    }
}
