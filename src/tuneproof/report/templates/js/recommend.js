  // The rule of recommend/rule.py: rank by score, take who cannot be told apart from the best, of these who lies within
  // the difference that would mostly go unseen, of these who trains fastest. Ensembles are no single fit, and no advice.
  const pairsOf = (panel) => {
    const found = new Map();
    let place = 0;
    panel.rows.forEach((a, i) =>
      panel.rows.slice(i + 1).forEach((b) => {
        if (panel.apart[place] !== "-") {
          const pair = { apart: panel.apart[place] === "1", detectable: panel.detectable[place] };
          found.set(`${a.method}\n${b.method}`, pair).set(`${b.method}\n${a.method}`, pair);
        }
        place += 1;
      }),
    );
    return found;
  };
  const median = (values) => {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  };
  const choose = (rows, pairs) => {
    const ranked = [...rows].sort((a, b) => b.value - a.value);
    const best = ranked[0];
    const against = (row) => pairs.get(`${best.method}\n${row.method}`);
    const tied = ranked.filter((row) => row === best || !against(row)?.apart);
    const known = ranked.map((row) => against(row)?.detectable).filter((value) => value !== undefined && value !== null);
    const near = known.length ? tied.filter((row) => row.value >= best.value - median(known)) : tied;
    const timed = near.filter((row) => row.train_seconds !== null);
    const cheapest = timed.length === near.length ? timed.reduce((a, b) => (b.train_seconds < a.train_seconds ? b : a)) : null;
    return { best, near, cheapest };
  };
  const advise = (panel, limits) => {
    const pairs = panel.pairs ?? (panel.pairs = pairsOf(panel));
    const methods = panel.rows.filter((row) => row.kind === "method");
    const breaks = (row) =>
      Object.entries(limits).filter(([measure, limit]) =>
        measure === "score" ? row.value < limit : row[measure] === null || row[measure] > limit,
      );
    const inside = methods.filter((row) => !breaks(row).length);
    if (!inside.length) {
      const perhaps = methods
        .filter((row) => breaks(row).every(([measure]) => measure === "score") && row.high !== null && row.high >= limits.score)
        .sort((a, b) => b.value - a.value);
      return perhaps.length ? { answer: "cannot tell", method: perhaps[0], near: [], cheaper: [], inside } : { answer: "nothing fits", method: null, near: [], cheaper: [], inside };
    }
    const { best, near, cheapest } = choose(inside, pairs);
    const compared = inside.length < 2 || inside.some((a) => inside.some((b) => pairs.has(`${a.method}\n${b.method}`)));
    const method = cheapest ?? best;
    const cheaper = inside
      .filter((row) => pairs.get(`${method.method}\n${row.method}`)?.apart === false && row.train_seconds !== null && row.train_seconds < method.train_seconds)
      .sort((a, b) => a.train_seconds - b.train_seconds);
    return { answer: compared && cheapest ? "use" : "cannot tell", method, near, cheaper, inside };
  };
  const sliders = all("[data-limit]");
  if (sliders.length) {
    const panel = () => page.board[byId("recommend-panel").value];
    const steps = (measure) => {
      const values = panel().rows.filter((row) => row.kind === "method").map((row) => measured(row, measure)).filter((value) => value !== null);
      return [...new Set(values)].sort((a, b) => (measure === "score" ? b - a : a - b));
    };
    const limit = (slider) => steps(slider.dataset.limit)[slider.value];
    const setUp = () => {
      sliders.forEach((slider) => {
        slider.max = steps(slider.dataset.limit).length;
        slider.value = slider.max;
        slider.disabled = slider.max === "0";
      });
      show();
    };
    const names = (rows) => rows.map((row) => row.method).join(say("js_comma"));
    const show = () => {
      const limits = {};
      sliders.forEach((slider) => {
        const value = limit(slider);
        const text = value === undefined ? say("js_no_limit") : told[slider.dataset.limit](value);
        if (value !== undefined) limits[slider.dataset.limit] = value;
        byId(`told-${slider.dataset.limit}`).textContent = text;
        slider.setAttribute("aria-valuetext", text);
      });
      const found = advise(panel(), limits);
      const box = byId("recommended");
      Object.assign(box.dataset, { answer: found.answer, method: found.method?.method ?? "", near: found.near.map((row) => row.method).join("|"), cheaper: found.cheaper.map((row) => row.method).join("|"), limits: JSON.stringify(limits) });
      box.replaceChildren();
      const { method } = found;
      const at = method && `${method.value.toFixed(3)}${method.low === null ? "" : ` [${method.low.toFixed(3)}–${method.high.toFixed(3)}]`}`;
      const key = { use: "js_use", "cannot tell": "js_cannot_tell", "nothing fits": "js_nothing_fits" }[found.answer];
      box.append(make("p", say(key, { method: method?.method, at, score: panel().score }), { class: "answer" }));
      if (!method) return;
      const costs = Object.keys(told).filter((measure) => measure !== "score" && method[measure] !== null);
      box.append(make("p", costs.map((measure) => `${say(`js_measure_${measure}`)}: ${told[measure](method[measure])}`).join(" · "), { class: "soft" }));
      const others = found.near.filter((row) => row !== method);
      if (others.length) box.append(make("p", say("js_near", { methods: names(others) })));
      if (found.cheaper.length) box.append(make("p", say("js_cheaper", { methods: names(found.cheaper) })));
      const model = page.models > 1 ? ` --model ${panel().model}` : "";
      const results = page.results === "results" ? "" : ` --results ${page.results}`;
      box.append(make("code", `tuneproof fit --method ${method.method} --dataset ${panel().dataset}${model}${results}`));
    };
    sliders.forEach((slider) => slider.addEventListener("input", show));
    byId("recommend-panel").addEventListener("change", setUp);
    onLanguage.push(show);
    setUp();
  }
