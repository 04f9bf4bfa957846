// What `guess` and `reveal` say of a reader's guess, said by the page in the same words.
//
// course_lib/checks/predictions.py is what this follows, with its rules and words from
// course.answers; a test holds the two together over many guesses.
(() => {
  'use strict';
  const course = (window.course ??= {});

  const BLANKS = ['', '...', '…'];
  // What Python parts words at.
  const BLANK = new RegExp(String.raw`[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+`);
  const DIGITS = String.raw`\d(?:_?\d)*`;
  const NUMBER = new RegExp(
    String.raw`^[+-]?(?:(?:${DIGITS}\.?(?:${DIGITS})?|\.${DIGITS})(?:e[+-]?${DIGITS})?|inf(?:inity)?|nan)$`,
    'i',
  );

  const PARTED = /^[+-]?[1-9]\d{0,2}( \d{3})+([.,]\d*)?(e[+-]?\d+)?$/i; // 10 000
  const THOUSANDS = /^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?(e[+-]?\d+)?$/i; // 1,000,000
  const UNCLEAR = /^[+-]?[1-9]\d{0,2},\d{3}(e[+-]?\d+)?$/i; // 1,386: 1386 to some, 1.386 to others

  const POWER = /^([+-]?)10(?:\^|\*\*)([+-]?\d+)$/; // 10^18
  // 40 %, 310 nats, 18 of 20, 3 of 30 rounds
  const UNIT = /( ?%| (nats?|percent|per cent|times|draws|pairs|steps|rounds|(of|in) [0-9]+( rounds)?))$/i;

  /** A number's digits without its unit, a power of ten as Python writes it. */
  const bare = words => words.replaceAll('−', '-').replace(UNIT, '')
    .replace(POWER, (_, sign, power) => `${sign}1e${power}`);

  /** A number without what parts its thousands; any other comma stands for the point. */
  function pointed(plain) {
    const whole = PARTED.test(plain) ? plain.replaceAll(' ', '') : plain;
    return whole.replaceAll(',', THOUSANDS.test(whole) ? '' : '.');
  }

  /**
   * What a reader thinks will come: nothing yet, a number, a word, a number that may mean two, or
   * what is neither.
   * @param {string} text as typed
   * @param {number} longest letters of a word
   * @returns {{blank?: true, number?: number, word?: string, unclear?: string}}
   */
  course.readGuess = (text, longest) => {
    const words = text.split(BLANK).filter(Boolean).join(' ');
    if (BLANKS.includes(words)) return { blank: true };
    if (Array.from(words).length > longest) return {};
    if (UNCLEAR.test(bare(words))) return { unclear: words };
    const plain = pointed(bare(words));
    if (!NUMBER.test(plain)) return { word: words };
    const value = numberOf(plain);
    return Number.isNaN(value) ? {} : { number: value };
  };

  function numberOf(plain) {
    const value = plain.replaceAll('_', '').toLowerCase();
    if (value.includes('n')) return Number(value.replace(/inf(?:inity)?/, 'Infinity').replace('nan', 'NaN'));
    return Number(value);
  }

  /**
   * What `guess` prints.
   * @param {object} tables course.answers
   * @param {string} which the guess's name
   * @param {string} text as typed
   * @param {string} language
   * @returns {string}
   */
  course.noted = (tables, which, text, language) => {
    const say = course.sayer(tables, language);
    const guess = course.readGuess(text, tables.guesses.longest);
    if (guess.blank) return say('no guess', { which });
    if (guess.unclear) return say('unclear guess', { which, given: guess.unclear });
    const known = guess.word !== undefined || guess.number !== undefined;
    return known ? say('noted', { which, given: written(guess) })
      : say('no such guess', { which, given: course.inPython.shown(text) });
  };

  /**
   * What `reveal` prints.
   * @param {object} tables course.answers
   * @param {{guess: string, truth: string, unit: string, kind: string}} answer as the page has it
   * @param {string} text what the reader typed
   * @param {string} language
   * @returns {string}
   */
  course.revealed = (tables, answer, text, language) => {
    const say = course.sayer(tables, language);
    const guess = course.readGuess(text, tables.guesses.longest);
    const truth = answer.kind === 'number' ? { number: numberOf(answer.truth.replaceAll('−', '-')) }
      : { word: answer.truth };
    const which = answer.guess;
    const told = `${written(truth)} ${answer.unit}`.trimEnd();
    if (guess.word === undefined && guess.number === undefined) return `${which}: ${told}`;
    const given = written(guess);
    if (guess.number !== undefined && truth.number !== undefined) {
      const distance = inWords(guess.number, truth.number, tables, language);
      return say('you said', { which, given, truth: say('told', { truth: told, distance }) });
    }
    const same = guess.word !== undefined && plain(guess.word) === plain(truth.word ?? '');
    return same ? say('guessed', { which, truth: told }) : say('you said', { which, given, truth: told });
  };

  const significant = (...all) => course.inPython.significant(...all);
  const written = ({ number, word }) => word ?? significant(number);
  const plain = word => word.replace(/^[ .]+|[ .]+$/g, '').toLowerCase();

  /** How far a guess is off. */
  function inWords(given, truth, tables, language) {
    const say = course.sayer(tables, language);
    if (!Number.isFinite(given) || !Number.isFinite(truth)) {
      return say(given === truth ? 'exactly' : 'infinitely far');
    }
    if (significant(given) === significant(truth) || roundsTo(given, truth)) return say('exactly');
    if (given === 0 || truth === 0 || given > 0 !== truth > 0) {
      const other = given && truth ? say('other sign') : '';
      return `${other} ${say('off by', { size: significant(Math.abs(given - truth)) })}`.trim();
    }
    const decades = Math.abs(Math.log10(Math.abs(given)) - Math.log10(Math.abs(truth)));
    if (decades < Math.log10(tables.guesses.near)) {
      return say('off by', { size: perCent(100 * Math.abs(given / truth - 1)) });
    }
    const way = given > truth ? 'too high' : 'too low';
    return say(way, { size: size(decades, say, (tables.words[language] ?? tables.words.en).counts) });
  }

  /** Whether a guess is the truth, which was rounded before it was told. */
  function roundsTo(given, truth) {
    const shown = significant(truth);
    const decimals = /\.(\d+)$/.exec(shown);
    const several = shown.replace(/^[−0.]+/, '').replace('.', '').length > 1;
    return several && decimals !== null && Math.abs(given - truth) <= 0.5 / 10 ** decimals[1].length;
  }

  function perCent(percent) {
    const digits = percent >= 1 ? rounded(percent) : significant(percent, 1).replaceAll('−', '-');
    return `${digits} %`;
  }

  function size(decades, say, counts) {
    if (decades < 1) return say('a factor', { factor: significant(10 ** decades, 2) });
    const orders = rounded(decades);
    if (orders === 1) return say('one order');
    return say('orders', { count: counts[orders] ?? orders });
  }

  /** To a whole number; what is half way goes to the even one, as in Python. */
  function rounded(value) {
    const below = Math.floor(value);
    const half = value - below === 0.5;
    return half ? below + (below % 2) : Math.round(value);
  }
})();
