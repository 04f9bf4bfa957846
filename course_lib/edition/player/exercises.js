// The exercises of a page: fields for an answer that is one number or several, and what `check`
// would say of it. One whose answer is a program sends its reader to the notebook.
//
//     <form class="exercise" data-exercise="4.b"></form>
//
// course.answers holds the tables (course_lib/edition/answers.py).
(() => {
  'use strict';
  const course = (window.course ??= {});
  const { make } = course;

  /**
   * Fills every form of an exercise.
   * @param {ParentNode} root
   */
  course.mountExercises = root => {
    const shows = [...root.querySelectorAll('form.exercise')].map(form => {
      const table = course.answers?.exercises[form.dataset.exercise];
      form.addEventListener('submit', event => event.preventDefault()); // Enter leaves no page
      if (!table) return () => {};
      return table.kind === 'numbers' ? numbers(form, table) : program(form);
    });
    const show = () => shows.forEach(one => one());
    course.progress.whenChanged(show);
    show();
    openOnPaper(root);
  };

  /** Who prints the page has the solutions on paper, where nothing unfolds. */
  function openOnPaper(root) {
    let opened = [];
    window.addEventListener('beforeprint', () => {
      opened = [...root.querySelectorAll('section.exercises details:not(.fold):not([open])')];
      for (const fold of opened) fold.open = true;
    });
    window.addEventListener('afterprint', () => {
      for (const fold of opened) fold.open = false;
    });
  }

  /** One line how to get the notebook, and a button for who has solved it there. */
  function program(form) {
    const name = form.dataset.exercise;
    const [chapter] = name.split('.');
    const button = course.pressed(course.phrase(form, 'exercise.by.hand', { name }), is =>
      course.progress.solve(name, is));
    const text = course.phrase(form, 'exercise.function', { name, chapter });
    form.replaceChildren(make('p', {}, text), button.element);
    return () => button.show(course.progress.isSolved(name));
  }

  /** A field for each number, a button, and the verdict, which is read aloud when it comes. */
  function numbers(form, table) {
    const name = form.dataset.exercise;
    const id = `exercise-${name}`;
    const help = make('p', { class: 'exercise-help', id: `${id}-help` });
    help.textContent = course.phrase(form, 'exercise.help');
    const said = make('output', { class: 'exercise-said', id: `${id}-said` });
    const solved = make('span', { class: 'exercise-solved' });
    const check = make('button', { type: 'submit' }, course.phrase(form, 'exercise.check'));
    const fields = table.exact.map((_, i) => field(`${id}-${i + 1}`, [help.id, said.id]));
    const row = make('div', { class: 'exercise-row' }, ...labelled(form, fields), check, solved);
    form.replaceChildren(group(form, fields, row), help, said);
    form.addEventListener('submit', () => answer(form, fields, said));
    return () => {
      const mark = `✓ ${course.phrase(form, 'exercise.solved')}`;
      solved.textContent = course.progress.isSolved(name) ? mark : '';
    };
  }

  function field(id, described) {
    return make('input', {
      id,
      type: 'text', // not "number": that takes no comma, no true minus sign and no fraction
      size: '14',
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: 'false',
      enterkeyhint: 'done',
      'aria-describedby': described.join(' '),
    });
  }

  /** The fields and their labels, in the order in which they are read. */
  function labelled(form, fields) {
    if (fields.length === 1) {
      return [make('label', { for: fields[0].id }, asked(form, 1)), fields[0]];
    }
    return fields.map((one, i) => {
      const text = course.phrase(form, 'exercise.number', { place: i + 1 });
      return make('span', { class: 'exercise-field' }, make('label', { for: one.id }, text), one);
    });
  }

  /** Several fields are a group with a name of its own. */
  function group(form, fields, row) {
    if (fields.length === 1) return row;
    return make('fieldset', {}, make('legend', {}, asked(form, fields.length)), row);
  }

  /** What is asked for: one number or several, and in which unit. */
  function asked(form, count) {
    const name = form.dataset.exercise;
    const { unit } = wordsFor(form).exercises[name];
    const key = count > 1 ? 'exercise.answers' : 'exercise.answer';
    return course.phrase(form, unit ? `${key}.unit` : key, { name, count, unit });
  }

  /** Judges what stands in the fields, says so, and remembers a right answer. */
  function answer(form, fields, said) {
    const name = form.dataset.exercise;
    const texts = fields.map(one => one.value);
    said.lang = wordsFor(form).language;
    const { unit } = wordsFor(form).exercises[name];
    const stops = texts.map(text => ({ text, ...course.read(text, unit) }))
      .find(({ value }) => value === undefined);
    if (stops?.problem) {
      const given = stops.text.trim();
      said.lang = form.closest('[lang]')?.lang ?? '';
      said.textContent = course.phrase(form, stops.problem, { name, given, unit, part: stops.part });
      said.dataset.verdict = 'wrong';
      return;
    }
    const { accepted, message } = course.judge(course.answers, name, texts, said.lang);
    said.textContent = message;
    said.dataset.verdict = accepted ? 'right' : 'wrong';
    if (accepted) course.progress.solve(name);
  }

  /** The tables' words in the language of the form, in English where they have none. */
  function wordsFor(form) {
    const wanted = form.closest('[lang]')?.lang.split('-')[0];
    const language = wanted in course.answers.words ? wanted : 'en';
    return { language, ...course.answers.words[language] };
  }
})();
