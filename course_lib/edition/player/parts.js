// What stands in a live explorer's figure, from the top down: title and Reset, controls, picture,
// sentence, numbers. The stored picture and sentence stay in the page: for print, and for when
// something fails.
(() => {
  'use strict';
  const course = (window.course ??= {});
  const { make, controlOf } = course;
  const TINY = 9; // numbers below 10 to the minus this are called zero
  let figures = 0; // so that no two share an id

  /**
   * Puts the stored picture into a box of its own, which scrolls where the screen is narrow.
   * @param {HTMLElement} figure
   */
  function frame(figure) {
    const image = figure.querySelector('img');
    const box = make('div', { class: 'explorer-picture' });
    image.replaceWith(box);
    box.append(image);
    const sentence = figure.querySelector('figcaption');
    sentence.replaceChildren(make('span', { class: 'explorer-stored' }, ...sentence.childNodes));
    const mark = () => course.markScrolling(box, course.phrase(figure, 'explorer.picture'));
    box.addEventListener('scroll', mark, { passive: true });
    course.whenResized(box, mark);
    mark();
  }

  /** How many of the notebook's positions the recording has, in words. */
  function stops(/** @type {HTMLElement} */ figure, /** @type {any[]} */ controls) {
    const product = (/** @type {number[]} */ counts) => counts.reduce((a, b) => a * b, 1);
    const recorded = product(controls.map(control => control.shown.length));
    const all = product(controls.map(control => control.of));
    const key = recorded === all ? 'explorer.every' : 'explorer.stops';
    return make('p', { class: 'explorer-stops' }, course.phrase(figure, key, { recorded, all }));
  }

  /** A number as a reader writes it: 1.2 × 10⁻⁷ for 1.2e−07, ≈ 0 for what is mere rounding. */
  function written(/** @type {string} */ text) {
    const [mantissa, power] = text.split('e');
    if (power === undefined) return text.replace('inf', '∞');
    const [sign, size] = [power[0], Number(power.slice(1))];
    if (sign === '−' && size > TINY) return '≈ 0';
    const raised = String(size).replace(/\d/g, digit => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]);
    return `${mantissa} × 10${sign === '−' ? '⁻' : ''}${raised}`;
  }

  /** What a number is, in words; its own name where the catalogue has none. */
  function nameOf(/** @type {HTMLElement} */ figure, /** @type {string} */ name) {
    const key = `number.${figure.dataset.explorer}.${name}`;
    return course.hasPhrase(figure, key) ? course.phrase(figure, key) : name;
  }

  /** The numbers of the picture, in a table that is filled while it is open. */
  function numbersOf(/** @type {HTMLElement} */ figure) {
    const say = (/** @type {string} */ key) => course.phrase(figure, key);
    const head = make('tr', {}, ...['explorer.number', 'explorer.value'].map(key =>
      make('th', { scope: 'col' }, say(key))));
    const body = make('tbody');
    const table = make('table', {}, make('thead', {}, head), body);
    const summary = make('summary', {}, say('explorer.numbers'));
    const element = make('details', { class: 'explorer-numbers' }, summary, table);
    let latest = /** @type {[string, string][]} */ ([]);
    const fill = () => {
      if (!element.open) return;
      body.replaceChildren(...latest.map(([name, text]) =>
        make('tr', {},
          make('th', { scope: 'row' }, nameOf(figure, name)), make('td', {}, written(text)))));
    };
    element.addEventListener('toggle', fill);
    const show = (/** @type {[string, string][]} */ numbers) => { latest = numbers; fill(); };
    return { element, show };
  }

  /** Title and Reset. */
  function headOf(figure, recording, id, reset) {
    const title = make('p', { class: 'explorer-title', id: `${id}-title` }, recording.title);
    const button = make('button', { type: 'button', class: 'explorer-reset' },
      course.phrase(figure, 'explorer.reset'));
    button.title = course.phrase(figure, 'explorer.reset.about');
    button.addEventListener('click', reset);
    return make('div', { class: 'explorer-head explorer-live' }, title, button);
  }

  /** The canvas, as wide as its box; the screen gives it its form. */
  function canvasOf(id) {
    const about = { class: 'explorer-live', role: 'img', 'aria-labelledby': `${id}-sentence ${id}-problem` };
    const canvas = make('canvas', about);
    canvas.width = 0; // nothing is drawn before it has its size
    return canvas;
  }

  /**
   * Builds the live parts into a figure that `frame` has prepared.
   * @param {HTMLElement} figure
   * @param {any} recording
   * @param {{moved: () => void, reset: () => void}} told
   */
  function build(figure, recording, told) {
    const id = `explorer-${(figures += 1)}`;
    const reason = course.phrase(figure, 'explorer.idle');
    const movers = recording.controls.map(control => controlOf(control, reason, told.moved));
    const head = headOf(figure, recording, id, told.reset);
    const about = { class: 'explorer-controls explorer-live', role: 'group' };
    const controls = make('div', { ...about, 'aria-labelledby': `${id}-title` },
      ...movers.map(one => one.element));
    // Room for the longest value: no slider stirs, and all are of one length.
    const sliders = recording.controls.filter(one => ['slider', 'steps'].includes(one.kind));
    const widest = Math.max(0, ...sliders.flatMap(one => one.shown.map(text => text.length)));
    controls.style.setProperty('--explorer-value', `${widest}ch`);
    const canvas = canvasOf(id);
    const sentence = make('span', { id: `${id}-sentence` });
    const longest = { class: 'explorer-said explorer-live', 'data-longest': recording.longest() };
    const problem = make('span', { class: 'explorer-live', id: `${id}-problem`, role: 'alert' });
    const spoken = make('p', { class: 'explorer-spoken explorer-live', role: 'status' });
    const numbers = numbersOf(figure);
    const foot = make('div', { class: 'explorer-foot explorer-live' },
      numbers.element, stops(figure, recording.controls));
    figure.prepend(head, controls);
    figure.querySelector('.explorer-picture').append(canvas);
    figure.querySelector('figcaption').append(make('span', longest, sentence), problem);
    figure.querySelector('figcaption').after(spoken, foot);
    return { canvas, movers, sentence, problem, spoken, numbers };
  }

  /** Takes the live parts away. */
  function remove(/** @type {HTMLElement} */ figure) {
    for (const part of figure.querySelectorAll('.explorer-live')) part.remove();
    delete figure.dataset.narrow;
  }

  course.explorerParts = { frame, build, remove };
})();
