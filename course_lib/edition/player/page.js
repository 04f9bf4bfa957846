/* What a page does by itself: light or dark, the place in the chapter, boxes that scroll by keyboard,
   and the start of everything else. It comes last. */

(() => {
  "use strict";
  const course = (window.course = window.course || {});
  const root = document.documentElement;
  const KEY = "course-lib/theme";

  /** The button that turns the page light or dark; the choice is remembered where that is allowed. */
  const mountTheme = () => {
    const button = document.querySelector("button.theme");
    if (!button) return;
    button.hidden = false;
    const dark = () => root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      try { localStorage.setItem(KEY, root.dataset.theme); } catch { /* storage refused */ }
    });
  };

  /** A box that is too wide for its text is reached by the keyboard, so that it can be scrolled. */
  const reachBoxes = () => {
    for (const box of document.querySelectorAll(".scrolls")) {
      const wide = box.scrollWidth > box.clientWidth + 1;
      if (wide) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };

  /** Marks in the chapter's contents where the reader is. */
  const followReading = () => {
    const links = new Map([...document.querySelectorAll(".toc a")].map((a) => [a.hash.slice(1), a]));
    if (!links.size || !window.IntersectionObserver) return;
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const link of links.values()) link.removeAttribute("aria-current");
        const here = links.get(decodeURIComponent(entry.target.getAttribute("aria-labelledby")));
        if (here) here.setAttribute("aria-current", "location");
      }
    }, { rootMargin: "-20% 0px -75% 0px" });
    for (const section of document.querySelectorAll("main section")) watcher.observe(section);
  };

  /** On a narrow screen the chapter's contents are closed at first; on paper solutions are open. */
  const foldForSize = () => {
    const contents = document.querySelector(".toc details");
    if (contents && matchMedia("(max-width: 78.99rem)").matches) contents.open = false;
    addEventListener("beforeprint", () => {
      for (const solution of document.querySelectorAll("main details:not(.fold, .verdict)")) solution.open = true;
    });
  };

  mountTheme();
  foldForSize();
  reachBoxes();
  addEventListener("resize", reachBoxes);
  document.addEventListener("toggle", reachBoxes, true);
  followReading();
  for (const mount of ["mountSearch", "mountProgress", "mountExercises", "mountExplorers"]) {
    if (course[mount]) course[mount](document);
  }
})();
