// The controls of an explorer: the browser's own sliders, lists, buttons and check boxes.
//
// Each stands at one of the recorded stops, counted from 0, and speaks the stop's text.
(() => {
  'use strict';
  const course = (window.course ??= {});
  const { make } = course;
  const MOST_BUTTONS = 5; // more choices than these drop down from a list, as in the notebook
  let made = 0; // so that no two share an id

  /**
   * @typedef {object} Control as a recording describes it
   * @property {string} name
   * @property {string} label
   * @property {'slider' | 'steps' | 'choice' | 'toggle'} kind
   * @property {string[]} shown the text of each recorded stop
   * @property {number} start
   * @property {number} of how many positions it has in the notebook
   *
   * @typedef {object} Mover a control in the page
   * @property {HTMLElement} element the whole row
   * @property {() => number} stop where it stands
   * @property {(stop: number) => void} set moves it there
   * @property {(idle: boolean) => void} rest greys it out, or takes that back
   */

  /** A slider over the stops. Arrow keys, Home, End, Page Up and Page Down are the browser's. */
  function slider(/** @type {Control} */ control, /** @type {string} */ id) {
    const last = String(control.shown.length - 1);
    const input = make('input', { type: 'range', id, min: '0', max: last, step: '1' });
    const value = make('span', { class: 'explorer-value', 'aria-hidden': 'true' });
    const tell = () => {
      const text = control.shown[input.valueAsNumber];
      input.setAttribute('aria-valuetext', text);
      value.textContent = text;
    };
    input.addEventListener('input', tell);
    return {
      parts: [make('label', { for: id, class: 'explorer-label' }, control.label), input, value],
      field: input,
      stop: () => input.valueAsNumber,
      set: (/** @type {number} */ stop) => { input.value = String(stop); tell(); },
      disable: (/** @type {boolean} */ off) => { input.disabled = off; },
    };
  }

  /** A row of buttons, of which one is on. */
  function buttons(/** @type {Control} */ control, /** @type {string} */ id) {
    const inputs = control.shown.map((_, stop) =>
      make('input', { type: 'radio', name: id, value: String(stop) }));
    const options = control.shown.map((text, stop) =>
      make('label', { class: 'explorer-option' }, inputs[stop], make('span', {}, text)));
    const name = make('span', { class: 'explorer-label', id: `${id}-label` }, control.label);
    const about = { class: 'explorer-options', role: 'radiogroup', 'aria-labelledby': name.id };
    const group = make('div', about, ...options);
    return {
      parts: [name, group],
      field: group,
      stop: () => inputs.findIndex(input => input.checked),
      set: (/** @type {number} */ stop) => { inputs[stop].checked = true; },
      disable: (/** @type {boolean} */ off) => {
        for (const input of inputs) input.disabled = off;
        group.setAttribute('aria-disabled', String(off));
      },
    };
  }

  /** A list that drops down. */
  function list(/** @type {Control} */ control, /** @type {string} */ id) {
    const options = control.shown.map(text => make('option', {}, text));
    const select = make('select', { id }, ...options);
    return {
      parts: [make('label', { for: id, class: 'explorer-label' }, control.label), select],
      field: select,
      stop: () => select.selectedIndex,
      set: (/** @type {number} */ stop) => { select.selectedIndex = stop; },
      disable: (/** @type {boolean} */ off) => { select.disabled = off; },
    };
  }

  /** A check box: off is stop 0, on is stop 1. */
  function box(/** @type {Control} */ control, /** @type {string} */ id) {
    const input = make('input', { type: 'checkbox', id });
    return {
      parts: [make('label', { for: id, class: 'explorer-label' }, control.label), input],
      field: input,
      stop: () => Number(input.checked),
      set: (/** @type {number} */ stop) => { input.checked = stop === 1; },
      disable: (/** @type {boolean} */ off) => { input.disabled = off; },
    };
  }

  /** Which of the four shows a control. */
  function kindOf(/** @type {Control} */ control) {
    if (control.kind === 'toggle') return box;
    if (control.kind !== 'choice') return slider;
    return control.shown.length <= MOST_BUTTONS ? buttons : list;
  }

  /**
   * A control in the page.
   * @param {Control} control
   * @param {string} reason why it is greyed out, when it is
   * @param {() => void} moved called when the reader has moved it
   * @returns {Mover}
   */
  function mover(control, reason, moved) {
    const id = `explorer-control-${(made += 1)}`;
    const { parts, field, stop, set, disable } = kindOf(control)(control, id);
    const note = make('span', { class: 'explorer-idle', id: `${id}-idle`, hidden: '' }, reason);
    const [label, ...others] = parts;
    const words = make('div', { class: 'explorer-words' }, label, note);
    const about = { class: 'explorer-control', 'data-field': kindOf(control).name };
    const element = make('div', about, words, ...others);
    element.addEventListener('input', moved);
    const rest = (/** @type {boolean} */ idle) => {
      if (note.hidden !== idle) return;
      note.hidden = !idle;
      disable(idle);
      if (idle) field.setAttribute('aria-describedby', note.id);
      else field.removeAttribute('aria-describedby');
    };
    return { element, stop, set, rest };
  }

  course.controlOf = mover;
})();
