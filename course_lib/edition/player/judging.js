// What `check` says of an answer, said by the page: the same verdict in the same words.
//
// course_lib/edition/answers.py describes the tables; course_lib/checks is what this follows, and a
// test holds the two together over many answers.
(() => {
  'use strict';
  const course = (window.course ??= {});

  /**
   * @typedef {object} Table of an exercise whose answer is one number or several
   * @property {'numbers'} kind
   * @property {(number | string)[]} exact
   * @property {number} tolerance
   * @property {boolean} factors
   * @property {(number | string)[][]} mistakes where NaN is any number
   *
   * @typedef {object} Verdict
   * @property {boolean} accepted
   * @property {string} message
   *
   * @typedef {(phrase: string, gaps?: Object<string, string | number>) => string} Say
   */

  /**
   * The verdict on an answer, as `judged(name, answer)` gives it.
   * @param {{exercises: Object<string, Table>, words: object}} tables
   * @param {string} name
   * @param {string[]} texts as typed, one for each number
   * @param {string} language
   * @returns {Verdict}
   */
  course.judge = (tables, name, texts, language) => {
    const words = (tables.words[language] ?? tables.words.en).exercises[name];
    const judge = { numbers: verdict, choice: ofChoice, blanks: ofBlanks };
    const table = tables.exercises[name];
    const found = judge[table.kind](table, words, texts, course.sayer(tables, language));
    return { accepted: found.accepted, message: `${name}: ${found.message}` };
  };

  /**
   * What says the phrases of `checks` in a language.
   * @param {{words: object}} tables
   * @param {string} language
   * @returns {Say}
   */
  course.sayer = (tables, language) => (phrase, gaps = {}) =>
    (tables.words[language] ?? tables.words.en).phrases[phrase]
      .replace(/\{(\w+)\}/g, (gap, key) => String(gaps[key] ?? gap));

  /** Of the options that were chosen, as checks/multiple_choice.py. @returns {Verdict} */
  function ofChoice(table, words, chosen, say) {
    const no = message => ({ accepted: false, message });
    if (!chosen.length) return no(say('blank'));
    const word = table.options.find(option => chosen.includes(option) && option in words.reasons);
    if (word !== undefined) return no(say('wrong choice', { word, reason: words.reasons[word] }));
    const missing = table.right.filter(option => !chosen.includes(option)).length;
    if (missing) return no(say(missing === 1 ? 'one more' : 'more', { count: missing }));
    return { accepted: true, message: say('right') };
  }

  /** Of a word for each blank, as checks/blanks.py. @returns {Verdict} */
  function ofBlanks(table, words, chosen, say) {
    const no = message => ({ accepted: false, message });
    if (chosen.includes('')) return no(say('blank'));
    const misfits = chosen.map((word, i) => ({ word, place: i + 1, reason: words.reasons[i][word] }))
      .filter(({ place, word }) => table.blanks[place - 1].right !== word);
    if (!misfits.length) return { accepted: true, message: say('right') };
    return no(say('known mistake', { hint: misfits.map(one => say('wrong blank', one)).join(' ') }));
  }

  /** @returns {Verdict} */
  function verdict(table, words, texts, say) {
    const no = message => ({ accepted: false, message });
    const given = [];
    for (const text of texts) {
      const { value, blank } = course.read(text, words.unit);
      if (blank) return no(say('blank'));
      if (value === undefined) return no(say('no number', { given: shown(text) }));
      given.push(value);
    }
    const wanted = table.exact.map(Number);
    if (agree(given, wanted, table.tolerance)) {
      return { accepted: true, message: right(given, words.unit, say) };
    }
    const known = table.mistakes.findIndex(row => agree(given, filled(row, given), table.tolerance));
    if (known >= 0) return no(say('known mistake', { hint: words.mistakes[known] }));
    return no(refusal(given, wanted, table, words, say));
  }

  function right(given, unit, say) {
    if (given.length > 1) return say('right');
    return say('right number', { given: quantity(significant(given[0]), unit) });
  }

  /** A known mistake with the learner's number wherever it takes any. */
  const filled = (row, given) =>
    row.map(Number).map((value, i) => (Number.isNaN(value) ? given[i] : value));

  function refusal(given, wanted, table, words, say) {
    const told = remark(given, wanted, table, words, say);
    if (given.length > 1) return say('several numbers', { count: given.length, told });
    return say('one number', { given: quantity(significant(given[0]), words.unit), told });
  }

  // ---- As checks/comparison.py compares ----

  function agree(given, wanted, tolerance) {
    return given.length === wanted.length && !wrong(given, wanted, tolerance).includes(true);
  }

  /** Where two rows differ by more than tolerance · max(1, |wanted|); infinity is itself alone. */
  function wrong(given, wanted, tolerance) {
    return given.map((value, i) => {
      const size = Number.isFinite(wanted[i]) ? Math.max(1, Math.abs(wanted[i])) : 1;
      const same = value === wanted[i] || (Number.isNaN(value) && Number.isNaN(wanted[i]));
      return !same && !(Math.abs(value - wanted[i]) <= tolerance * size);
    });
  }

  /** Which number is wrong, in which direction and by how much; or what all have in common. */
  function remark(given, wanted, table, words, say) {
    const off = wrong(given, wanted, table.tolerance);
    if (given.length > 1 && off.every((is, i) => is || !(Math.abs(wanted[i]) > table.tolerance))) {
      const common = factorOrShift(given, wanted, say);
      if (common) return say('all off', { off: common });
    }
    const place = off.indexOf(true);
    const count = given.length;
    const which = words.names[place]
      ?? (count === 1 ? say('it') : say('place', { place: place + 1, count }));
    return say('off', { which, off: distance(given[place], wanted[place], table, words, say) });
  }

  function distance(given, wanted, { factors }, { unit }, say) {
    if (Number.isNaN(given)) return say('NaN');
    if (!Number.isFinite(given)) return say('infinite', { given: significant(given) });
    const off = shift(given - wanted, unit, say);
    if (given * wanted <= 0 || !factors) return off;
    const ratio = Math.max(given / wanted, wanted / given);
    return ratio >= 1.1 ? say('ratio', { off, ratio: two(ratio) }) : off;
  }

  function shift(difference, unit, say) {
    const size = quantity(two(Math.abs(difference)), unit);
    return say(difference > 0 ? 'high' : 'low', { distance: size });
  }

  /** The one factor or the one shift between all numbers and the right ones, or nothing. */
  function factorOrShift(given, wanted, say) {
    const some = given.map((_, i) => i).filter(i => wanted[i] !== 0);
    const zeros = given.every((value, i) => wanted[i] !== 0 || value === 0);
    const ratios = some.map(i => given[i] / wanted[i]);
    if (ratios.length && given.some(value => value !== 0) && zeros && equal(ratios)) {
      const factor = commonFactor(ratios);
      if (factor) return say('times', { factor });
    }
    const shifts = given.map((value, i) => value - wanted[i]);
    return equal(shifts) ? shift(shifts[0], '', say) : '';
  }

  /** Near 1 the factor's distance from 1 must be common to all, or there is none. */
  function commonFactor(ratios) {
    const excess = ratios.map(ratio => ratio - 1);
    if (two(ratios[0]) !== '1') return two(ratios[0]);
    const sign = excess[0] > 0 ? '+' : '−';
    return equal(excess) ? `(1 ${sign} ${two(Math.abs(excess[0]))})` : '';
  }

  function equal(values) {
    return values.every(value => Math.abs(value - values[0]) <= 1e-4 * Math.abs(values[0]));
  }

  // ---- As Python writes numbers and texts ----

  const quantity = (number, unit) => `${number} ${unit}`.trimEnd();

  /** Two digits, as a plain number. */
  const two = value => significant(Math.sign(value) * Number(toDigits(Math.abs(value), 2)));

  /** At most so many significant digits, Python's "%.6g", with a true minus sign. */
  function significant(value, most = 6) {
    if (Number.isNaN(value)) return 'nan';
    const sign = value < 0 ? '−' : '';
    if (!Number.isFinite(value)) return `${sign}inf`;
    if (value === 0) return '0';
    const [digits, power] = toDigits(Math.abs(value), most).split('e');
    const exponent = Number(power);
    if (exponent >= -4 && exponent < most) {
      return sign + trimmed(Number(`${digits}e${power}`).toFixed(most - 1 - exponent));
    }
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${trimmed(digits)}e${exponent < 0 ? '−' : '+'}${size}`;
  }

  const trimmed = text => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);

  /**
   * A number from 0 up to so many digits, 1.25e+3. Of two that are equally near, the one with the
   * even last digit, as in Python; toExponential takes the larger.
   */
  function toDigits(size, digits) {
    if (!Number.isFinite(size)) return String(size);
    const exact = size.toExponential(100);
    const kept = exact.slice(0, digits === 1 ? 1 : digits + 1);
    const [rest, power] = exact.slice(kept.length).replace('.', '').split('e');
    const down = /^50*$/.test(rest) && '02468'.includes(kept.at(-1));
    return down ? `${kept}e${power}` : size.toExponential(digits - 1);
  }

  /** A text as Python's reprlib shows it: in quotes, its middle left out beyond 40 letters. */
  function shown(text) {
    const letters = Array.from(text);
    const whole = quoted(letters.slice(0, 40));
    if (Array.from(whole).length <= 40) return whole;
    const short = Array.from(quoted([...letters.slice(0, 18), ...letters.slice(-19)]));
    return [...short.slice(0, 18), '...', ...short.slice(-19)].join('');
  }

  course.inPython = { significant, shown };

  /** Python's repr of a text. */
  function quoted(letters) {
    const quote = letters.includes("'") && !letters.includes('"') ? '"' : "'";
    const special = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', [quote]: `\\${quote}` };
    return quote + letters.map(letter => special[letter] ?? escaped(letter)).join('') + quote;
  }

  /** A letter, or its code where it cannot be seen. */
  function escaped(letter) {
    if (letter === ' ' || !/[\p{C}\p{Z}]/u.test(letter)) return letter;
    const code = letter.codePointAt(0).toString(16);
    if (code.length <= 2) return `\\x${code.padStart(2, '0')}`;
    return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`;
  }
})();
