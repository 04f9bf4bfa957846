// New elements for the page's parts.
(() => {
  'use strict';
  const course = (window.course ??= {});

  /**
   * A new element.
   * @param {string} tag
   * @param {Object<string, string>} attributes
   * @param {(Node | string)[]} children
   * @returns {any}
   */
  course.make = (tag, attributes = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  /**
   * A button that stays pressed; a mark says so, not colour alone.
   * @param {string} text
   * @param {(is: boolean) => void} press what a press asks for
   * @returns {{element: HTMLButtonElement, show: (is: boolean) => void}}
   */
  course.pressed = (text, press) => {
    const mark = course.make('span', { 'aria-hidden': 'true' });
    const element = course.make('button', { type: 'button', class: 'progress-button' }, mark, text);
    element.addEventListener('click', () =>
      press(element.getAttribute('aria-pressed') !== 'true'));
    return {
      element,
      show(is) {
        element.setAttribute('aria-pressed', String(is));
        mark.textContent = is ? '✓ ' : '○ ';
      },
    };
  };
})();
