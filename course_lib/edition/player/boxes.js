// Boxes that scroll sideways, and boxes that change their size.
(() => {
  'use strict';
  const course = (window.course ??= {});

  /**
   * While a box scrolls, the keyboard gets into it, and data-more says on which sides more lies;
   * --part and --at are the length and the place of its scroll bar.
   * @param {HTMLElement} box
   * @param {string} [name] what a screen reader calls it while it scrolls
   */
  course.markScrolling = (box, name) => {
    const hidden = box.scrollWidth - box.clientWidth;
    const scrolls = hidden > 0;
    const sides = { left: box.scrollLeft > 1, right: box.scrollLeft < hidden - 1 };
    const about = { tabindex: '0', ...(name && { role: 'group', 'aria-label': name }) };
    for (const [key, value] of Object.entries(about)) {
      if (scrolls) box.setAttribute(key, value);
      else box.removeAttribute(key);
    }
    if (!scrolls) {
      delete box.dataset.more;
      return;
    }
    box.dataset.more = Object.keys(sides).filter(side => sides[side]).join(' ');
    box.style.setProperty('--part', `${(100 * box.clientWidth) / box.scrollWidth}%`);
    box.style.setProperty('--at', `${(100 * box.scrollLeft) / hidden}%`);
  };

  /**
   * Calls `told` when `node` has changed its size; where a browser cannot tell, when the window has.
   * @param {Element} node
   * @param {() => void} told
   * @returns {() => void} ends it
   */
  course.whenResized = (node, told) => {
    if (!window.ResizeObserver) {
      addEventListener('resize', told);
      return () => removeEventListener('resize', told);
    }
    const watcher = new ResizeObserver(() => told());
    watcher.observe(node);
    return () => watcher.disconnect();
  };
})();
