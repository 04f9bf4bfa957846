/* Search over all pages. The index is a script of its own, search-index.js, that is loaded when the
   field is first used: a page from file:// may load scripts, and nothing else. */

(() => {
  "use strict";
  const course = (window.course = window.course || {});
  const MOST = 30; // places that are listed
  const AROUND = 60; // characters of text on each side of the first word found

  /** @typedef {{address: string, chapter: string, heading: string, text: string, low: string, title: string}} Place */
  /** @type {Place[] | null} */
  let places = null;

  /** What search-index.js calls. @param {string[][]} entries */
  course.searchable = (entries) => {
    places = entries.map(([address, chapter, heading, text]) => ({
      address, chapter, heading, text, low: text.toLowerCase(), title: heading.toLowerCase(),
    }));
  };

  /** The places in which all words occur, those with the words in their heading first.
   * @param {string} words @returns {Place[]} */
  course.search = (words) => {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    if (!places || wanted.length === 0) return [];
    const score = (place) => {
      let sum = 0;
      for (const word of wanted) {
        const title = place.title.includes(word);
        if (!title && !place.low.includes(word)) return 0;
        sum += title ? 20 : Math.min(place.low.split(word).length - 1, 9);
      }
      return sum;
    };
    return places
      .map((place) => ({ place, worth: score(place) }))
      .filter(({ worth }) => worth > 0)
      .sort((a, b) => b.worth - a.worth)
      .map(({ place }) => place);
  };

  /** Loads the index once. @returns {Promise<void>} */
  let loading = null;
  const load = () => {
    loading = loading || new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = "search-index.js";
      script.onload = () => resolve();
      script.onerror = () => reject(new Error("search.lost"));
      document.head.append(script);
    });
    return loading;
  };

  const say = (key, values = {}) => course.phrase(document.documentElement, key, values);

  /** The text around the first word, with all words marked. @param {Place} place @param {string} words */
  const excerpt = (place, words) => {
    const line = document.createElement("span");
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    const at = Math.max(0, Math.min(...wanted.map((w) => place.low.indexOf(w)).filter((i) => i >= 0), place.text.length) - AROUND);
    const part = place.text.slice(at, at + 3 * AROUND);
    const pattern = new RegExp(`(${wanted.map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})`, "gi");
    if (at > 0) line.append("…");
    for (const piece of part.split(pattern)) {
      if (wanted.includes(piece.toLowerCase())) {
        const mark = document.createElement("mark");
        mark.textContent = piece;
        line.append(mark);
      } else line.append(piece);
    }
    line.append("…");
    return line;
  };

  /** One place found, as a link. @param {Place} place @param {string} words */
  const item = (place, words) => {
    const entry = document.createElement("li");
    const link = document.createElement("a");
    link.href = place.address;
    link.textContent = place.heading;
    const chapter = document.createElement("span");
    chapter.textContent = place.chapter;
    entry.append(link, chapter, excerpt(place, words));
    return entry;
  };

  /** Shows what was found for the words; hides the list if there are none.
   * @param {HTMLElement} box @param {string} words */
  const show = (box, words) => {
    const [status, list] = [box.querySelector("p"), box.querySelector("ol")];
    box.hidden = words.trim() === "";
    if (box.hidden) return;
    const found = course.search(words);
    status.textContent = found.length
      ? say("search.found", { count: found.length })
      : say("search.none", { words: words.trim() });
    list.replaceChildren(...found.slice(0, MOST).map((place) => item(place, words)));
  };

  /** Makes the page's search field work. */
  course.mountSearch = () => {
    const [form, box] = [document.querySelector("form.search"), document.getElementById("found")];
    if (!form || !box) return;
    const field = form.querySelector("input");
    form.hidden = false;
    const find = () => load().then(
      () => show(box, field.value),
      () => { box.hidden = false; box.querySelector("p").textContent = say("search.lost"); },
    );
    field.addEventListener("focus", () => load().catch(() => {}));
    field.addEventListener("input", find);
    box.addEventListener("click", (event) => { if (event.target.closest("a")) box.hidden = true; });
    mountKeys(form, field, box, find);
    for (const away of ["pointerdown", "focusin"]) {
      document.addEventListener(away, (event) => { if (!form.contains(event.target)) box.hidden = true; });
    }
  };

  /** "/" leads to the field, arrows through what was found, Enter to the first place, and Escape
   * back to where the reader was.
   * @param {HTMLFormElement} form @param {HTMLInputElement} field @param {HTMLElement} box
   * @param {() => Promise<void>} find */
  const mountKeys = (form, field, box, find) => {
    let before = { element: null, top: 0 }; // where the reader was
    const stays = () => getComputedStyle(form.closest(".site")).position === "sticky"; // else on top
    document.addEventListener("keydown", (event) => {
      const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      const here = scrollY;
      field.focus({ preventScroll: stays() });
      before.top = here;
      field.select();
      if (field.value) find();
    });
    form.addEventListener("focusin", ({ relatedTarget }) => {
      if (!form.contains(relatedTarget)) before = { element: relatedTarget, top: scrollY };
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      find().then(() => { if (!box.hidden) box.querySelector("a")?.click(); });
    });
    form.addEventListener("keydown", (event) => {
      const stops = [field, ...box.querySelectorAll("a")];
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step && !box.hidden) {
        event.preventDefault();
        stops[stops.indexOf(document.activeElement) + step]?.focus();
      } else if (event.key === "Escape" && !box.hidden) {
        event.preventDefault(); // else the browser empties the field
        box.hidden = true;
        document.activeElement.blur();
        before.element?.focus({ preventScroll: true });
        if (!stays()) scrollTo({ top: before.top, behavior: "instant" });
      }
    });
  };
})();
