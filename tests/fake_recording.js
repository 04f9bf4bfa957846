// A recording for the tests of the controls: one of every kind, each with numbers of its own, and
// a picture that can be told from every other. It is "packed" as a word that says how to behave.
(() => {
  'use strict';
  const course = (window.course ??= {});
  const MEANS = Array.from({ length: 17 }, (_, i) => -2 + i / 4);
  const shown = value =>
    typeof value === 'number' && Math.abs(value) <= 2
      ? value.toFixed(2).replace('-', '−')
      : String(value);

  function controls(of) {
    const control = (name, label, kind, values, start) =>
      ({ name, label, kind, values, shown: values.map(shown), start, of: values.length });
    return [
      { ...control('mean', 'mean of q, μ', 'slider', MEANS, 8), of },
      { ...control('draws', 'draws, K', 'steps', [1, 10, 100, 1000], 1),
        shown: ['1', '10', '100', '1000'] },
      control('world', 'world', 'choice', ['linear', 'tanh', 'z²'], 0),
      control('digit', 'digit', 'choice', [...'abcdef'], 1),
      { ...control('filled', 'fill q', 'toggle', [false, true], 0), shown: ['off', 'on'] },
    ];
  }

  class FakeRecording {
    constructor(of) {
      Object.assign(this, { name: 'Everything', title: 'One of every kind', width: 800, height: 300 });
      this.controls = controls(of);
    }

    stops(values) {
      const found = this.controls.map(control =>
        control.name in values ? control.values.indexOf(values[control.name]) : control.start);
      return found.includes(-1) ? null : found;
    }

    // Any sentence may be stored under it; test_edition_player_recorded holds a real one to this.
    says() {
      return true;
    }

    longest() {
      return 'The values are −2.00, 1000, linear, a, off, and KL(q ‖ p) is small.';
    }

    // With "tanh" the draws do nothing; 1000 draws cannot be drawn for "z²".
    frame(indices) {
      const texts = this.controls.map((control, i) => control.shown[indices[i]]);
      const problem = texts[1] === '1000' && texts[2] === 'z²' ? 'This value cannot be drawn.' : null;
      return {
        indices,
        sentence: `The values are ${texts.join(', ')}, and KL(q ‖ p) is small.`,
        numbers: indices.map((index, i) => [this.controls[i].name, `${index}.5`]),
        idle: texts[2] === 'tanh' ? ['draws'] : [],
        problem,
      };
    }

    draw(context, frame, scale) {
      window.drawn?.push({ indices: frame.indices, scale });
      if (frame.indices[3] === 5) throw new Error('the letter f is not to be drawn');
      this.paint(context, frame.indices, scale);
    }

    blend(context, before, after, share, scale) {
      const indices = before.indices.map((index, i) => index + share * (after.indices[i] - index));
      window.drawn?.push({ indices, scale });
      this.paint(context, indices, scale);
    }

    paint(context, indices, scale) {
      context.setTransform(scale, 0, 0, scale, 0, 0);
      context.fillStyle = 'white';
      context.fillRect(0, 0, this.width, this.height);
      context.fillStyle = 'rgb(42, 111, 180)';
      context.font = '14px sans-serif';
      indices.forEach((index, i) => {
        context.fillRect(100, 20 + 55 * i, 20 + 35 * index, 30);
        context.fillText(this.controls[i].label, 5, 40 + 55 * i);
      });
    }
  }

  course.openRecording = async text => {
    if (text.startsWith('recording.')) throw new Error(text);
    return new FakeRecording(Number(text));
  };
})();
