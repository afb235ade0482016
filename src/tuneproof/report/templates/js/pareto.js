  // Optimal: no other method is at least as good in both measures and better in one.
  const better = (measure, a, b) => (measure === "score" ? a > b : a < b);
  const optimal = (rows, x, y) => {
    const beats = (a, b) =>
      [x, y].every((measure) => !better(measure, measured(b, measure), measured(a, measure))) &&
      [x, y].some((measure) => better(measure, measured(a, measure), measured(b, measure)));
    return rows.filter((row) => !rows.some((other) => beats(other, row)));
  };
  const pareto = byId("pareto");
  if (pareto) {
    const choice = (name) => byId(`pareto-${name}`).value;
    const axis = (values, measure) => {
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const log = measure !== "score" && low > 0 && high / low > 20;
      if (log) return { type: "log", domain: [low / 1.5, high * (high / low) ** 0.18 * 1.3], nice: false };
      const margin = (high - low || Math.abs(high) || 1) * 0.08;
      return { type: "linear", domain: [measure === "score" ? low - margin : Math.max(0, low - margin), high + 2.2 * margin], nice: false };
    };
    special.pareto = (spec) => {
      const panel = page.board[choice("panel")];
      const [x, y] = [choice("x"), choice("y")];
      const rows = panel.rows.filter((row) => [x, y].every((measure) => measured(row, measure) !== null));
      const front = new Set(optimal(rows, x, y).map((row) => row.method));
      const points = rows.map((row) => ({
        method: row.method,
        x: measured(row, x),
        y: measured(row, y),
        x_told: told[x](measured(row, x)),
        y_told: told[y](measured(row, y)),
        low: y === "score" ? row.low : null,
        high: y === "score" ? row.high : null,
        hue: page.colours[row.method],
        fill: front.has(row.method) ? page.colours[row.method] : "transparent",
        opacity: front.has(row.method) ? 1 : 0.7,
        front: front.has(row.method),
      }));
      const ends = y === "score" ? points.flatMap((point) => [point.low ?? point.y, point.high ?? point.y]) : points.map((point) => point.y);
      const scales = { x: axis(points.map((point) => point.x), x), y: axis(ends, y) };
      const names = { x: say(`js_measure_${x}`, panel), y: say(`js_measure_${y}`, panel) };
      spec.layer.forEach((layer) => {
        ["x", "y"].forEach((channel) => {
          const measure = channel === "x" ? x : y;
          Object.assign(layer.encoding[channel], { scale: scales[channel], title: names[channel] });
          layer.encoding[channel].axis = { format: measure === "score" ? ".2f" : "~s", labelOverlap: true, tickCount: 5, grid: scales[channel].type !== "log" };
        });
        if (Array.isArray(layer.encoding.tooltip)) {
          layer.encoding.tooltip.slice(1).forEach((entry, place) => (entry.title = place ? names.y : names.x));
        }
      });
      spec.datasets = { pareto: points };
      byId("pareto-front").textContent = say("js_front", { methods: [...front].join(say("js_comma")) });
      return spec;
    };
    all("select", pareto).forEach((select) =>
      select.addEventListener("change", () => redraw(pareto.querySelector("[data-chart]"))),
    );
  }
