/* What a page does by itself: light or dark, the place in the chapter, boxes that scroll by keyboard,
   and the start of everything else. It comes last. */

(() => {
  "use strict";
  const course = (window.course = window.course || {});
  const root = document.documentElement;
  const KEY = "course-lib/theme";

  /** Takes the choice of light or dark that was made in another tab. */
  const takeTheme = () => {
    let kept = null;
    try { kept = localStorage.getItem(KEY); } catch { /* storage refused */ }
    if (kept) root.dataset.theme = kept;
  };

  /** The button that turns the page light or dark; the choice is remembered where that is allowed. */
  const mountTheme = () => {
    const button = document.querySelector("button.theme");
    if (!button) return;
    button.hidden = false;
    const dark = () => root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    const tell = () => button.setAttribute("aria-pressed", String(dark()));
    tell();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
    button.addEventListener("click", () => {
      root.dataset.theme = dark() ? "light" : "dark";
      tell();
      try { localStorage.setItem(KEY, root.dataset.theme); } catch { /* storage refused */ }
    });
    const again = () => { takeTheme(); tell(); };
    addEventListener("storage", ({ key }) => { if (key === KEY) again(); });
    addEventListener("pageshow", ({ persisted }) => { if (persisted) again(); }); // it slept
  };

  const isShort = (box) => box.scrollWidth > box.clientWidth + 1;

  /** Whether the reasons of a derivation have so little room that one takes three lines. */
  const isCrowded = (box) => [...box.querySelectorAll(".reason")].some((reason) =>
    reason.offsetHeight > 3.5 * parseFloat(getComputedStyle(reason).fontSize));

  /** A formula that is too wide for the text gets more room, and its note with it; if that is not
   * enough, it breaks. */
  const fitBoxes = () => {
    for (const wide of document.querySelectorAll(".wide")) wide.classList.remove("wide", "breaks");
    const boxes = [...document.querySelectorAll(".scrolls")];
    for (const box of boxes.filter((each) => each.matches(".equation > *") && (isShort(each) || isCrowded(each)))) {
      box.parentElement.classList.add("wide");
      box.closest("blockquote")?.classList.add("wide");
      if (isShort(box)) box.parentElement.classList.add("breaks");
    }
    for (const box of boxes) course.markScrolling(box);
  };

  /** The id that a hash names, as the text has it: σ; one that is no encoding of an id is none.
   * @param {string} hash @returns {string} */
  const idOf = (hash) => {
    try { return decodeURIComponent(hash.slice(1)); } catch { return ""; }
  };

  /** Marks in the chapter's contents where the reader is. */
  const followReading = () => {
    const links = new Map([...document.querySelectorAll(".toc a")].map((a) => [idOf(a.hash), a]));
    if (!links.size || !window.IntersectionObserver) return;
    const watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        for (const link of links.values()) link.removeAttribute("aria-current");
        const here = links.get(entry.target.getAttribute("aria-labelledby"));
        if (here) here.setAttribute("aria-current", "location");
      }
    }, { rootMargin: "-20% 0px -75% 0px" });
    for (const section of document.querySelectorAll("main section")) watcher.observe(section);
  };

  /** On a narrow screen the chapter's contents are closed at first. */
  const foldForSize = () => {
    const contents = document.querySelector(".toc details");
    if (contents && matchMedia("(max-width: 78.99rem)").matches) contents.open = false;
  };

  /** What is folded around a place is opened, and so is a part that a place is the heading of. */
  const openAround = (place) => {
    const own = place?.closest("summary")?.parentElement;
    for (let fold = place?.closest("details"); fold; fold = fold.parentElement.closest("details")) {
      if (fold === own && !fold.matches(".deeper")) continue;
      fold.open = true;
    }
    return place;
  };

  /** A link into what is folded opens it; so does a page that is opened at such a place. On a
   * reload and on the way back the browser knows where the reader was: it scrolls then. */
  const openForLinks = () => {
    const placeOf = (hash) => document.getElementById(idOf(hash));
    const go = () => openAround(placeOf(location.hash))?.scrollIntoView();
    document.addEventListener("click", ({ target }) => {
      const link = target instanceof Element && target.closest("a[href*='#']");
      if (link && link.pathname === location.pathname) openAround(placeOf(link.hash));
    });
    addEventListener("hashchange", go);
    const came = performance.getEntriesByType("navigation")[0]?.type;
    if (["reload", "back_forward"].includes(came)) openAround(placeOf(location.hash));
    else go();
  };

  mountTheme();
  foldForSize();
  fitBoxes();
  document.fonts?.ready.then(fitBoxes);
  addEventListener("resize", fitBoxes);
  document.addEventListener("toggle", fitBoxes, true);
  document.addEventListener("scroll", ({ target }) => {
    if (target instanceof Element && target.matches(".scrolls[data-more]")) course.markScrolling(target);
  }, { capture: true, passive: true });
  followReading();
  for (const mount of ["mountSearch", "mountProgress", "mountGuesses", "mountExercises", "mountExplorers"]) {
    course[mount](document);
  }
  openForLinks();
})();
