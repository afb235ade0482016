  // Where a number comes from: its address, the hashes behind it, and the commands that check it.
  const dialog = byId("origin");
  const origins = () => (held.origins ??= parsed("origins"));
  const list = (entries) => {
    const found = make("dl");
    entries.filter(([, value]) => value).forEach(([name, value]) => {
      const shown = make("dd");
      shown.append(make("code", value));
      found.append(make("dt", name), shown);
    });
    return found;
  };
  const hashes = (key, names) => {
    const origin = origins()[key];
    const parts = [list([...Object.entries(origin.data).map(([name, value]) => [say(`js_data_${name}`), value]), [say("js_model"), origin.model]])];
    names.forEach((name) => {
      const made = origin.methods[name];
      if (!made) return;
      parts.push(make("h3", name), list([[say("js_settings"), made.settings], [say("js_code"), made.code], [say("js_commit"), made.commit && made.commit + (made.dirty ? " +" : "")]]));
      made.runs.forEach((run) =>
        parts.push(list([[`${run.run ?? `seed ${run.seed}`}: ${say("js_checkpoint")}`, run.checkpoint], [`${run.run ?? `seed ${run.seed}`}: ${say("js_predictions")}`, run.predictions]])),
      );
    });
    return parts;
  };
  const commands = (addresses, file) => {
    const found = make("div");
    addresses.forEach((address) => {
      found.append(make("pre", `tuneproof trace ${address}\ntuneproof verify ${address}`));
    });
    if (!addresses.length) found.append(make("pre", `# ${file}\ntuneproof verify --all`));
    return found;
  };
  // `places`: key of the panel, methods, and the number's address or file.
  const tell = (text, places) => {
    const content = byId("origin-content");
    content.replaceChildren(make("p", text, { class: "answer" }));
    places.forEach(({ key, names, address, file }) => {
      content.append(make("p", address ?? file, { class: "address" }));
      content.append(make("h3", say("js_verify")), commands(address ? [address] : [], file));
      if (key) content.append(...hashes(key, names));
    });
    dialog.showModal();
  };
  // Text out of data, as figures.py writes it into an address.
  const named = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  const addressOf = (file, words) => `${page.results}/${file}:${words}`;
  const keyOf = (dataset, model) => Object.keys(origins()).find((key) => origins()[key].dataset === dataset && origins()[key].model_name === model);
  document.addEventListener("click", (event) => {
    const number = event.target.closest("button.n");
    if (!number) return;
    const row = number.closest("tr");
    const cell = number.closest("td, th");
    const source = number.closest("table");
    const names = row.dataset.made?.split("|") ?? [];
    const column = number.dataset.column;
    const { file } = source.dataset;
    if (cell.dataset.words) {
      // several addresses: the number is the mean of these; what they were made of stands at the last one
      const places = cell.dataset.words.split("|").map((words) => ({ names, address: addressOf(file, words) }));
      const [dataset, model] = cell.dataset.words.split("/");
      places.at(-1).key = keyOf(dataset, model);
      return tell(number.textContent, places);
    }
    if (row.dataset.words) {
      const judged = { value: [row.dataset.score], low: [row.dataset.score, "low"], high: [row.dataset.score, "high"], seed_sd: [row.dataset.score, "seed_sd"] };
      const words = [row.dataset.words, ...((row.dataset.score && judged[column]) || [column])].join("/");
      return tell(number.textContent, [{ key: source.dataset.panel, names, address: addressOf(file, words) }]);
    }
    if (file) {
      const panels = page.board.filter((panel) => panel.model === row.dataset.model && panel.rows.some((entry) => entry.method === names[0] && entry[column] !== null));
      return tell(number.textContent, panels.map((panel) => ({ key: panel.key, names, address: addressOf(file, `${panel.dataset}/${panel.model}/${names[0]}/${column}`) })));
    }
    return tell(number.textContent, [{ key: source.dataset.panel, names, file: `${page.results}/${source.dataset.source}` }]);
  });
  // A click on a chart's point.
  const pointed = (id, datum) => {
    const [, key, kind] = /^(panel-\d+)-(\w+)-\d+$/.exec(id) ?? [];
    if (!key || !datum.method) return;
    const origin = origins()[key];
    const where = `${origin.dataset}/${origin.model_name}/${datum.method}`;
    const judged = (words) => addressOf(`evaluate/${origin.dataset}/${origin.model_name}/${kind}.csv`, `${where}/${words}`);
    const [value, address] =
      {
        curves: () => [datum.value, addressOf("report/learning_curves.csv", `${where}/seed-${datum.seed}/epoch-${datum.epoch}/validation`)],
        search: () => [datum.value, addressOf(`search/${where}/trials.csv`, `trial-${datum.trial}/value`)],
        costs: () => [datum.value, addressOf("report/leaderboard.csv", `${where}/${datum.score ?? ""}`.replace(/\/$/, ""))],
        reliability: () => [datum.accuracy, judged(`${datum.scaling}/bin-${datum.bin}/accuracy`)],
        risk_coverage: () => [datum.risk, judged(`coverage-${datum.coverage}/risk`)],
        confusion: () => [datum.answers, judged(`${named(datum.gold)}/${named(datum.predicted)}/answers`)],
        robustness: () => [datum.drop, judged(`${datum.challenge}/${datum.score}/drop`)],
      }[kind]?.() ?? [];
    if (address && value !== undefined) tell(String(value), [{ key, names: [datum.method], address }]);
  };
