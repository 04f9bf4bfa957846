/*
 * Draws a recording's frames on a canvas, and what lies between two of them.
 *
 *   course.drawFrame(recording, context, frame, scale)
 *   course.drawBetween(recording, context, from, to, share, scale)
 *
 * `scale` is how many pixels of the canvas one shown pixel takes. The whole picture is drawn; the
 * canvas needs no clearing.
 */
'use strict';

(() => {
  const course = (window.course = window.course || {});
  const SHAPE = 0;
  const LETTERS = 1;
  const MITRE = 4; // times the width, as in the notebook
  const CAPS = { butt: 'butt', round: 'round', projecting: 'square' };

  /** What is made once for a recording: outlines, images, hatches. */
  const kept = new WeakMap();

  function store(recording) {
    if (!kept.has(recording)) {
      kept.set(recording, { outlines: new Map(), images: new Map(), hatches: new Map() });
    }
    return kept.get(recording);
  }

  /** x and y of a shape's vertices, in shown pixels. */
  function vertices(recording, shape) {
    const { shapes, head } = recording;
    const unit = shapes.fine[shape] ? head.fine : head.coarse;
    const x = recording.vertices[shapes.x[shape]];
    const y = recording.vertices[shapes.y[shape]];
    return { codes: shapes.codes[shapes.which[shape]], x, y, unit };
  }

  /** A path of vertices; codes: 1 move, 2 line, 3 quadratic, 4 cubic, 5 close. */
  function traced({ codes, x, y, unit }) {
    const path = new Path2D();
    for (let i = 0; i < codes.length; i++) {
      const at = (k) => [x[i + k] / unit, y[i + k] / unit];
      if (codes[i] === 1) path.moveTo(...at(0));
      else if (codes[i] === 2) path.lineTo(...at(0));
      else if (codes[i] === 3) {
        path.quadraticCurveTo(...at(0), ...at(1));
        i += 1;
      } else if (codes[i] === 4) {
        path.bezierCurveTo(...at(0), ...at(1), ...at(2));
        i += 2;
      } else path.closePath();
    }
    return path;
  }

  /** The path of a shape; those of letters and markers, which come again and again, are kept. */
  function outline(recording, shape) {
    const { outlines } = store(recording);
    if (outlines.has(shape)) return outlines.get(shape);
    const path = traced(vertices(recording, shape));
    if (recording.shapes.fine[shape]) outlines.set(shape, path);
    return path;
  }

  /** A canvas with the pixels of an image. */
  function imageOf(recording, number) {
    const { images } = store(recording);
    if (!images.has(number)) {
      const { height, width, channels, bytes } = recording.images[number];
      const canvas = blank(width, height);
      const context = canvas.getContext('2d');
      const data = context.createImageData(width, height);
      for (let i = 0; i < width * height; i++) {
        for (let k = 0; k < 3; k++) data.data[4 * i + k] = bytes[i * channels + (channels > 1 ? k : 0)];
        data.data[4 * i + 3] = channels === 4 ? bytes[i * channels + 3] : 255;
      }
      context.putImageData(data, 0, 0);
      images.set(number, canvas);
    }
    return images.get(number);
  }

  function blank(width, height) {
    const canvas = document.createElement('canvas');
    canvas.width = width;
    canvas.height = height;
    return canvas;
  }

  /** A pattern of hatching, which begins at the picture's corner wherever it is used. */
  function hatching(recording, context, [shape, colour, width], scale, x, y) {
    const side = recording.head.hatch_px;
    const { hatches } = store(recording);
    const key = `${shape} ${colour} ${width} ${scale}`;
    if (!hatches.has(key)) {
      const pixels = Math.ceil(side * scale);
      const canvas = blank(pixels, pixels);
      const tile = canvas.getContext('2d');
      tile.scale(pixels / side, pixels / side);
      Object.assign(tile, { strokeStyle: colour, fillStyle: colour, lineWidth: width });
      tile.lineCap = 'square';
      const path = outline(recording, shape);
      tile.fill(path);
      tile.stroke(path);
      hatches.set(key, { pattern: context.createPattern(canvas, 'repeat'), shrink: side / pixels });
    }
    const { pattern, shrink } = hatches.get(key);
    pattern.setTransform(new DOMMatrix().translateSelf(-x, -y).scaleSelf(shrink));
    return pattern;
  }

  /** Fills, hatches and strokes a path whose own origin is at (x, y). */
  function paint(recording, context, path, style, scale, x, y) {
    context.translate(x, y);
    if (style.fill) {
      context.fillStyle = style.fill;
      context.fill(path);
    }
    if (style.hatch) {
      context.fillStyle = hatching(recording, context, style.hatch, scale, x, y);
      context.fill(path);
    }
    if (style.stroke) {
      context.strokeStyle = style.stroke;
      context.lineWidth = style.width;
      context.lineCap = CAPS[style.cap];
      context.lineJoin = style.join;
      context.setLineDash(style.dash ? style.dash.slice(1) : []);
      context.lineDashOffset = style.dash ? style.dash[0] : 0;
      context.stroke(path);
    }
    context.translate(-x, -y);
  }

  /** Calls `draw` with what a mark may draw on. */
  function within(recording, context, clip, draw) {
    const { coarse, clips } = recording.head;
    const [left, top, right, bottom, shape, x, y] = clips[clip];
    if (left === undefined) return draw();
    context.save();
    context.beginPath();
    context.rect(left / coarse, top / coarse, (right - left) / coarse, (bottom - top) / coarse);
    context.clip();
    if (shape) {
      context.translate(x / coarse, y / coarse);
      context.clip(outline(recording, shape - 1));
      context.translate(-x / coarse, -y / coarse);
    }
    draw();
    return context.restore();
  }

  /** Draws one mark; `path` is its shape if it is not the recorded one. */
  function drawMark(recording, context, mark, scale, path) {
    const { coarse, styles } = recording.head;
    const x = mark.x / coarse;
    const y = mark.y / coarse;
    within(recording, context, mark.clip, () => {
      if (mark.kind === SHAPE) {
        const shape = path || outline(recording, mark.which);
        for (const [right, down] of placesOf(recording, mark)) {
          paint(recording, context, shape, styles[mark.style], scale, x + right, y + down);
        }
      } else if (mark.kind === LETTERS) {
        drawLetters(recording, context, mark, styles[mark.style], x, y);
      } else {
        const image = imageOf(recording, mark.which);
        const size = mark.style / coarse;
        context.imageSmoothingEnabled = false;
        context.drawImage(image, x, y, image.width * size, image.height * size);
      }
    });
  }

  /** Where a mark is drawn, from its own place: there, and for a row of markers at each of them. */
  function placesOf(recording, mark) {
    if (mark.moved) return mark.moved;
    if (!mark.places) return [[0, 0]];
    const { x, y, unit } = vertices(recording, mark.places - 1);
    return Array.from(x, (value, i) => [value / unit, y[i] / unit]);
  }

  function drawLetters(recording, context, mark, style, x, y) {
    const { rows, head } = recording;
    context.fillStyle = style.fill;
    for (let i = rows.ends[mark.which]; i < rows.ends[mark.which + 1]; i++) {
      const right = x + rows.x[i] / head.fine;
      const down = y + rows.y[i] / head.fine;
      context.translate(right, down);
      context.fill(outline(recording, rows.shape[i]));
      context.translate(-right, -down);
    }
  }

  function prepared(context, scale) {
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.miterLimit = MITRE;
    context.globalAlpha = 1;
  }

  /** The background of a frame; it is drawn mark by mark only when it or the size is another. */
  function drawBackground(recording, context, frame, scale) {
    const { width, height } = context.canvas;
    const key = [frame.background, width, height, scale].join();
    const made = store(recording);
    if (made.background?.key !== key) {
      const canvas = Object.assign(document.createElement('canvas'), { width, height });
      const below = canvas.getContext('2d');
      prepared(below, scale);
      for (const mark of frame.drawings[0]) drawMark(recording, below, mark, scale);
      made.background = { key, canvas };
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(made.background.canvas, 0, 0);
    prepared(context, scale);
  }

  course.drawFrame = (recording, context, frame, scale) => {
    context.save();
    drawBackground(recording, context, frame, scale);
    for (const marks of frame.drawings.slice(1)) {
      for (const mark of marks) drawMark(recording, context, mark, scale);
    }
    context.restore();
  };

  /** Whether two drawings differ in nothing but where their vertices lie. */
  function alike(recording, one, other) {
    const { shapes } = recording;
    const form = (shape) => [shapes.which[shape], shapes.fine[shape]].join();
    return (
      one.length === other.length &&
      one.every((mark, i) => {
        const same = ['kind', 'style', 'clip'].every((key) => mark[key] === other[i][key]);
        if (!same) return false;
        if (mark.kind !== SHAPE) return mark.which === other[i].which;
        const places = [mark, other[i]].map((m) => (m.places ? form(m.places - 1) : ''));
        return form(mark.which) === form(other[i].which) && places[0] === places[1];
      })
    );
  }

  function mixed(one, other, share) {
    return Array.from(one, (value, i) => value + share * (other[i] - value));
  }

  /** The vertices between those of two shapes that have the same codes. */
  function between(recording, one, other, share) {
    const first = vertices(recording, one);
    const second = vertices(recording, other);
    return { ...first, x: mixed(first.x, second.x, share), y: mixed(first.y, second.y, share) };
  }

  /** Draws the mark between two that are alike. */
  function drawMixed(recording, context, one, other, share, scale) {
    const mark = { ...one };
    mark.x += share * (other.x - one.x);
    mark.y += share * (other.y - one.y);
    let path;
    if (one.kind === SHAPE && one.which !== other.which) {
      path = traced(between(recording, one.which, other.which, share));
    }
    if (one.places) {
      const { x, y, unit } = between(recording, one.places - 1, other.places - 1, share);
      mark.moved = x.map((value, i) => [value / unit, y[i] / unit]);
    }
    drawMark(recording, context, mark, scale, path);
  }

  course.drawBetween = (recording, context, from, to, share, scale) => {
    context.save();
    const fixed = from.background === to.background;
    if (fixed) drawBackground(recording, context, to, scale);
    else prepared(context, scale);
    to.drawings.forEach((marks, layer) => {
      if (fixed && layer === 0) return;
      const before = from.drawings[layer];
      const glide = alike(recording, before, marks);
      marks.forEach((mark, i) => {
        if (glide) drawMixed(recording, context, before[i], mark, share, scale);
        else drawMark(recording, context, mark, scale);
      });
    });
    context.restore();
  };
})();
