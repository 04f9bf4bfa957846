// What the page says, in the language of the place where it says it.
//
// course.words holds for each language its texts by key, {"en": {"explorer.reset": "Reset"}}; a
// script of the page fills it. {name} in a text is a place to fill.
(() => {
  'use strict';
  const course = (window.course ??= {});

  /**
   * The texts of the language that `node` is in.
   * @param {Element} node
   * @returns {Object<string, string>}
   */
  function textsAt(node) {
    const all = course.words ?? {};
    const language = node.closest('[lang]')?.lang ?? '';
    return all[language] ?? all[language.split('-')[0]] ?? all.en ?? {};
  }

  /**
   * The text of a key, its places filled; the key itself where no text is found.
   * @param {Element} node whose language it is to be in
   * @param {string} key
   * @param {Object<string, string | number>} [values] what goes into its places; numbers are
   *   written as the language writes them
   * @returns {string}
   */
  course.phrase = (node, key, values = {}) => {
    const language = node.closest('[lang]')?.lang || 'en';
    const written = value =>
      typeof value === 'number' ? value.toLocaleString(language) : String(value);
    const text = textsAt(node)[key] ?? key;
    return text.replace(/\{(\w+)\}/g, (place, name) =>
      name in values ? written(values[name]) : place);
  };

  /**
   * Whether a key has a text.
   * @param {Element} node
   * @param {string} key
   * @returns {boolean}
   */
  course.hasPhrase = (node, key) => key in textsAt(node);
})();
