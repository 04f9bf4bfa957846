"""The mathematical font of the pages, so that a formula looks the same on every machine.

STIX Two Math (SIL Open Font License 1.1, no reserved name) comes with ziamath. The pages carry the
letters and signs that a course on probability needs, with the table by which brackets grow.
"""

import base64
import functools
import importlib.metadata
import io

from fontTools import subset
from fontTools.ttLib import TTFont

# Latin and Latin-1; spacing accents; Greek; punctuation; letterlike; arrows; operators; brackets;
# braces above and below; mathematical letters: italic, bold, script, double-struck.
CHARACTERS = [
    (0x20, 0x7E), (0xA0, 0xFF), (0x2C6, 0x2DC), (0x300, 0x308), (0x391, 0x3F5), (0x2010, 0x2057),
    (0x2102, 0x2134), (0x2190, 0x21D5), (0x2200, 0x22FF), (0x2308, 0x230B), (0x23DC, 0x23DF),
    (0x27E8, 0x27E9), (0x2A0C, 0x2A0C), (0x1D400, 0x1D467), (0x1D49C, 0x1D4CF), (0x1D538, 0x1D56B),
    (0x1D6A4, 0x1D71B),
]  # fmt: skip


@functools.cache
def maths_font() -> str:
    """The font as WOFF in base64: the same text every time."""
    options = subset.Options()
    options.flavor, options.layout_features = "woff", ["ssty", "kern"]
    options.recalc_timestamp, options.hinting = False, False
    package = importlib.metadata.distribution("ziamath")  # for its file alone: it is not imported
    source = str(package.locate_file("ziamath/fonts/STIXTwoMath-Regular.ttf"))
    font = TTFont(source, recalcTimestamp=False)
    chooser = subset.Subsetter(options)
    chooser.populate(unicodes=[c for low, high in CHARACTERS for c in range(low, high + 1)])
    chooser.subset(font)
    _close_roots(font)
    font.flavor = "woff"
    made = io.BytesIO()
    font.save(made, reorderTables=False)
    return base64.b64encode(made.getvalue()).decode("ascii")


def _close_roots(font: TTFont) -> None:
    """Makes the taller root signs as wide as the smallest one.

    A browser reserves the width of the widest for each (MathML Core, "preferred inline size"),
    which leaves a gap behind every small root.
    """
    variants, widths, outlines = font["MATH"].table.MathVariants, font["hmtx"], font["glyf"]
    root = font.getBestCmap()[ord("√")]
    grown = variants.VertGlyphConstruction[variants.VertGlyphCoverage.glyphs.index(root)]
    names = {record.VariantGlyph for record in grown.MathGlyphVariantRecord}
    names |= {part.glyph for part in grown.GlyphAssembly.PartRecords}
    for name in sorted(names):
        share = widths[root][0] / widths[name][0]
        outlines[name].coordinates.scale((share, 1))
        outlines[name].coordinates.toInt()
        outlines[name].recalcBounds(outlines)
        widths[name] = (widths[root][0], outlines[name].xMin)
