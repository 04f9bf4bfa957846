// A reader's guesses: a field under each question of a list, and beside each answer in the text how
// near the guess was.
//
//     <ul class="guesses"><li data-guess="4.1"><span class="guess-question">…</span></li></ul>
//     <pre class="printed reveal" data-guess="4.1" data-truth="1.04347" data-unit="nats"
//         data-kind="number">4.1: 1.04347 nats</pre>
(() => {
  'use strict';
  const course = (window.course ??= {});
  const { make } = course;

  /**
   * Fills the places named above, and keeps them true.
   * @param {ParentNode} root
   */
  course.mountGuesses = root => {
    if (!course.answers) return;
    const shows = [
      ...[...root.querySelectorAll('.guesses > [data-guess]')].map(asked),
      ...[...root.querySelectorAll('.reveal[data-guess]')].map(answered),
    ];
    const show = () => shows.forEach(one => one());
    course.progress.whenChanged(show);
    show();
  };

  const languageOf = node => node.closest('[lang]')?.lang.split('-')[0] ?? 'en';

  /** A field under a question, and what becomes of what is typed. @returns {() => void} */
  function asked(item) {
    const { guess } = item.dataset;
    const said = make('output', { class: 'guess-said' });
    const field = fieldFor(item, guess);
    describe(field, item.querySelector('.guess-question'), guess);
    field.addEventListener('input', () => {
      said.textContent = '';
      course.progress.remember(guess, field.value);
    });
    field.addEventListener('change', () => {
      said.textContent = course.noted(course.answers, guess, field.value, languageOf(item));
    });
    const form = make('form', { class: 'guess-form' }, field, said);
    form.addEventListener('submit', event => event.preventDefault()); // Enter leaves no page
    item.append(form);
    return () => {
      if (document.activeElement !== field) field.value = course.progress.guess(guess);
    };
  }

  const fieldFor = (item, guess) => make('input', {
    class: 'guess',
    type: 'text',
    id: `guess-${guess}`,
    autocomplete: 'off',
    spellcheck: 'false',
    enterkeyhint: 'done',
    placeholder: course.phrase(item, 'guess.label'),
    'aria-label': course.phrase(item, 'guess.number', { name: guess }),
  });

  /** The question is read with the field. */
  function describe(field, question, guess) {
    question.id ||= `guess-${guess}-question`;
    field.setAttribute('aria-describedby', question.id);
  }

  /** An answer, with the guess beside it once there is one. @returns {() => void} */
  function answered(line) {
    const { guess } = line.dataset;
    return () => {
      const text = course.progress.guess(guess);
      line.textContent = course.revealed(course.answers, line.dataset, text, languageOf(line));
    };
  }
})();
