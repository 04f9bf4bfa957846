"""The words that a page says by itself, by language: what is not in a notebook stands here.

The scripts have them as `course.words`. `{name}` is filled in.
"""

from course_lib.edition.exercise_words import EXERCISE_WORDS
from course_lib.edition.explorer_words import EXPLORER_WORDS

LANGUAGE = "en"
# What a notebook says and would not be so on a page, and what that says instead.
PAGE_TEXT = {
    "Run each cell with Shift+Enter. The first one is a picture that you can move.": (
        "It opens with a picture that you can move."
    ),
    "Replace each `...` and run the cell.": "Type your answer and press **Check**.",
    '`hint("3.a")` gives a hint, and asked again a second.': (
        "The button **Hint 1 of 2** gives a hint, and pressed again a second."
    ),
}
PAGE_WORDS: dict[str, dict[str, str]] = {
    "en": {
        "course": "From p(x) to the hierarchical VAE",
        "course.question": "Why can nobody compute p(x)? And what does one train instead?",
        "course.promise": (
            "Twelve chapters lead from that question to the ELBO of a hierarchical VAE. Nothing is "
            "asked of you on faith: in most chapters the exact log p(x), the exact posterior, the "
            "ELBO and the gap between them stand on one screen, and every formula was held to an "
            "independent computation before it was printed."
        ),
        "course.able": "At the end you can",
        "course.able.1": (
            "derive the ELBO of a VAE and of a chain of any depth, and say what each term is"
        ),
        "course.able.2": (
            "tell the gap from the KL in the loss, a bound from an estimate, a sum from a mean"
        ),
        "course.able.3": "catch a wrong loss by holding it to an exact answer",
        "course.needs": (
            "You need to know what a density and an expectation are, and to read a little Python. "
            "The pages work offline, on a phone as well as on a wide screen."
        ),
        "primer": "What you need to know",
        "primer.about": "half a page, with examples.",
        "course.picture": (
            "This is chapter 4. The line on top is log p(x); it does not know that q exists. The "
            "ELBO hangs below it by the gap, and the gap is a divergence."
        ),
        "course.begin": "Begin with chapter 1",
        "contents": "Contents",
        "chapters": "The twelve chapters",
        "chapter": "Chapter {number}",
        "chapter.minutes": "{minutes} minutes",
        "chapter.contents": "In this chapter",
        "chapter.previous": "Previous",
        "chapter.next": "Next",
        "chapter.1.name": "Intractable evidence",
        "chapter.2.name": "Latent variables",
        "chapter.3.name": "The ELBO by Jensen",
        "chapter.4.name": "KL divergence",
        "chapter.5.name": "Reconstruction and KL",
        "chapter.6.name": "Parameters or functions",
        "chapter.7.name": "Encoder and decoder",
        "chapter.8.name": "Reparameterization",
        "chapter.9.name": "The likelihood of a data set",
        "chapter.10.name": "The structure of a hierarchical VAE",
        "chapter.11.name": "The Markov hierarchical VAE",
        "chapter.12.name": "The ELBO of a hierarchical VAE",
        "chapter.1.line": (
            "An estimate that is right on average and nearly always too low, and the draws that "
            "miss a 2."
        ),
        "chapter.2.line": (
            "Bayes' rule, and why knowing the posterior at one point is knowing p(x)."
        ),
        "chapter.3.line": (
            "One stroke of Jensen's inequality turns an integral into a number to train on."
        ),
        "chapter.4.line": (
            "What the bound leaves out, to the last nat, and what it is mistaken for."
        ),
        "chapter.5.line": "Reconstruction against rate: the bargain that every VAE strikes.",
        "chapter.6.line": (
            "From two numbers for each x to one network for all, and what sharing costs."
        ),
        "chapter.7.line": (
            "The decoder is the model; the encoder is a guess about it that trains along."
        ),
        "chapter.8.line": "How a gradient gets through a draw, and what the other way costs.",
        "chapter.9.line": (
            "Sums, means and mini-batches: one misplaced 1/N and what becomes of β."
        ),
        "chapter.10.line": "Down the chain to make an image, up the chain to explain one.",
        "chapter.11.line": "What a second layer can do that one cannot, and what a study found.",
        "chapter.12.line": (
            "A row twenty-nine nats too good, the log q that stands in it twice, and the course on "
            "one page."
        ),
        "page.answer": "Type your answer and press <strong>Check</strong>.",
        "paper.answer": "Solutions are at the end of the chapter.",
        "paper.solution": "Solution",
        "paper.solutions": "Solutions",
        "text.chapter": "chapter",
        "text.Chapter": "Chapter",
        "equations": "Equations",
        "equations.about": (
            "Each equation of the course with the function that computes it. The number leads to "
            "the place where it is derived."
        ),
        "equations.proved": "proved: {scope}",
        "equations.computed": "computed by",
        "equation": "Equation {tag}",
        "skip": "Skip to the text",
        "theme": "Dark page",
        "search": "Search the course",
        "search.none": "Nothing found for “{words}”.",
        "search.found": "{count} places found",
        "search.found.more": "{count} places found; the first {shown}:",
        "search.found.one": "1 place found",
        "search.lost": "The search index did not load.",
        "code": "Code",
        "code.imports": "Code: what is imported",
        "code.figure": "Code of the figure",
        "code.checks": "Code: what the text rests on",
        "code.explorer": "Code: how the explorer is opened",
        "notebook.explorer": (
            "In the notebook the picture has all its positions: open {file} in JupyterLab with "
            "python3 start.py {number}."
        ),
        "notebook.exercise": (
            "Answer it in the notebook, which says what is wrong with a wrong answer: "
            "python3 start.py {number}."
        ),
        "notebook.line": (
            "Code can be changed and run in the notebook, {file}: python3 start.py {number}."
        ),
    }
}


# All that a page may say: each part of it adds its own.
WORDS: dict[str, dict[str, str]] = {
    language: {**words, **EXPLORER_WORDS.get(language, {}), **EXERCISE_WORDS.get(language, {})}
    for language, words in PAGE_WORDS.items()
}


def say(key: str, language: str = LANGUAGE, **values: object) -> str:
    """The words under `key`, filled in. Raises ValueError if there are none."""
    if key not in WORDS.get(language, {}):
        raise ValueError(f"no words for {key!r} in {language!r}")
    return WORDS[language][key].format(**values)
