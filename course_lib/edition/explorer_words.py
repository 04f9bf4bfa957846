"""What a page says around an explorer, by language and key; {name} is a place to fill."""

from course_lib.edition.number_words import NUMBER_WORDS

EXPLORER_WORDS = {
    "en": {
        **NUMBER_WORDS["en"],
        "explorer.again": "Try again",
        "explorer.every": (
            "The controls take the same steps here as in the notebook: {all} combinations."
        ),
        "explorer.failed": (
            "The controls of this figure failed ({why}), so you see its stored picture."
        ),
        "explorer.idle": "no effect at these values",
        "explorer.loading": "The controls are on their way.",
        "explorer.number": "number",
        "explorer.numbers": "Numbers",
        "explorer.picture": "The picture, which scrolls sideways",
        "explorer.reset": "Reset",
        "explorer.reset.about": "Back to the values at the start",
        "explorer.stops": (
            "The controls move in coarser steps here than in the notebook: {recorded} combinations "
            "of their values, where the notebook has {all}."
        ),
        "explorer.unrecorded": (
            "The recording lacks the values at which this figure opens, so it has no controls: "
            "you see its stored picture."
        ),
        "explorer.value": "value",
        "recording.altered": (
            "The recording of this figure is not as it was made, so it has no controls: "
            "you see its stored picture."
        ),
        "recording.missing": (
            "{file} could not be loaded, so this figure has no controls: you see its stored "
            "picture. Is the folder “recordings” beside this page?"
        ),
        "recording.truncated": (
            "The recording of this figure ends too early, so it has no controls: "
            "you see its stored picture."
        ),
        "recording.unsupported": (
            "This browser cannot unpack the recording of this figure, so it has no controls: "
            "you see its stored picture. Any browser of 2023 or later can."
        ),
    }
}
