/* Search over all pages. The index is a script of its own, search-index.js, that is loaded when the
   field is first used: a page from file:// may load scripts, and nothing else. */

(() => {
  "use strict";
  const course = (window.course = window.course || {});
  const MOST = 30; // places that are listed
  const AROUND = 60; // characters of text on each side of the first word found

  const SHORT = 3; // a word of so few letters is found as a whole word only: not ESS in "less"
  const LETTER = /[\p{Script=Latin}\p{Script=Greek}\p{N}]/u;

  // What one types for what stands in the text: whichever of these is typed, each of them is found.
  const [DIGITS, BELOW, RAISED] = ["0123456789", "₀₁₂₃₄₅₆₇₈₉", "⁰¹²³⁴⁵⁶⁷⁸⁹"];
  const GREEK = `alpha α beta β gamma γ delta δ epsilon ε zeta ζ eta η theta θ iota ι kappa κ
    lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ phi φ chi χ psi ψ omega ω`;
  const BARS = "(?:‖|\\|\\|)";
  const ALIKE = [
    BARS, "[|∣]", "[-−–]", "['’‘]", "[oø]", "i[sz]", "y[sz]", "mete?r",
    ...GREEK.match(/\S+ \S/g).map((pair) => `(?:${pair.replace(" ", "|")})`),
    ...[...RAISED].map((raised, digit) => `(?:${raised}|\\^${digit})`),
  ];
  const WHOLE = ALIKE.map((form) => new RegExp(`^${form}$`, "iu"));
  const NUMERAL = /^_?[\d₀-₉]/;
  const PIECE = new RegExp(`_?[\\d₀-₉]+(?:,\\d{3})*|${ALIKE.join("|")}|.`, "giu");

  /** @typedef {{address: string, chapter: string, heading: string, text: string}} Place */
  /** @type {Place[] | null} */
  let places = null;

  /** What search-index.js calls. @param {string[][]} entries */
  course.searchable = (entries) => {
    places = entries.map(([address, chapter, heading, text]) => ({ address, chapter, heading, text }));
  };

  /** @typedef {{form: RegExp, short: boolean}} Word */

  /** A number with or without commas at its thousands, in the line or below it.
   * @param {string} typed @param {number} at its place in a word's pieces @returns {string} */
  const numeral = (typed, at) => {
    const valueOf = (digit) => `${DIGITS}${BELOW}`.indexOf(digit) % 10;
    const digits = [...typed.replace(/[_,]/g, "")].map(valueOf);
    const forms = digits.map((digit, i) =>
      `${i && (digits.length - i) % 3 === 0 ? ",?" : ""}[${digit}${BELOW[digit]}]`);
    return `${at ? "_?" : ""}${forms.join("")}`;
  };

  /** All forms of a word, as a pattern. Around a double bar the text may have blanks.
   * @param {string} word @returns {RegExp} */
  const formOf = (word) => {
    const pieces = word.match(PIECE).map((piece, at, all) => {
      if (NUMERAL.test(piece)) return numeral(piece, at);
      const form = ALIKE[WHOLE.findIndex((whole) => whole.test(piece))];
      if (form === BARS) return `${at ? "\\s*" : ""}${form}${at < all.length - 1 ? "\\s*" : ""}`;
      return form ?? piece.replace(/[.*+?^${}()[\]\\/]/g, "\\$&");
    });
    return new RegExp(pieces.join(""), "giu");
  };

  /** What is looked for. @param {string} words @returns {Word[]} */
  const wanted = (words) => words.split(/\s+/).filter(Boolean)
    .map((word) => ({ form: formOf(word), short: word.length <= SHORT }));

  /** Where a word stands in a text: start and end of each. @param {string} text @param {Word} word
   * @returns {number[][]} */
  const spans = (text, { form, short }) => {
    const all = [...text.matchAll(form)].map(({ index, 0: it }) => [index, index + it.length]);
    if (!short) return all;
    const goesOn = (at) => LETTER.test(text.charAt(at - 1)) && LETTER.test(text.charAt(at));
    return all.filter(([start, end]) => !goesOn(start) && !goesOn(end));
  };

  /** The places in which all words occur, those with the words in their heading first.
   * @param {string} words @returns {Place[]} */
  course.search = (words) => {
    const all = wanted(words);
    if (!places || all.length === 0) return [];
    const score = (place) => {
      let sum = 0;
      for (const word of all) {
        const [title, text] = [place.heading, place.text].map((of) => spans(of, word).length);
        if (!title && !text) return 0;
        sum += title ? 20 : Math.min(text, 9);
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
      const lost = () => {
        loading = null; // to be asked for again: it may be there by then
        script.remove();
        reject(new Error("search.lost"));
      };
      script.onload = () => (places ? resolve() : lost()); // cut short, it says nothing
      script.onerror = lost;
      document.head.append(script);
    });
    return loading;
  };

  const say = (key, values = {}) => course.phrase(document.documentElement, key, values);

  /** The text around the first word, with all words marked. @param {Place} place @param {string} words */
  const excerpt = (place, words) => {
    const line = document.createElement("span");
    const found = wanted(words).flatMap((word) => spans(place.text, word)).sort((a, b) => a[0] - b[0]);
    const first = found.length ? found[0][0] : 0;
    const from = first > AROUND ? place.text.indexOf(" ", first - AROUND) + 1 : 0;
    let at = from > first ? first : from;
    const last = at + 3 * AROUND;
    if (at > 0) line.append("…");
    for (const [start, end] of found) {
      if (start < at || end > last) continue; // within the one before, or too far on
      line.append(place.text.slice(at, start), course.make("mark", {}, place.text.slice(start, end)));
      at = end;
    }
    line.append(place.text.slice(at, last));
    if (last < place.text.length) line.append("…");
    return line;
  };

  /** One place found, as a link. @param {Place} place @param {string} words */
  const item = (place, words) => {
    const entry = document.createElement("li");
    const link = document.createElement("a");
    link.href = place.address;
    link.append(course.make("span", { class: "of" }, place.chapter), " ", place.heading);
    entry.append(link, excerpt(place, words));
    return entry;
  };

  const howMany = (count, words) => {
    if (count === 0) return say("search.none", { words });
    if (count > MOST) return say("search.found.more", { count, shown: MOST });
    return count === 1 ? say("search.found.one") : say("search.found", { count });
  };

  /** Shows what was found for the words; hides the list if there are none.
   * @param {HTMLElement} box @param {string} words */
  const show = (box, words) => {
    const [status, list] = [box.querySelector("p"), box.querySelector("ol")];
    box.hidden = words.trim() === "";
    if (box.hidden) return;
    const found = course.search(words);
    status.textContent = howMany(found.length, words.trim());
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

  /** "/" leads to the field. Returns what leads back to where the reader was.
   * @param {HTMLFormElement} form @param {HTMLInputElement} field @param {() => Promise<void>} find
   * @returns {() => void} */
  const mountSlash = (form, field, find) => {
    let before = { element: null, top: 0 };
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
    return () => {
      document.activeElement.blur();
      before.element?.focus({ preventScroll: true });
      if (!stays()) scrollTo({ top: before.top, behavior: "instant" });
    };
  };

  /** Arrows lead through what was found, Enter to the first place, and Escape back.
   * @param {HTMLFormElement} form @param {HTMLInputElement} field @param {HTMLElement} box
   * @param {() => Promise<void>} find */
  const mountKeys = (form, field, box, find) => {
    const goBack = mountSlash(form, field, find);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await find();
      if (!box.hidden) box.querySelector("a")?.click();
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
        goBack();
      }
    });
  };
})();
