// An answer as somebody types it, read as a number: −0.5, 0,5, 1e-3, 40/3, 0.5*log(2π), ½ log 2,
// 0.5 nats. Nothing is run: the text is taken apart and added up here.
//
// Operators bind as in Python, with ^ for ** too. What may mean two things is asked about.
(() => {
  'use strict';
  const course = (window.course ??= {});

  const MOST = 200; // letters of an answer
  const BLANKS = ['', '...', '…'];
  const NUMBER = /^[\d.,]*\d[\d.,]*(?:e[+-]?\d+)?/i;
  const PLAIN = /^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
  const THOUSANDS = /^([1-9]\d{0,2}(,\d{3})+\.\d*|[1-9]\d{0,2}(,\d{3}){2,})(e[+-]?\d+)?$/i;
  const UNCLEAR = /^[1-9]\d{0,2},\d{3}$/; // 3,692 is 3692 to some and 3.692 to others
  // Digits in groups of three, and what stands before them: no word, such as log10.
  const PARTED = /(^|[^A-Za-z\d.,])([\d.,]*\d(?:\s\d{3}(?!\d))+)/g;
  const NAME = /^(?:(?:math|torch|np|numpy)\.)?(log(?:2|10)(?![\d.])|[a-z]+|π|∞)/i;
  const UNIT = /^(.*[^a-z])(nats?|bits?|draws?)(\s*(?:²|\^2|\*\*2))?$/i;
  const SIGNS = ['**', '+', '-', '*', '/', '^', '(', ')', '√', '²', '³'];
  const FRACTIONS = { '½': 1 / 2, '⅓': 1 / 3, '⅔': 2 / 3, '¼': 1 / 4, '¾': 3 / 4, '⅛': 1 / 8,
    '⅜': 3 / 8, '⅝': 5 / 8, '⅞': 7 / 8 };
  const CONSTANTS = { pi: Math.PI, π: Math.PI, e: Math.E, inf: Infinity, infinity: Infinity,
    '∞': Infinity };
  const FUNCTIONS = { log: Math.log, ln: Math.log, exp: Math.exp, sqrt: Math.sqrt, abs: Math.abs,
    log2: Math.log2, log10: Math.log10, sin: Math.sin, cos: Math.cos, tan: Math.tan,
    tanh: Math.tanh };
  const END = { kind: 'end', text: '' };

  /**
   * What somebody typed.
   * @typedef {object} Typed
   * @property {number} [value] the number, where it is one
   * @property {boolean} [blank] whether nothing is typed yet
   * @property {string} [problem] else what is wrong with it, a key of course.words
   * @property {string} [part] and where
   */

  class Unread extends Error {
    /** @param {string} problem @param {string} [part] */
    constructor(problem, part = '') {
      super(problem);
      this.part = part;
    }
  }

  /**
   * Reads an answer; the unit that is asked for may stand behind it.
   * @param {string} text
   * @param {string} [unit] such as nats²
   * @returns {Typed}
   */
  course.read = (text, unit = '') => {
    const plain = unified(text);
    if (BLANKS.includes(plain)) return { blank: true };
    try {
      if (plain.length > MOST) throw new Unread('exercise.unread.long');
      return { value: evaluated(tokens(withoutUnit(plain, unit))) };
    } catch (error) {
      if (error instanceof Unread) return { problem: error.message, part: error.part };
      throw error;
    }
  };

  /** The text with plain signs, and without blanks at its ends and between thousands. */
  function unified(text) {
    return text.trim().replace(/[−–]/g, '-').replace(/[·⋅×]/g, '*').replace(/[÷⁄]/g, '/')
      .replace(/(\d)_(?=\d)/g, '$1').replace(PARTED, (_, before, number) => before + joined(number));
  }

  /** 12 345 in one; but where a comma or a point stands before the first blank, as it is. */
  const joined = text => (/^\d{1,3}\s/.test(text) ? text.replace(/\s/g, '') : text);

  /** The text without the unit that is asked for; another one is said to be one. */
  function withoutUnit(text, unit) {
    const found = UNIT.exec(text);
    if (!found) return text;
    const plain = word => word.toLowerCase().replace(/s(?=²?$)/, '');
    const given = plain(found[2] + (found[3] ? '²' : ''));
    if (given !== plain(unit)) {
      const key = unit ? 'exercise.unread.unit' : 'exercise.unread.unitless';
      throw new Unread(key, found[2] + (found[3] ?? ''));
    }
    return found[1];
  }

  // ---- The text as a row of numbers, names and signs ----

  function tokens(text) {
    const found = [];
    let rest = text.trim();
    while (rest) {
      const [token, length] = first(rest);
      found.push(token);
      rest = rest.slice(length).trimStart();
    }
    return found;
  }

  /** The first token of a text, and how many letters it takes. */
  function first(text) {
    const number = NUMBER.exec(text);
    if (number) return [{ kind: 'number', text: number[0], value: one(number[0]) }, number[0].length];
    const name = NAME.exec(text);
    if (name) return [{ kind: 'name', text: name[1].toLowerCase() }, name[0].length];
    if (text[0] in FRACTIONS) {
      return [{ kind: 'fraction', text: text[0], value: FRACTIONS[text[0]] }, 1];
    }
    const sign = SIGNS.find(each => text.startsWith(each));
    if (!sign) throw new Unread('exercise.unread.sign', String.fromCodePoint(text.codePointAt(0)));
    return [{ kind: 'sign', text: sign.replace('**', '^') }, sign.length];
  }

  /** The number that digits mean. One comma stands for the point, unless it may part thousands. */
  function one(text) {
    if (UNCLEAR.test(text.replace(/e.*/i, ''))) throw new Unread('exercise.unclear', text);
    const point = THOUSANDS.test(text) ? text.replaceAll(',', '') : text.replace(',', '.');
    if (!PLAIN.test(point)) throw new Unread('exercise.unread.sign', text);
    return Number(point);
  }

  // ---- The row added up, each part by a function of its own ----

  function evaluated(row) {
    const reader = { row, at: 0 };
    const value = sum(reader);
    const left = peek(reader);
    if (left.text === ')') throw new Unread('exercise.unread.brackets');
    if (left !== END) throw new Unread('exercise.unread.sign', left.text);
    return value;
  }

  const peek = reader => reader.row[reader.at] ?? END;
  const take = reader => reader.row[reader.at++] ?? END;
  const sees = (reader, ...signs) => peek(reader).kind === 'sign' && signs.includes(peek(reader).text);

  /** A result, if it is a number. What is finite leads to nothing infinite. */
  function kept(value, ...from) {
    if (Number.isFinite(value)) return value;
    if (Number.isNaN(value) || from.every(Number.isFinite)) throw new Unread('exercise.unread.value');
    return value;
  }

  function sum(reader) {
    let value = product(reader);
    while (sees(reader, '+', '-')) {
      const minus = take(reader).text === '-';
      const next = product(reader);
      value = kept(minus ? value - next : value + next, value, next);
    }
    return value;
  }

  /** Also without a sign between, as 2π; but behind a stroke, as in 1/2π, that means two things. */
  function product(reader) {
    let value = signed(reader);
    let divided = false;
    for (;;) {
      const explicit = sees(reader, '*', '/');
      if (!explicit && !beginsFactor(reader)) return value;
      if (!explicit && divided) throw new Unread('exercise.unread.twofold');
      const over = explicit && take(reader).text === '/';
      const next = explicit ? signed(reader) : power(reader);
      divided ||= over;
      if (over && next === 0) throw new Unread('exercise.unread.value');
      value = kept(over ? value / next : value * next, value, next);
    }
  }

  /** Whether the next may follow with no sign between. 2e is half a number, and 2πe is none. */
  function beginsFactor(reader) {
    const token = peek(reader);
    if (token.text === 'e') return reader.row[reader.at - 1].kind !== 'number';
    return token.kind === 'name' || ['(', '√'].includes(token.text);
  }

  function signed(reader) {
    if (!sees(reader, '+', '-')) return power(reader);
    return take(reader).text === '-' ? -signed(reader) : signed(reader);
  }

  function power(reader) {
    const base = atom(reader);
    if (sees(reader, '²', '³')) {
      const value = base ** (take(reader).text === '²' ? 2 : 3);
      return kept(value, base);
    }
    if (!sees(reader, '^')) return base;
    take(reader);
    const exponent = signed(reader);
    return kept(base ** exponent, base, exponent);
  }

  function atom(reader) {
    const token = take(reader);
    if (/^\d+$/.test(token.text) && peek(reader).kind === 'fraction') {
      return token.value + take(reader).value; // 4½
    }
    if (token.kind === 'number' || token.kind === 'fraction') return token.value;
    if (token.kind === 'name') return named(reader, token.text);
    if (token.text === '(') return bracket(reader);
    if (token.text === '√') return applied(reader, Math.sqrt, ['^', '²', '³']);
    if (token === END) throw new Unread('exercise.unread.end');
    throw new Unread('exercise.unread.sign', token.text);
  }

  /** What stands in a bracket that is open. */
  function bracket(reader) {
    const value = sum(reader);
    if (!sees(reader, ')')) {
      const left = peek(reader);
      const key = left === END ? 'exercise.unread.brackets' : 'exercise.unread.sign';
      throw new Unread(key, left.text);
    }
    take(reader);
    return value;
  }

  function named(reader, name) {
    if (Object.hasOwn(CONSTANTS, name)) return CONSTANTS[name];
    if (!Object.hasOwn(FUNCTIONS, name)) throw new Unread('exercise.unread.word', name);
    if (/\d$/.test(name) && !sees(reader, '(')) throw new Unread('exercise.unread.twofold');
    return applied(reader, FUNCTIONS[name], ['^', '²', '³', '*', '/']);
  }

  /** A function of what follows: a bracket, or one number, behind which none of `unclear` stands. */
  function applied(reader, call, unclear) {
    const open = sees(reader, '(');
    const of = atom(reader);
    if (!open && (sees(reader, ...unclear) || beginsFactor(reader))) {
      throw new Unread('exercise.unread.twofold');
    }
    return kept(call(of), of);
  }
})();
