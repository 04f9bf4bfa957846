// The exercises of a page: fields for an answer that is one number or several, or is chosen, what
// `check` would say of it, and hints in steps. One whose answer is a program, or something to build,
// sends its reader to the notebook.
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
      return ['function', 'design'].includes(table.kind) ? elsewhere(form, table) : here(form, table);
    });
    const show = () => shows.forEach(one => one());
    course.progress.whenChanged(show);
    show();
    openOnPaper(root);
  };

  /** Who prints the page has all on paper, where nothing unfolds; folded code is left out. */
  function openOnPaper(root) {
    const folds = 'main details:not(.fold, .explorer-numbers, [open])';
    let opened = [];
    window.addEventListener('beforeprint', () => {
      opened = [...root.querySelectorAll(folds)];
      for (const fold of opened) fold.open = true;
    });
    window.addEventListener('afterprint', () => {
      for (const fold of opened) fold.open = false;
    });
  }

  /** One line how to get the notebook, and a button for who has solved it there. */
  function elsewhere(form, table) {
    const name = form.dataset.exercise;
    const [chapter] = name.split('.');
    const button = course.pressed(course.phrase(form, 'exercise.by.hand', { name }), is =>
      course.progress.solve(name, is));
    const key = table.kind === 'design' ? 'exercise.design' : 'exercise.function';
    const text = course.phrase(form, key, { name, chapter });
    const hints = hinted(form);
    const row = make('div', { class: 'exercise-row' }, button.element, ...hints.buttons);
    form.replaceChildren(make('p', {}, text), row, ...hints.places);
    return () => button.show(course.progress.isSolved(name));
  }

  /** Fields, a button, and the verdict, which is read aloud when it comes. */
  function here(form, table) {
    const name = form.dataset.exercise;
    const id = `exercise-${name}`;
    const said = make('output', { class: 'exercise-said', id: `${id}-said` });
    const solved = make('span', { class: 'exercise-solved' });
    const check = make('button', { type: 'submit' }, course.phrase(form, 'exercise.check'));
    const hints = hinted(form);
    const buttons = [check, ...hints.buttons, solved];
    const fields = table.kind === 'numbers' ? numbers(form, table, said, buttons)
      : chosen(form, table, said, buttons);
    form.replaceChildren(...fields.parts, said, ...hints.places);
    form.addEventListener('submit', () => answer(form, fields.given(), said));
    return () => {
      const mark = `✓ ${course.phrase(form, 'exercise.solved')}`;
      solved.textContent = course.progress.isSolved(name) ? mark : '';
    };
  }

  /** A field for each number, in a row with the buttons; and what may be typed. */
  function numbers(form, table, said, buttons) {
    const id = `exercise-${form.dataset.exercise}`;
    const help = make('p', { class: 'exercise-help', id: `${id}-help` });
    help.textContent = course.phrase(form, 'exercise.help');
    const fields = table.exact.map((_, i) => field(`${id}-${i + 1}`, [help.id, said.id]));
    const row = make('div', { class: 'exercise-row' }, ...labelled(form, fields), ...buttons);
    return { parts: [group(form, fields, row), help], given: () => fields.map(one => one.value) };
  }

  /** What there is to choose from, with the buttons beneath. */
  function chosen(form, table, said, buttons) {
    const fields = course.choiceFields(form, table, { 'aria-describedby': said.id });
    const row = make('div', { class: 'exercise-row' }, ...buttons);
    return { parts: [fields.group, row], given: fields.chosen };
  }

  /** A button for the next hint, and the place where the hints appear, in the notebook's words. */
  function hinted(form) {
    const name = form.dataset.exercise;
    const { hints, language } = { ...wordsFor(form).exercises[name], ...wordsFor(form) };
    const said = make('div', { class: 'exercise-hints', role: 'status', lang: language });
    const count = hints.length;
    const button = make('button', { type: 'button' });
    const label = step => course.phrase(form, 'exercise.hint', { step, count });
    button.textContent = label(1);
    button.addEventListener('click', () => {
      const step = said.childElementCount + 1;
      const gaps = { which: name, step, count, hint: hints[step - 1] };
      said.append(make('p', { tabindex: '-1' }, course.sayer(course.answers, language)('hint', gaps)));
      if (step < count) button.textContent = label(step + 1);
      else said.lastElementChild.focus(); // what had the focus goes
      button.hidden = step === count;
    });
    return count ? { buttons: [button], places: [said] } : { buttons: [], places: [] };
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
    const { names } = wordsFor(form).exercises[form.dataset.exercise];
    return fields.map((one, i) => {
      const text = names[i] ?? course.phrase(form, 'exercise.number', { place: i + 1 });
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

  /** Judges an answer, says what it was and what becomes of it, and remembers a right one. */
  function answer(form, texts, said) {
    const name = form.dataset.exercise;
    const { language } = wordsFor(form);
    const problem = unread(form, texts);
    if (problem) {
      said.lang = form.closest('[lang]')?.lang ?? '';
      said.textContent = problem;
      said.dataset.verdict = 'wrong';
      return;
    }
    const { accepted, message } = course.judge(course.answers, name, texts, language);
    said.lang = language;
    said.dataset.verdict = accepted ? 'right' : 'wrong';
    const echo = make('span', { class: 'exercise-echo' }, echoed(form, texts, accepted));
    said.replaceChildren(...(echo.textContent ? [echo, ' '] : []), message);
    if (accepted) course.progress.solve(name);
  }

  /** Why a number cannot be read, or nothing. */
  function unread(form, texts) {
    const name = form.dataset.exercise;
    if (course.answers.exercises[name].kind !== 'numbers') return '';
    const { unit } = wordsFor(form).exercises[name];
    const stops = texts.map(text => ({ text, ...course.read(text, unit) }))
      .find(({ value }) => value === undefined);
    if (!stops?.problem) return '';
    const given = stops.text.trim();
    return course.phrase(form, stops.problem, { name, given, unit, part: stops.part });
  }

  /** What was answered; and where a right answer came before, that this one is not it. */
  function echoed(form, texts, accepted) {
    const name = form.dataset.exercise;
    const given = texts.map(text => text.trim()).filter(Boolean).join('; ');
    if (!given) return '';
    const before = !accepted && course.progress.isSolved(name);
    const said = course.phrase(form, 'exercise.said', { given });
    return before ? `${said} ${course.phrase(form, 'exercise.solved.before')}` : said;
  }

  /** The tables' words in the language of the form, in English where they have none. */
  function wordsFor(form) {
    const wanted = form.closest('[lang]')?.lang.split('-')[0];
    const language = wanted in course.answers.words ? wanted : 'en';
    return { language, ...course.answers.words[language] };
  }
})();
