// The reader's progress, shown: marks of a chapter, its "read" button, guesses, and what all came
// to on the contents page.
//
//     <p class="progress-mark" data-chapter="4" data-exercises="4.a 4.b 4.c 4.d"></p>
//     <div class="progress-read" data-chapter="4"></div>          a button, for a chapter's end
//     <div class="progress-tools"></div>                         totals; save, load, clear
//     <section data-guesses="4">…<ol><li>…                       a field for each question
(() => {
  'use strict';
  const course = (window.course ??= {});
  const { make } = course;

  /**
   * Fills the places named above, and keeps them true.
   * @param {ParentNode} root
   */
  course.mountProgress = root => {
    const all = selector => [...root.querySelectorAll(selector)];
    const views = [
      ...all('.progress-mark').map(mark),
      ...all('.progress-read').map(readButton),
      ...all('.progress-tools').map(node => tools(node, root)),
      ...all('[data-guesses]').flatMap(guesses),
    ];
    const show = () => views.forEach(view => view());
    course.progress.whenChanged(show);
    show();
  };

  const namesOf = node => (node.dataset.exercises ?? '').split(' ').filter(Boolean);

  /** "3 of 4 exercises solved · ✓ Read" @returns {() => void} what shows it */
  function mark(node) {
    const names = namesOf(node);
    return () => {
      const solved = names.filter(course.progress.isSolved).length;
      const counts = { solved, all: names.length };
      const parts = names.length && solved ? [course.phrase(node, 'progress.exercises', counts)] : [];
      const read = course.progress.isRead(node.dataset.chapter);
      if (read) parts.push(`✓ ${course.phrase(node, 'progress.was.read')}`);
      node.textContent = parts.join(' · ');
      node.classList.toggle('done', read && solved === names.length);
    };
  }

  /** The button, and below it why nothing would be remembered. */
  function readButton(node) {
    const { chapter } = node.dataset;
    const button = course.pressed(course.phrase(node, 'progress.read'), is =>
      course.progress.read(chapter, is));
    const said = make('p', { class: 'progress-said' });
    node.replaceChildren(button.element, said);
    return () => {
      const problem = course.progress.problem();
      button.show(course.progress.isRead(chapter));
      said.textContent = problem ? course.phrase(node, problem) : '';
    };
  }

  /** Totals, and the buttons to save, load and clear. */
  function tools(node, root) {
    const total = make('p', { class: 'progress-total' });
    const said = make('p', { class: 'progress-said', role: 'status' });
    let warned = false; // whether a problem is said
    const say = (key, values) => {
      said.textContent = key ? course.phrase(node, key, values) : '';
      warned = false;
    };
    const button = (key, press) => tool(course.phrase(node, key), press);
    const file = make('input', { type: 'file', accept: '.json,application/json', hidden: '' });
    file.addEventListener('change', () => load(file, say));
    node.replaceChildren(total, make('p', { class: 'progress-buttons' },
      button('progress.export', save), button('progress.import', () => file.click()),
      button('progress.clear', () => clear(node, say))), file, said);
    return () => {
      total.textContent = totals(node, root);
      const problem = course.progress.problem();
      if (problem || warned) say(problem);
      warned = Boolean(problem);
    };
  }

  function tool(text, press) {
    const element = make('button', { type: 'button', class: 'progress-button' }, text);
    element.addEventListener('click', press);
    return element;
  }

  function totals(node, root) {
    const marks = [...root.querySelectorAll('.progress-mark')];
    const names = marks.flatMap(namesOf);
    const chapters = marks.map(one => one.dataset.chapter);
    const solved = names.filter(course.progress.isSolved).length;
    const read = chapters.filter(course.progress.isRead).length;
    if (!solved && !read) return '';
    return [
      course.phrase(node, 'progress.exercises', { solved, all: names.length }),
      course.phrase(node, 'progress.chapters', { read, all: chapters.length }),
    ].join(' · ');
  }

  function save() {
    const blob = new Blob([course.progress.exported()], { type: 'application/json' });
    const link = make('a', { href: URL.createObjectURL(blob), download: 'course-progress.json' });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  async function load(file, say) {
    if (!file.files.length) return;
    try {
      const { added, aside } = course.progress.imported(await file.files[0].text());
      const problem = course.progress.problem();
      if (aside && problem === 'progress.aside') say('progress.loaded.aside', { added });
      else if (!problem) say('progress.loaded', { added });
    } catch (error) {
      say(error.message === 'newer' ? 'progress.file.newer' : 'progress.no.file');
    }
    file.value = ''; // so that the same file can be chosen again
  }

  function clear(node, say) {
    if (!window.confirm(course.phrase(node, 'progress.clear.sure'))) return;
    course.progress.clear();
    if (!course.progress.problem()) say('progress.cleared');
  }

  /** A field under each question of a section. */
  function guesses(section) {
    return [...section.querySelectorAll('ol > li')].map((item, i) => {
      const name = `${section.dataset.guesses}.${i + 1}`;
      const field = make('textarea', {
        class: 'guess',
        rows: '1',
        placeholder: course.phrase(section, 'guess.label'),
        'aria-label': course.phrase(section, 'guess.about', { place: i + 1 }),
      });
      field.addEventListener('input', () => course.progress.remember(name, field.value));
      item.append(field);
      return () => {
        if (document.activeElement !== field) field.value = course.progress.guess(name);
      };
    });
  }
})();
