/*
 * Opens a recording of an explorer: what it draws and says at each recorded position.
 *
 * The format is described at the top of edition/packing.py; the same recording read there gives the
 * same frames, letter by letter and number by number.
 *
 *   course.openRecording(base64) → Promise<Recording>
 *   course.received(name, base64)       called by the script that carries a recording
 *   course.recordingNamed(name, source) → Promise<Recording>, loaded once
 *
 * A promise is rejected with an Error whose message is a key of the page's words:
 * recording.unsupported, recording.truncated, recording.altered, recording.missing.
 */
'use strict';

(() => {
  const course = (window.course = window.course || {});

  /**
   * @typedef {{name: string, label: string, kind: string, values: any[], shown: string[],
   *   start: number, of: number}} Control
   * @typedef {{kind: number, which: number, style: number, clip: number, x: number, y: number,
   *   places: number}} Mark  One thing drawn: a shape, letters or an image.
   * @typedef {{drawings: Mark[][], background: number, sentence: string,
   *   numbers: [string, string][], idle: string[], problem: string | null}} Frame  The first drawing
   *   is the background; frames whose `background` is the same have the same.
   */

  const PREFACE = 12;
  const LARGE = 4096; // pixels of an image whose bytes are stored as differences
  const MAGIC = 'CVR1';
  const MARKS = 7; // columns of a mark
  const MINUS = '−';
  const DIGITS = 6; // significant ones of a number
  const FIRST = 0xe000; // stands for a number without decimals in a template
  const NO_NUMBERS = { 1000: 'nan', 1001: 'inf', 1002: MINUS + 'inf' };

  /** Bytes of a base64 text. */
  function bytesOf(base64) {
    const text = atob(base64.trim());
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  /** CRC-32, as gzip has it. */
  function checksum(bytes) {
    const table = checksum.table || (checksum.table = checksumTable());
    let left = 0xffffffff;
    for (let i = 0; i < bytes.length; i++) left = table[(left ^ bytes[i]) & 255] ^ (left >>> 8);
    return (left ^ 0xffffffff) >>> 0;
  }

  function checksumTable() {
    return Uint32Array.from({ length: 256 }, (_, byte) => {
      let left = byte;
      for (let bit = 0; bit < 8; bit++) left = left & 1 ? (left >>> 1) ^ 0xedb88320 : left >>> 1;
      return left;
    });
  }

  /** The gzip stream after the preface, once its length and checksum are found right. */
  function checked(bytes) {
    const magic = String.fromCharCode(...bytes.subarray(0, 4));
    if (bytes.length < PREFACE) throw new Error('recording.truncated');
    if (magic !== MAGIC) throw new Error('recording.altered');
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const body = bytes.subarray(PREFACE);
    const length = view.getUint32(4, true);
    if (body.length < length) throw new Error('recording.truncated');
    if (body.length > length || checksum(body) !== view.getUint32(8, true)) {
      throw new Error('recording.altered');
    }
    return body;
  }

  async function unzipped(body) {
    const stream = new Blob([body]).stream().pipeThrough(new DecompressionStream('gzip'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** The head, and each section's bytes by name. */
  function parts(container) {
    const length = new DataView(container.buffer).getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(container.subarray(4, 4 + length)));
    const sections = {};
    let at = 4 + length;
    for (const [name, size] of head.sections) {
      sections[name] = container.subarray(at, at + size);
      at += size;
    }
    return { head, sections };
  }

  /** Signed whole numbers: seven bits a byte, the lowest first; 0, −1, 1, −2 as 0, 1, 2, 3. */
  function integers(bytes) {
    let count = 0;
    for (let i = 0; i < bytes.length; i++) if (bytes[i] < 128) count++;
    const found = new Int32Array(count);
    let number = 0;
    let shift = 0;
    for (let i = 0, at = 0; i < bytes.length; i++) {
      number |= (bytes[i] & 127) << shift;
      shift += 7;
      if (bytes[i] < 128) {
        found[at++] = (number >>> 1) ^ -(number & 1);
        number = shift = 0;
      }
    }
    return found;
  }

  /** Reads a section's numbers from the first on. */
  class Reader {
    constructor(bytes) {
      this.values = integers(bytes);
      this.at = 0;
    }

    one() {
      return this.values[this.at++];
    }

    take(count) {
      const found = this.values.subarray(this.at, this.at + count);
      this.at += count;
      return found;
    }

    /** Numbers stored as differences. They are added up in place: each is read once. */
    column(count) {
      const found = this.take(count);
      for (let i = 1; i < count; i++) found[i] += found[i - 1];
      return found;
    }

    columns(count, width) {
      return Array.from({ length: width }, () => this.column(count));
    }
  }

  function sum(numbers) {
    let total = 0;
    for (const number of numbers) total += number;
    return total;
  }

  /** Columns of vertices, which are stored as differences of differences. */
  function readCurves(reader) {
    const lengths = reader.take(reader.one());
    return Array.from(lengths, (length) => {
      const found = reader.column(length);
      for (let i = 1; i < length; i++) found[i] += found[i - 1];
      return found;
    });
  }

  function readShapes(reader) {
    const lengths = reader.take(reader.one());
    const codes = Array.from(lengths, (length) => unrolled(reader.take(length)));
    const [which, x, y, fine] = reader.columns(reader.one(), 4);
    return { codes, which, x, y, fine };
  }

  /** 2, 3, 5, 1 as 2, 2, 2, 5. */
  function unrolled(runs) {
    const found = [];
    for (let i = 0; i < runs.length; i += 2) {
      for (let k = 0; k < runs[i + 1]; k++) found.push(runs[i]);
    }
    return Uint8Array.from(found);
  }

  /** Rows of letters: `ends[i]` to `ends[i + 1]` are those of row i. */
  function readRows(reader) {
    const lengths = reader.take(reader.one());
    const [shape, x, y] = reader.columns(sum(lengths), 3);
    return { ends: endsOf(lengths), shape, x, y };
  }

  function endsOf(lengths) {
    const ends = new Int32Array(lengths.length + 1);
    for (let i = 0; i < lengths.length; i++) ends[i + 1] = ends[i] + lengths[i];
    return ends;
  }

  function readImages(reader, pixels) {
    const [heights, widths, channels] = reader.columns(reader.one(), 3);
    const found = [];
    let at = 0;
    for (let i = 0; i < heights.length; i++) {
      const row = widths[i] * channels[i];
      const bytes = pixels.slice(at, at + heights[i] * row);
      const large = heights[i] * widths[i] > LARGE;
      for (let k = large ? row : bytes.length; k < bytes.length; k++) bytes[k] += bytes[k - row];
      found.push({ height: heights[i], width: widths[i], channels: channels[i], bytes });
      at += bytes.length;
    }
    return found;
  }

  function readLayers(reader) {
    return Array.from({ length: reader.one() }, () => {
      const lengths = reader.take(reader.one());
      return { ends: endsOf(lengths), columns: reader.columns(sum(lengths), MARKS) };
    });
  }

  /** The positions at which `which` has each number. */
  function grouped(which, count) {
    const found = Array.from({ length: count }, () => []);
    which.forEach((number, position) => found[number].push(position));
    return found;
  }

  function isMark(letter) {
    const code = letter.charCodeAt(0);
    return code >= FIRST && code <= FIRST + 9;
  }

  function readSaid(reader, head) {
    const [template, idle, problem] = reader.columns(head.positions, 3);
    const order = new Int32Array(head.positions); // of a position among those of its template
    const columns = grouped(template, head.templates.length).map((positions, number) => {
      positions.forEach((position, i) => (order[position] = i));
      const fields = [...head.templates[number]].filter(isMark).length;
      return reader.columns(positions.length, fields);
    });
    return { template, idle, problem, order, columns };
  }

  function readNumbers(reader, head) {
    const which = reader.column(head.positions);
    const order = new Int32Array(head.positions);
    const columns = grouped(which, head.names.length).map((positions, number) => {
      positions.forEach((position, i) => (order[position] = i));
      return reader.columns(positions.length, 2 * head.names[number].length);
    });
    return { which, order, columns };
  }

  /** −1516 with three decimals as −1.516. */
  function fixed(value, decimals) {
    const digits = String(Math.abs(value)).padStart(decimals + 1, '0');
    const whole = digits.slice(0, digits.length - decimals);
    const part = digits.slice(digits.length - decimals);
    return (value < 0 ? MINUS : '') + whole + (part ? '.' + part : '');
  }

  /** The sentence of a template, its numbers in their places. */
  function filled(template, values) {
    let field = 0;
    return Array.from(template, (letter) =>
      isMark(letter) ? fixed(values[field++], letter.charCodeAt(0) - FIRST) : letter,
    ).join('');
  }

  /** The whole number that takes most letters. */
  function longestOf(numbers) {
    const ends = numbers.reduce(([low, high], n) => [Math.min(low, n), Math.max(high, n)], [0, 0]);
    return String(ends[0]).length > String(ends[1]).length ? ends[0] : ends[1];
  }

  function tidied(whole, part) {
    const kept = part.replace(/0+$/, '');
    return kept ? whole + '.' + kept : whole;
  }

  /** A number of six significant digits, mantissa · 10^exponent, as text. */
  function shown(mantissa, exponent) {
    if (exponent in NO_NUMBERS) return NO_NUMBERS[exponent];
    if (mantissa === 0) return '0';
    const size = exponent + DIGITS - 1; // of the first digit
    const sign = mantissa < 0 ? MINUS : '';
    let digits = String(Math.abs(mantissa)).padStart(DIGITS, '0');
    if (size > -5 && size < DIGITS) {
      if (size < 0) digits = '0'.repeat(-size) + digits;
      const whole = Math.max(size, 0) + 1;
      return sign + tidied(digits.slice(0, whole), digits.slice(whole));
    }
    const power = String(Math.abs(size)).padStart(2, '0');
    return sign + tidied(digits[0], digits.slice(1)) + 'e' + (size < 0 ? MINUS : '+') + power;
  }

  /** An explorer at its recorded positions; the last control moves first as they are counted. */
  class Recording {
    constructor(head, sections) {
      Object.assign(this, {
        name: head.name,
        title: head.title,
        width: head.width,
        height: head.height,
        controls: head.controls,
      });
      this.head = head;
      this.vertices = readCurves(new Reader(sections.columns));
      this.shapes = readShapes(new Reader(sections.shapes));
      this.rows = readRows(new Reader(sections.rows));
      this.images = readImages(new Reader(sections.images), sections.pixels);
      this.layers = readLayers(new Reader(sections.layers));
      this.piles = new Reader(sections.piles).columns(head.positions, this.layers.length);
      this.said = readSaid(new Reader(sections.said), head);
      this.numbers = readNumbers(new Reader(sections.numbers), head);
    }

    /** Which position has these stops, one a control. */
    position(indices) {
      return this.controls.reduce((at, control, i) => {
        if (!(indices[i] >= 0 && indices[i] < control.shown.length)) {
          throw new RangeError(`${control.name} has no stop ${indices[i]}`);
        }
        return at * control.shown.length + indices[i];
      }, 0);
    }

    /**
     * What is drawn and said at these stops.
     * @returns {Frame}
     */
    frame(indices) {
      const at = this.position(indices);
      const sentence = this.sentenceAt(at);
      return {
        drawings: this.layers.map((layer, i) => drawing(layer, this.piles[i][at])),
        background: this.piles[0][at],
        sentence,
        numbers: this.numbersAt(at),
        idle: this.head.idle[this.said.idle[at]],
        problem: this.said.problem[at] ? sentence : null,
      };
    }

    /**
     * The stops of these values, other controls at their start; null if one is not recorded, or is no
     * control's.
     */
    stops(values) {
      const known = this.controls.map((control) => control.name);
      if (!Object.keys(values).every((name) => known.includes(name))) return null;
      const found = this.controls.map((control) =>
        control.name in values ? control.values.indexOf(values[control.name]) : control.start,
      );
      return found.includes(-1) ? null : found;
    }

    /** Whether it says this sentence at these stops. */
    says(indices, sentence) {
      return this.sentenceAt(this.position(indices)) === sentence;
    }

    sentenceAt(position) {
      const number = this.said.template[position];
      const columns = this.said.columns[number];
      const at = this.said.order[position];
      return filled(this.head.templates[number], columns.map((column) => column[at]));
    }

    /** A sentence as long as any: of the longest template, with the longest numbers. */
    longest() {
      const texts = this.head.templates.map((template, number) =>
        filled(template, this.said.columns[number].map(longestOf)),
      );
      return texts.reduce((longest, text) => (text.length > longest.length ? text : longest), '');
    }

    numbersAt(position) {
      const list = this.numbers.which[position];
      const at = this.numbers.order[position];
      return this.head.names[list].map((name, i) => {
        const [exponents, mantissas] = this.numbers.columns[list].slice(2 * i, 2 * i + 2);
        return [name, shown(mantissas[at], exponents[at])];
      });
    }

    /** Draws a frame: see picture.js. */
    draw(context, frame, scale) {
      course.drawFrame(this, context, frame, scale);
    }

    /** Draws what lies between two frames, at `share` of the way: see picture.js. */
    blend(context, from, to, share, scale) {
      course.drawBetween(this, context, from, to, share, scale);
    }
  }

  /** The marks of a layer's drawing. */
  function drawing(layer, number) {
    const marks = [];
    const [kind, which, style, clip, x, y, places] = layer.columns;
    for (let i = layer.ends[number]; i < layer.ends[number + 1]; i++) {
      marks.push({
        kind: kind[i],
        which: which[i],
        style: style[i],
        clip: clip[i],
        x: x[i],
        y: y[i],
        places: places[i],
      });
    }
    return marks;
  }

  course.openRecording = async (base64) => {
    if (typeof DecompressionStream === 'undefined') throw new Error('recording.unsupported');
    let bytes;
    try {
      bytes = bytesOf(base64);
    } catch {
      throw new Error('recording.altered'); // it is no base64
    }
    const { head, sections } = parts(await unzipped(checked(bytes)));
    return new Recording(head, sections);
  };

  /** Who waits for the script of each recording, by name. */
  const waiting = new Map();
  const asked = new Map();

  course.received = (name, base64) => {
    waiting.get(name)?.resolve(base64);
    waiting.delete(name);
  };

  /** The text of a recording: inline in the page, or from the script at `source`. */
  function carried(name, source) {
    const inline = document.querySelector(`script[data-recording="${CSS.escape(name)}"]`);
    if (inline) return Promise.resolve(inline.textContent);
    return new Promise((resolve, reject) => {
      const script = document.createElement('script');
      const missing = () => reject(new Error('recording.missing'));
      waiting.set(name, { resolve });
      // Cut off, it does not run, and hands over nothing.
      script.onload = () => waiting.delete(name) && reject(new Error('recording.truncated'));
      script.onerror = missing;
      script.src = source;
      document.head.append(script);
    });
  }

  /** The recording, if it is of the explorer that was asked for. */
  function ofName(name, recording) {
    if (recording.name !== name) throw new Error('recording.altered');
    return recording;
  }

  course.recordingNamed = (name, source) => {
    if (!asked.has(name)) {
      const recording = carried(name, source)
        .then(course.openRecording)
        .then((opened) => ofName(name, opened));
      asked.set(name, recording);
      recording.catch(() => asked.delete(name)); // so that it can be asked for again
    }
    return asked.get(name);
  };
})();
