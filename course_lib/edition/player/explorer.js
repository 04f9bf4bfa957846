// Brings the explorers of a page to life, each once it nears the screen:
//
//   <figure class="explorer" data-explorer="PosteriorGap" data-values='{"x": 1}'>
//   course.mountExplorers(document)
//
// An address that ends in ?all wakes them all at once, as does a browser that cannot say what is near. A figure's data-state says how far it is:
// asleep, loading, live, failed. Unless it is live, its stored picture and sentence are shown.
(() => {
  'use strict';
  const course = (window.course ??= {});
  const AHEAD = '800px'; // how near the screen a figure is when its recording is loaded
  const BORDER = 26; // pixels of the picture's box that are no picture
  const QUIET = 600; // milliseconds at rest after which a screen reader is told the sentence
  const MAY_PASS = ['recording.missing', 'recording.truncated', 'recording.altered'];

  /** The address of a recording's script. */
  function addressOf(/** @type {string} */ name) {
    return `recordings/${name}.js`;
  }

  /** Where a figure's controls stand when it opens; there the recording must say what is stored. */
  function openingOf(/** @type {HTMLElement} */ figure, /** @type {any} */ recording) {
    const stops = recording.stops(JSON.parse(figure.dataset.values ?? '{}'));
    if (stops === null) throw new Error('explorer.unrecorded');
    const stored = figure.querySelector('.explorer-stored').textContent;
    if (!recording.says(stops, stored)) throw new Error('recording.altered');
    return stops;
  }

  class LiveExplorer {
    constructor(/** @type {HTMLElement} */ figure, /** @type {any} */ recording) {
      this.figure = figure;
      this.recording = recording;
      this.opening = openingOf(figure, recording);
      this.parts = course.explorerParts.build(figure, recording, {
        moved: () => this.guarded(() => this.update()),
        reset: () => this.guarded(() => this.reset()),
      });
      const failed = (/** @type {unknown} */ error) => this.fail(error);
      this.screen = new course.Screen(recording, this.parts.canvas, failed);
    }

    /** Shows the figure as it opens; from here on the canvas has a size, and is drawn. */
    show() {
      this.reset();
      this.figure.dataset.state = 'live';
      this.arrange();
      // Not at once: what changes the figure's size must not be told of it while it does.
      this.unwatch = course.whenResized(this.figure, () =>
        requestAnimationFrame(() => this.guarded(() => this.arrange())));
    }

    /** The whole picture, or where there is little room its panels one under another. */
    arrange() {
      const room = this.figure.clientWidth - BORDER;
      if (room < 0 || this.figure.dataset.state !== 'live') return; // it is folded away, or failed
      const layout = course.layoutOf(this.recording, room);
      if (layout.boxes.length > 1) this.figure.dataset.narrow = '';
      else delete this.figure.dataset.narrow;
      this.screen.arrange(layout);
    }

    reset() {
      this.parts.movers.forEach((/** @type {any} */ mover, /** @type {number} */ i) =>
        mover.set(this.opening[i]));
      this.update();
    }

    /** Shows where the controls stand now, in the picture and in words. */
    update() {
      const stops = this.parts.movers.map((/** @type {any} */ mover) => mover.stop());
      this.describe(this.recording.frame(stops));
      this.screen.show(stops);
    }

    guarded(/** @type {() => void} */ action) {
      try {
        action();
      } catch (error) {
        this.fail(error);
      }
    }

    describe(/** @type {any} */ frame) {
      const { movers, sentence, problem, numbers } = this.parts;
      sentence.textContent = frame.problem === null ? unbroken(frame.sentence) : '';
      problem.textContent = frame.problem ?? '';
      movers.forEach((/** @type {any} */ mover, /** @type {number} */ i) =>
        mover.rest(frame.idle.includes(this.recording.controls[i].name)));
      numbers.show(frame.numbers);
      this.announce();
    }

    /** Tells a screen reader the sentence once the controls have been at rest for a while. */
    announce() {
      clearTimeout(this.pause);
      this.parts.spoken.textContent = '';
      if (!this.spoke) this.spoke = true; // nobody moved anything: the page has just opened
      else this.pause = setTimeout(() => this.speak(), QUIET);
    }

    speak() {
      this.parts.spoken.textContent = this.parts.sentence.textContent;
    }

    /** Back to the stored picture and sentence. */
    fail(/** @type {unknown} */ error) {
      clearTimeout(this.pause);
      this.unwatch?.();
      this.screen?.close();
      course.explorerParts.remove(this.figure);
      complain(this.figure, error);
    }
  }

  /** KL(q ‖ p) stays on one line. */
  function unbroken(/** @type {string} */ sentence) {
    return sentence.replaceAll(' ‖ ', '\u00a0‖\u00a0');
  }

  /** Says in one line why a figure has no controls, with a way to try again if that may help. */
  function complain(/** @type {HTMLElement} */ figure, /** @type {any} */ error) {
    const name = figure.dataset.explorer;
    const why = error instanceof Error ? error.message : String(error);
    const key = course.hasPhrase(figure, why) ? why : 'explorer.failed';
    const line = note(figure, course.phrase(figure, key, { file: `${name}.js`, why }));
    figure.dataset.state = 'failed';
    if (!MAY_PASS.includes(key)) return;
    const again = course.make('button', { type: 'button' });
    again.textContent = course.phrase(figure, 'explorer.again');
    again.addEventListener('click', async () => {
      for (const other of failedAlike(figure)) wake(other);
      await wake(figure);
      figure.querySelector('input, select, .explorer-note button')?.focus();
    });
    line.append(' ', again);
  }

  /** The other figures of the same recording that offer to try again. */
  function failedAlike(/** @type {HTMLElement} */ figure) {
    return [...document.querySelectorAll('figure.explorer[data-state=failed]')].filter(other =>
      other !== figure && other.dataset.explorer === figure.dataset.explorer
      && other.querySelector('.explorer-note button'));
  }

  /** The line of a figure that says what it is waiting for, or why it has no controls. */
  function note(/** @type {HTMLElement} */ figure, /** @type {string} */ text) {
    let line = figure.querySelector('.explorer-note');
    if (!line) {
      line = course.make('p', { class: 'explorer-note', role: 'status' });
      figure.append(line);
    }
    line.textContent = text;
    return line;
  }

  /** Loads a figure's recording and mounts its controls. */
  async function wake(/** @type {HTMLElement} */ figure) {
    if (['loading', 'live'].includes(figure.dataset.state)) return;
    figure.dataset.state = 'loading';
    note(figure, course.phrase(figure, 'explorer.loading'));
    try {
      const { explorer } = figure.dataset;
      const recording = await course.recordingNamed(explorer, addressOf(explorer));
      figure.querySelector('.explorer-note').remove();
      new LiveExplorer(figure, recording).show();
    } catch (error) {
      course.explorerParts.remove(figure);
      complain(figure, error);
    }
  }

  /** Wakes the explorers in `root`, each when it nears the screen. */
  course.mountExplorers = (/** @type {ParentNode} */ root) => {
    const figures = [...root.querySelectorAll('figure.explorer:not([data-state])')];
    const all = new URLSearchParams(location.search).has('all');
    const near = window.IntersectionObserver && new IntersectionObserver(entries => {
      for (const entry of entries.filter(one => one.isIntersecting)) {
        near.unobserve(entry.target);
        wake(entry.target);
      }
    }, { rootMargin: AHEAD });
    for (const figure of figures) {
      figure.dataset.state = 'asleep';
      course.explorerParts.frame(figure);
      if (all || !near) wake(figure);
      else near.observe(figure);
    }
  };
})();
