"use strict";
// Draws a chart when it comes near the screen, and the rest when the browser has time, so that printing finds all.
// `ast: true` makes Vega interpret its expressions instead of compiling them: the page's policy forbids eval.
(() => {
  const { data, specs } = JSON.parse(document.getElementById("payload").textContent);
  const embed = window.vegaEmbed;
  const draw = async (element) => {
    if (element.dataset.state) return;
    element.dataset.state = "drawing";
    const id = element.dataset.chart;
    const named = id.slice(0, id.lastIndexOf("-"));
    const spec = { ...specs[id], datasets: { ...specs[id].datasets, [named]: data[named] } };
    try {
      await embed(element, spec, { renderer: "svg", ast: true, actions: false, tooltip: { theme: "custom" } });
      element.dataset.state = "drawn";
    } catch (error) {
      element.dataset.state = "failed";
      element.textContent = "This chart could not be drawn; the tables hold its numbers.";
      console.error(id, error);
    }
  };
  const waiting = [...document.querySelectorAll("[data-chart]")];
  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
    { rootMargin: "300px" },
  );
  waiting.forEach((element) => near.observe(element));
  const later = window.requestIdleCallback || ((work) => setTimeout(work, 50));
  const next = () => {
    const element = waiting.find((candidate) => !candidate.dataset.state && candidate.offsetParent !== null);
    if (element) draw(element).then(() => later(next));
  };
  later(next);
  window.addEventListener("beforeprint", () => {
    document.querySelectorAll("details").forEach((element) => element.setAttribute("open", ""));
    waiting.forEach(draw);
  });
})();
