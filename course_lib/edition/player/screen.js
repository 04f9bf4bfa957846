// The canvas of an explorer: sharp on every screen, and gliding from one recorded stop to the next.
(() => {
  'use strict';
  const course = (window.course ??= {});
  const PACE = 40; // milliseconds in which a glide covers all but 1/e of its way
  const FRAME = 1000 / 60; // milliseconds that the first step of a glide stands for
  const NEAR = 0.02; // of a stop: there a glide ends
  const still = matchMedia('(prefers-reduced-motion: reduce)');

  class Screen {
    /**
     * @param {any} recording what course.openRecording gave
     * @param {HTMLCanvasElement} canvas
     * @param {(error: unknown) => void} failed called when a picture cannot be drawn after all
     */
    constructor(recording, canvas, failed) {
      this.recording = recording;
      this.canvas = canvas;
      this.context = canvas.getContext('2d');
      this.failed = failed;
      /** @type {number[]} */
      this.target = recording.controls.map((/** @type {any} */ control) => control.start);
      /** @type {number | null} which control is under way, and where it is by now */
      this.axis = null;
      this.place = 0;
      this.lastPaint = 0;
      this.waiting = 0; // the number of the animation frame that is asked for
      this.answered = false; // whether the reader's last move is painted in this frame already
      this.stale = false; // whether a newer one waits for the next
      this.arrange(course.layoutOf(recording, Infinity));
      this.sharpen();
    }

    /** Takes a layout of `course.layoutOf`, and gives the canvas its form. */
    arrange(/** @type {any} */ layout) {
      const { style } = this.canvas;
      this.layout = layout;
      style.aspectRatio = `${layout.width} / ${layout.height}`;
      style.maxWidth = layout.boxes.length > 1 ? `${layout.width}px` : '';
      if (!window.ResizeObserver) this.fit();
    }

    /**
     * Shows the picture at `stops`, gliding there if one slider has moved.
     * @param {number[]} stops
     */
    show(stops) {
      const moved = stops.flatMap((stop, i) => (stop === this.target[i] ? [] : [i]));
      if (moved.length === 0 && this.lastPaint) return;
      const [axis] = moved;
      const glides = moved.length === 1 && this.slides(axis) && this.lastPaint && !still.matches;
      if (glides && axis !== this.axis) this.depart(axis);
      if (!glides) this.axis = null;
      this.target = [...stops];
      this.refresh();
    }

    /** Sets out with a control from where it stands; the first step is one frame's. */
    depart(/** @type {number} */ axis) {
      this.axis = axis;
      this.place = this.target[axis];
      this.lastPaint = performance.now() - FRAME;
    }

    /** Whether between two stops of a control there is anything. */
    slides(/** @type {number} */ axis) {
      return ['slider', 'steps'].includes(this.recording.controls[axis].kind);
    }

    /** Paints at once, but once a frame: what comes later in a frame is painted in the next. */
    refresh() {
      this.stale = this.answered;
      if (!this.answered) this.paint();
      this.answered = true;
      this.waiting ||= requestAnimationFrame(() => this.go());
    }

    /** Paints what a frame has to show, and asks for the next while there is more. */
    go() {
      this.waiting = 0;
      this.answered = false;
      if (!this.stale && this.axis === null) return;
      this.stale = false;
      this.paint();
      this.waiting = requestAnimationFrame(() => this.go());
    }

    paint() {
      if (!this.canvas.width) return;
      const scale = this.canvas.width / this.layout.width;
      this.advance();
      try {
        if (this.layout.boxes.length === 1) this.draw(this.context, scale);
        else this.shelve(scale);
      } catch (error) {
        this.close();
        this.failed(error);
      }
    }

    /** Moves the control that is under way on by as much as the time since the last picture. */
    advance() {
      const now = performance.now();
      const passed = now - this.lastPaint;
      this.lastPaint = now;
      if (this.axis === null) return;
      const way = this.target[this.axis] - this.place;
      this.place += way * (1 - Math.exp(-passed / PACE));
      if (Math.abs(this.target[this.axis] - this.place) < NEAR) this.axis = null;
    }

    /** The picture drawn aside, and its parts put where they go. */
    shelve(/** @type {number} */ scale) {
      const [width, height] = [this.recording.width, this.recording.height].map(side =>
        Math.ceil(side * scale));
      this.aside ??= document.createElement('canvas');
      if (this.aside.width !== width || this.aside.height !== height) {
        Object.assign(this.aside, { width, height });
      }
      this.draw(this.aside.getContext('2d'), scale);
      this.context.fillStyle = 'white';
      this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
      for (const { from, to } of this.layout.boxes) {
        const [x, y, wide, high, across, down] = [...from, ...to].map(v => Math.round(v * scale));
        this.context.drawImage(this.aside, x, y, wide, high, across, down, wide, high);
      }
    }

    /** The picture at the target, or between the two stops that a glide is between. */
    draw(/** @type {any} */ context, /** @type {number} */ scale) {
      const between = this.axis === null ? null : this.neighbours(this.axis);
      const [lower, upper] = between ?? [];
      if (between && !lower.problem && !upper.problem) {
        const share = this.place - Math.floor(this.place);
        this.recording.blend(context, lower, upper, share, scale);
        return;
      }
      this.axis = null;
      this.recording.draw(context, this.recording.frame(this.target), scale);
    }

    /** The frames on either side of where the control is. */
    neighbours(/** @type {number} */ axis) {
      return [Math.floor(this.place), Math.floor(this.place) + 1].map(stop =>
        this.recording.frame(this.target.map((other, i) => (i === axis ? stop : other))));
    }

    /** Keeps one drawn pixel to one of the screen's, whatever the size, the zoom, the screen. */
    sharpen() {
      if (window.ResizeObserver) {
        this.sizes = new ResizeObserver(entries => {
          this.fit(entries.at(-1).devicePixelContentBoxSize?.[0]);
        });
      }
      this.measure = () => {
        this.zoom?.removeEventListener('change', this.measure);
        this.zoom = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
        this.zoom.addEventListener('change', this.measure);
        this.observe();
      };
      this.measure();
    }

    /** Asks for the canvas's size, now and whenever it changes. */
    observe() {
      if (!this.sizes) {
        this.fit();
        return;
      }
      this.sizes.disconnect();
      try {
        this.sizes.observe(this.canvas, { box: 'device-pixel-content-box' });
      } catch {
        this.sizes.observe(this.canvas); // Safari tells of sizes in CSS pixels alone
      }
    }

    /**
     * Gives the canvas as many pixels as it takes on the screen.
     * @param {ResizeObserverSize} [counted] by the browser, if it can; else right to one or so
     */
    fit(counted) {
      const shown = this.canvas.getBoundingClientRect();
      let width = Math.round(shown.width * devicePixelRatio);
      let height = Math.round(shown.height * devicePixelRatio);
      // A count from before the page was zoomed is passed over.
      if (counted && Math.abs(counted.inlineSize - width) <= 1) {
        [width, height] = [counted.inlineSize, counted.blockSize];
      }
      if (width === this.canvas.width && height === this.canvas.height) return;
      this.canvas.width = width; // this empties it
      this.canvas.height = height;
      this.paint();
    }

    close() {
      this.axis = null;
      cancelAnimationFrame(this.waiting);
      this.sizes?.disconnect();
      this.zoom?.removeEventListener('change', this.measure);
    }
  }

  course.Screen = Screen;
})();
