"""What a page says around an explorer, by language and key; {name} is a place to fill."""

EXPLORER_WORDS = {
    "en": {
        "explorer.again": "Try again",
        "explorer.every": "All {all} positions of the notebook.",
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
        "explorer.stops": "{recorded} of {all} positions; all of them in the notebook.",
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
