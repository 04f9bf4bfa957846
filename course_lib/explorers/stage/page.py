"""What a page shows of an explorer: title, controls, picture and sentence, and what it is told.

ipywidgets gives its sliders no accessible name and speaks a value with all its digits, and gives
its buttons no state. The page has every word that is missing, beside the control: TOLD carries it
over, in whatever page shows the widgets. Where scripts are refused nothing else is lost.
"""

import html
from typing import Any, ClassVar, Self

import ipywidgets as widgets
import traitlets

ASLEEP = "Its sliders come back with Run → Run All Cells."

# Names and values as shown, for sliders, the boxes to type a value in, and rows of buttons.
TOLD = """
const box = this.closest(".course-explorer");
const set = (node, name, value) => {
  if (node && node.getAttribute(name) !== value) node.setAttribute(name, value);
};
const tell = () => {
  for (const row of box.querySelectorAll(".widget-slider, .widget-toggle-buttons")) {
    const name = row.querySelector(".widget-label").textContent;
    const handle = row.querySelector(".noUi-handle");
    const shown = row.querySelector(".widget-readout");
    set(handle, "aria-label", name);
    set(handle, "aria-valuetext", shown?.textContent);
    // The slider itself rounds to tenths.
    const number = Number(shown?.textContent.replace("−", "-"));
    const same = Math.abs(number - Number(handle?.getAttribute("aria-valuenow"))) < 0.051;
    if (same) set(handle, "aria-valuenow", String(number));
    set(handle, "aria-disabled", String(row.querySelector(".noUi-target[disabled]") !== null));
    if (shown?.isContentEditable) {
      set(shown, "role", "textbox");
      set(shown, "aria-label", name + ": type a value");
    }
    const buttons = row.querySelectorAll("button");
    set(buttons[0]?.parentNode, "role", "group");
    set(buttons[0]?.parentNode, "aria-label", name);
    for (const one of buttons) {
      set(one, "aria-pressed", String(one.classList.contains("mod-active")));
    }
  }
};
const watched = {subtree: true, childList: true, characterData: true, attributes: true};
if (box) {
  new MutationObserver(tell).observe(box, watched);
  tell();
}
"""

# The picture may be loaded before it is part of the page; then it looks again.
WHEN_THERE = """
let tries = 100;
const look = () => this.closest(".course-explorer") ? go() : tries-- && setTimeout(look, 50);
look();
"""

# On a narrow page a label stands above its slider. A control whose kernel is gone is not shown.
STYLE = f"""
.course-explorer {{ container-type: inline-size; }}
.course-explorer .widget-slider .slider-container {{ min-width: 120px; }}
.course-explorer .widget-toggle-buttons {{ height: auto; }}
@container (max-width: 520px) {{
  .course-explorer > :is(.widget-slider, .widget-toggle-buttons, .widget-dropdown) {{
    flex-wrap: wrap; height: auto;
  }}
  .course-explorer > .course-control:not(.widget-checkbox) > .widget-label {{
    flex: 0 0 100%; width: 100% !important; text-align: left;
  }}
  .course-explorer > .widget-checkbox > .widget-label {{ display: none; }}
  .course-explorer > .widget-dropdown > select {{ flex: 0 1 calc(100% - 8px); min-width: 0; }}
}}
.course-explorer.jupyter-widgets-disconnected > .course-control,
.course-explorer.jupyter-widgets-disconnected .course-reset,
.course-explorer.jupyter-widgets-disconnected::before,
.course-explorer .jupyter-widgets-disconnected::before {{ display: none; }}
.course-explorer.jupyter-widgets-disconnected::after {{ content: "{ASLEEP}"; font-style: italic; }}
"""
_DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def told() -> str:
    """HTML of a page that names its controls."""
    script = f"const go = () => {{ {TOLD} }}; {WHEN_THERE}"
    return f'<style>{STYLE}</style><img src="{_DOT}" alt="" onload="{html.escape(script)}">'


class _Picture(widgets.Image):
    """An image whose tooltip becomes the title, and so the accessible name, of its element.

    The page sets a title only on a widget that has an empty description; Image has none by itself.
    """

    description = traitlets.Unicode("").tag(sync=True)


class Page(widgets.VBox):
    """From the top down: title and reset, controls, picture, sentence."""

    title: ClassVar[str]
    width_px: ClassVar[int] = 800
    sentence = ""
    _closed = False
    _kept: set[str]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Notes which attributes are the widget's own: the others go when it is closed."""
        made: Self = super().__new__(cls, *args, **kwargs)
        made._kept = {*vars(made), "_kept", "_closed", "_handle", "numbers", "sentence"}
        return made

    def __init__(self) -> None:
        others = set(vars(self))
        super().__init__()
        self._kept |= set(vars(self)) - others

    def __del__(self) -> None:
        """Nothing: it is closed by now, or the program ends, and what closing needs with it."""

    def described(self) -> str:
        """The short text that is stored beside the picture."""
        return f"{self.title}: {self.sentence}"

    def __repr__(self) -> str:
        return f"{self.title}: closed." if self._closed else self.described()

    def _require_open(self) -> None:
        """Raises RuntimeError if it is closed: what it held is gone."""
        if self._closed:
            raise RuntimeError(f"{self!r} Its cell ran again, or close() was called.")

    def _compose(self, controls: dict[str, Any], on_reset: Any) -> None:
        """Makes the parts; `controls` are widgets by name."""
        layout = {"width": f"{self.width_px}px", "max_width": "100%"}
        self._widgets = controls
        self._picture = _Picture(format="png", layout=layout)
        self._said = widgets.HTML(layout=layout)
        reset = widgets.Button(
            description="Reset",
            tooltip="Back to the values at the start",
            layout={"width": "auto", "flex": "0 0 auto"},
        )
        reset.add_class("course-reset").on_click(lambda _: on_reset())
        heading = widgets.HTML(f"<b>{html.escape(self.title)}</b>")
        top = widgets.HBox([heading, reset], layout={**layout, "justify_content": "space-between"})
        for widget in controls.values():
            widget.add_class("course-control")
        about = widgets.HTML(told(), layout={"display": "none"})
        self.children = [top, *controls.values(), self._picture, self._said, about]
        self.add_class("course-explorer")

    def _display(self, png: bytes, sentence: str, failed: bool) -> None:
        """Sends picture and sentence, the sentence also as the picture's accessible name."""
        role = 'role="alert" style="color:#a40000"' if failed else 'role="status"'
        with self._picture.hold_sync():
            self._picture.value = png
            self._picture.tooltip = sentence
        unbroken = html.escape(sentence.replace(" ‖ ", "\u00a0‖\u00a0"))  # KL(q ‖ p) on one line
        self._said.value = f'<div {role} aria-live="polite">{unbroken}</div>'

    def _let_go(self) -> None:
        """Takes every part off the page, and frees all that was kept here."""
        for widget in _parts(self):
            widget.unobserve_all()
            widget.close()
        self.children = []
        for name in set(vars(self)) - self._kept:
            delattr(self, name)


def _parts(widget: Any) -> list[Any]:
    """The widgets in `widget`, theirs before themselves, and the layouts and styles of all."""
    inner = [part for child in getattr(widget, "children", ()) for part in (*_parts(child), child)]
    looks = [getattr(widget, name, None) for name in ("layout", "style")]
    return [*inner, *(look for look in looks if isinstance(look, widgets.Widget))]
