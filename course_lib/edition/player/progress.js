// What a reader has done, remembered in the browser: exercises solved, chapters read, guesses.
//
// One entry of localStorage, course-lib/progress, holds {"version": 1, "solved": ["4.b"],
// "read": ["4"], "guesses": {"4.1": "about 3"}}. What cannot be read there is moved aside, to
// course-lib/progress/aside. Where nothing can be stored, all else works until the page is left.
(() => {
  'use strict';
  const course = (window.course ??= {});
  const KEY = 'course-lib/progress';
  const ASIDE = `${KEY}/aside`;
  const VERSION = 1;
  const listeners = new Set();
  let problem = ''; // a key of course.words, or nothing
  let loose = ''; // what a file had aside, where nothing can be stored
  let stored = true; // false once the browser refused: then this page alone remembers

  /**
   * @typedef {object} State
   * @property {Set<string>} solved names of exercises
   * @property {Set<string>} read numbers of chapters
   * @property {Map<string, string>} guesses by name, such as 4.1
   * @property {string} [aside] of a file: what could not be read where it was saved
   */

  /** @returns {State} */
  const empty = () => ({ solved: new Set(), read: new Set(), guesses: new Map() });

  /**
   * The state that a text holds.
   * @param {string} text
   * @returns {State}
   * @throws {Error} whose message is "newer" or "unreadable"
   */
  function parsed(text) {
    let found;
    try {
      found = JSON.parse(text);
    } catch {
      throw new Error('unreadable');
    }
    if (found?.version > VERSION) throw new Error('newer');
    const texts = list => Array.isArray(list) && list.every(entry => typeof entry === 'string');
    const guesses = found?.guesses;
    const sound = found?.version === VERSION && texts(found.solved) && texts(found.read) &&
      guesses && typeof guesses === 'object' && texts(Object.values(guesses));
    if (!sound) throw new Error('unreadable');
    return {
      solved: new Set(found.solved),
      read: new Set(found.read),
      guesses: new Map(Object.entries(guesses)),
      aside: typeof found.aside === 'string' ? found.aside : '',
    };
  }

  /** The state as JSON holds it. */
  const plain = from => ({
    version: VERSION,
    solved: [...from.solved].sort(),
    read: [...from.read].sort(),
    guesses: Object.fromEntries(from.guesses),
  });

  /** What the browser remembers; null where it does not let us know. */
  function load() {
    try {
      const text = localStorage.getItem(KEY);
      const found = text === null ? empty() : parsedOrAside(text);
      problem = localStorage.getItem(ASIDE) === null ? '' : 'progress.aside';
      return found;
    } catch (error) {
      stored = false;
      problem = error.message === 'newer' ? 'progress.newer' : 'progress.refused';
      return null;
    }
  }

  /** What is kept aside with this text; what is there already is not added again. */
  function withAside(text) {
    const kept = localStorage.getItem(ASIDE) ?? '';
    if (`\n${kept}\n`.includes(`\n${text}\n`)) return kept;
    return [kept, text].filter(Boolean).join('\n');
  }

  /** Keeps aside what a file had there; where nothing can be stored, until the page is left. */
  function keepAside(text) {
    if (!stored) {
      loose = [loose, text].filter(Boolean).join('\n');
      return;
    }
    const aside = withAside(text);
    try {
      localStorage.setItem(ASIDE, aside);
    } catch {
      stored = false;
      problem = 'progress.refused';
      loose = aside;
    }
  }

  function parsedOrAside(text) {
    try {
      return parsed(text);
    } catch (error) {
      if (error.message === 'newer') throw error;
      localStorage.setItem(ASIDE, withAside(text));
      localStorage.removeItem(KEY);
      return empty();
    }
  }

  /** Takes what the browser remembers; once it refuses to say, what is known here stays. */
  function refresh() {
    if (stored) state = load() ?? state;
  }

  /** Changes the state as it is now, in whatever tab it was changed last, and tells all. */
  function change(edit) {
    refresh();
    edit(state);
    try {
      if (stored) localStorage.setItem(KEY, JSON.stringify(plain(state)));
    } catch {
      stored = false;
      problem = 'progress.refused';
    }
    tell();
  }

  let state = load() ?? empty();

  function tell() {
    for (const listener of listeners) listener();
  }

  function again() {
    if (!stored) return;
    refresh();
    tell();
  }
  window.addEventListener('storage', event => {
    if (event.key === null || event.key.startsWith(KEY)) again();
  });
  // A busy browser may lose that event; whoever comes back to this page sees what is true.
  window.addEventListener('focus', again);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) again(); });
  window.addEventListener('pageshow', event => {
    if (event.persisted) again(); // back in history: this page slept while others wrote
  });

  const put = (set, entry, is) => (is ? set.add(entry) : set.delete(entry));

  course.progress = {
    /** @param {string} name */
    isSolved: name => state.solved.has(name),
    /** @param {string} name @param {boolean} [is] */
    solve: (name, is = true) => change(now => put(now.solved, name, is)),
    /** @param {string} chapter its number */
    isRead: chapter => state.read.has(chapter),
    /** @param {string} chapter @param {boolean} [is] */
    read: (chapter, is = true) => change(now => put(now.read, chapter, is)),
    /** @param {string} name such as 4.1 */
    guess: name => state.guesses.get(name) ?? '',
    /** @param {string} name @param {string} text */
    remember: (name, text) =>
      change(now => (text.trim() ? now.guesses.set(name, text) : now.guesses.delete(name))),

    /** Calls back after every change, here or in another tab. @param {() => void} listener */
    whenChanged: listener => listeners.add(listener),
    /** Why something is not remembered: a key of course.words, or nothing. */
    problem: () => problem,

    /** All of it as the text of a file, with what could not be read. @returns {string} */
    exported() {
      const aside = stored ? localStorage.getItem(ASIDE) : loose;
      return `${JSON.stringify({ ...plain(state), ...(aside && { aside }) }, null, 2)}\n`;
    },

    /**
     * Adds what an exported text holds, also what was kept aside; what is here already stays.
     * @param {string} text
     * @returns {{added: number, aside: boolean}} how many entries are new; whether some could not
     *   be read where the text was saved
     * @throws {Error} whose message is "newer" or "unreadable"
     */
    imported(text) {
      const found = parsed(text);
      if (found.aside) keepAside(found.aside);
      const size = () => state.solved.size + state.read.size + state.guesses.size;
      let before = 0;
      change(now => {
        before = now.solved.size + now.read.size + now.guesses.size;
        for (const name of found.solved) now.solved.add(name);
        for (const chapter of found.read) now.read.add(chapter);
        for (const [name, guess] of found.guesses) {
          if (!now.guesses.has(name)) now.guesses.set(name, guess);
        }
      });
      return { added: size() - before, aside: Boolean(found.aside) };
    },

    /** Forgets everything, also what was kept aside. */
    clear() {
      if (stored) localStorage.removeItem(ASIDE);
      loose = '';
      change(now => Object.assign(now, empty()));
    },
  };
})();
