  // The rows of a long table that were not needed for the first screen.
  all("tbody.rest").forEach((rest) => {
    rest.previousElementSibling.append(...rest.rows);
    rest.remove();
  });

  // Sorting by a click on a heading; empty cells stay last.
  const key = (row, place) => {
    const cell = row.cells[place];
    const text = cell?.dataset.v ?? cell?.textContent.trim() ?? "";
    if (text === "" || text === "–") return null;
    const number = Number(text);
    return Number.isNaN(number) ? text.toLowerCase() : number;
  };
  const sort = (heading) => {
    const head = heading.closest("th");
    const body = head.closest("table").tBodies[0];
    const place = head.cellIndex;
    const rows = all(":scope > tr", body).map((row) => [key(row, place), row]);
    const numbers = rows.some(([value]) => typeof value === "number");
    const before = head.getAttribute("aria-sort");
    const falling = before === null ? numbers && head.closest("table").dataset.rising === undefined && place > 0 && head.dataset.cheap === undefined : before === "ascending";
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      const order = typeof a === typeof b ? (a > b) - (a < b) : typeof a === "number" ? -1 : 1;
      return falling ? -order : order;
    });
    body.append(...rows.map(([, row]) => row));
    all("th[aria-sort]", head.parentElement).forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
  };
  document.addEventListener("click", (event) => {
    const heading = event.target.closest("button.sort");
    if (heading) sort(heading);
  });

  // A box that filters rows (or cards): every word must be found.
  const filter = (box) => {
    const name = box.dataset.filter;
    const entries = all(":scope > tbody > tr, :scope > [data-entry]", byId(name));
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    entries.forEach((entry) => {
      const text = entry.textContent.toLowerCase();
      entry.hidden = !words.every((word) => text.includes(word));
      shown += !entry.hidden;
    });
    const count = document.querySelector(`[data-count="${name}"]`);
    count.textContent = words.length ? say("js_shown", { shown, total: entries.length }) : "";
  };
  document.addEventListener("input", (event) => event.target.matches("[data-filter]") && filter(event.target));
  onLanguage.push(() => all("[data-filter]").filter((box) => box.value).forEach(filter));

  // Columns to choose.
  const chooser = () =>
    all("[data-columns]").forEach((place) => {
      const target = byId(place.dataset.columns);
      const hidden = new Set(all("input", place).filter((box) => !box.checked).map((box) => box.value));
      place.replaceChildren();
      all("thead th[data-column]", target).forEach((head) => {
        const label = make("label");
        const box = make("input", undefined, { type: "checkbox", value: head.dataset.column });
        const show = () => [head, ...all(":scope > tbody > tr", target).map((row) => row.cells[head.cellIndex])].forEach((cell) => (cell.hidden = !box.checked));
        box.checked = !hidden.has(head.dataset.column);
        box.addEventListener("change", show);
        label.append(box, " ", head.innerText.replace(/\s+/g, " ").trim() || head.textContent.trim());
        place.append(label);
      });
    });
  chooser();
  onLanguage.push(chooser);
