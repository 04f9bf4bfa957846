// Turns the slides: right, page down and the space bar uncover the next piece, then turn; left and
// page up take back. c opens the slide's code, n shows the notes, a uncovers all pieces at once.
// Up and down scroll, for a slide that is larger than the screen.
(() => {
  const slides = [...document.querySelectorAll(".slide")];
  const forward = new Set(["ArrowRight", "PageDown", " "]);
  const back = new Set(["ArrowLeft", "PageUp"]);

  // What is uncovered one by one: all that stands on a slide but its headings and its first piece.
  const pieces = (slide) =>
    [...slide.querySelector(".on-the-wall").children]
      .filter((piece) => !piece.matches("h1, h2, h3, .slide-code"))
      .slice(1);
  const covered = (slide) => pieces(slide).filter((piece) => piece.classList.contains("covered"));
  const uncovered = (slide) => pieces(slide).filter((piece) => !piece.classList.contains("covered"));
  const cover = (slide, whether) => {
    for (const piece of pieces(slide)) piece.classList.toggle("covered", whether);
  };
  for (const slide of slides) cover(slide, true);

  const shown = () => {
    const middle = window.innerHeight / 2;
    const found = slides.findLastIndex((slide) => slide.getBoundingClientRect().top <= middle);
    return Math.max(found, 0);
  };

  const turn = (to) => {
    const slide = slides[Math.min(Math.max(to, 0), slides.length - 1)];
    slide.scrollIntoView({ behavior: "instant", block: "start" });
    slide.focus({ preventScroll: true });
  };

  const goOn = () => {
    const [next] = covered(slides[shown()]);
    if (!next) return turn(shown() + 1);
    next.classList.remove("covered");
    const below = next.getBoundingClientRect().bottom - window.innerHeight;
    if (below > 0) next.scrollIntoView({ behavior: "instant", block: "nearest" });
  };

  const goBack = () => {
    const last = uncovered(slides[shown()]).at(-1);
    if (last) last.classList.add("covered");
    else turn(shown() - 1);
  };

  const all = () => {
    const some = slides.some((slide) => covered(slide).length > 0);
    for (const slide of slides) cover(slide, !some);
  };

  const openCode = () => {
    const folds = [...slides[shown()].querySelectorAll(".slide-code details")];
    const open = !folds.some((fold) => fold.open);
    for (const fold of folds) fold.open = open;
  };

  // Pictures take the room that the words leave. What is larger than the screen even so is drawn
  // smaller, down to what the last row still reads; tables keep their size.
  const smallest = 0.62;
  const scrolling = 0.8;
  const least = 0.45; // of the screen, for the pictures of a slide
  const fit = (slide) => {
    const wall = slide.querySelector(".on-the-wall");
    const pictures = [...wall.querySelectorAll("figure img")];
    const style = getComputedStyle(slide);
    const room = window.innerHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    wall.style.setProperty("--zoom", 1);
    for (const picture of pictures) picture.style.height = "0px";
    const words = wall.getBoundingClientRect().height;
    const left = Math.max(room - words, least * room) / Math.max(pictures.length, 1);
    for (const picture of pictures) {
      const wide = (wall.clientWidth * picture.getAttribute("height")) / picture.getAttribute("width");
      picture.style.height = `${Math.floor(Math.min(left, wide))}px`;
    }
    let zoom = 1;
    for (let turns = 0; turns < 4; turns += 1) {
      const needed = wall.getBoundingClientRect().height;
      if (needed <= room) break;
      zoom = Math.max(smallest, (zoom * room) / needed);
      wall.style.setProperty("--zoom", zoom);
    }
    // What scrolls even so is worth no small print.
    if (wall.getBoundingClientRect().height > room + 1) wall.style.setProperty("--zoom", scrolling);
  };
  const fitAll = () => slides.forEach(fit);
  window.addEventListener("load", fitAll);
  window.addEventListener("resize", fitAll);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("summary") && event.key === " ") return;
    if (event.key === "n") {
      for (const notes of document.querySelectorAll(".notes")) notes.hidden = !notes.hidden;
    } else if (event.key === "c") openCode();
    else if (event.key === "a") all();
    else if (forward.has(event.key)) goOn();
    else if (back.has(event.key)) goBack();
    else if (event.key === "Home") turn(0);
    else if (event.key === "End") turn(slides.length - 1);
    else return;
    event.preventDefault();
  });
})();
