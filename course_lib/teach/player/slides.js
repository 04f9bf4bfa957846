// Turns the slides: left and right, the page keys and the space bar; n shows what the teacher says.
// Up and down scroll, for a slide that is larger than the screen.
(() => {
  const slides = [...document.querySelectorAll(".slide")];
  const forward = new Set(["ArrowRight", "PageDown", " "]);
  const back = new Set(["ArrowLeft", "PageUp"]);

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

  // What is larger than the screen is drawn smaller, down to what the last row still reads.
  const smallest = 0.62;
  const fit = () => {
    for (const slide of slides) {
      const wall = slide.querySelector(".on-the-wall");
      wall.style.zoom = 1;
      const style = getComputedStyle(slide);
      const room =
        window.innerHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
      const needed = wall.getBoundingClientRect().height;
      if (needed > room) wall.style.zoom = Math.max(smallest, room / needed);
    }
  };
  window.addEventListener("load", fit);
  window.addEventListener("resize", fit);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("summary") && event.key === " ") return;
    if (event.key === "n") {
      for (const notes of document.querySelectorAll(".notes")) notes.hidden = !notes.hidden;
    } else if (forward.has(event.key)) turn(shown() + 1);
    else if (back.has(event.key)) turn(shown() - 1);
    else if (event.key === "Home") turn(0);
    else if (event.key === "End") turn(slides.length - 1);
    else return;
    event.preventDefault();
  });
})();
