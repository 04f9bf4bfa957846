// Fields for an answer that is chosen: a button or a box for each option, a list for each blank.
(() => {
  'use strict';
  const course = (window.course ??= {});
  const { make } = course;

  /**
   * The fields of an exercise whose answer is chosen, as one group.
   * @param {HTMLFormElement} form
   * @param {object} table of course.answers
   * @param {Object<string, string>} about what all fields have
   * @returns {{group: HTMLElement, chosen: () => string[]}}
   */
  course.choiceFields = (form, table, about) =>
    (table.kind === 'blanks' ? blanks(form, table, about) : options(form, table, about));

  /** One of the options, or all that hold. */
  function options(form, table, about) {
    const name = form.dataset.exercise;
    const several = table.right.length > 1;
    const fields = table.options.map((value, i) => make('input', {
      ...about, type: several ? 'checkbox' : 'radio', name: `exercise-${name}`, value, id: `exercise-${name}-${i + 1}`,
    }));
    const rows = fields.map(field =>
      make('label', { class: 'exercise-option', for: field.id }, field, make('span', {}, field.value)));
    const key = several ? 'exercise.choose.several' : 'exercise.choose';
    const legend = make('legend', {}, course.phrase(form, key, { name }));
    return {
      group: make('fieldset', {}, legend, ...rows),
      chosen: () => fields.filter(field => field.checked).map(field => field.value),
    };
  }

  /** A word for each blank. */
  function blanks(form, table, about) {
    const name = form.dataset.exercise;
    const count = table.blanks.length;
    const fields = table.blanks.map(blank => make('select', { ...about },
      make('option', { value: '' }, '…'),
      ...blank.options.map(word => make('option', { value: word }, word))));
    const rows = fields.map((field, i) => {
      field.id = `exercise-${name}-${i + 1}`;
      const label = course.phrase(form, 'exercise.blank', { place: i + 1 });
      return make('span', { class: 'exercise-field' }, make('label', { for: field.id }, label), field);
    });
    const legend = make('legend', {}, course.phrase(form, 'exercise.blanks', { name, count }));
    const row = make('div', { class: 'exercise-row' }, ...rows);
    return { group: make('fieldset', {}, legend, row), chosen: () => fields.map(field => field.value) };
  }
})();
