  // Draws a chart when it comes near the screen.
  // `ast: true` makes Vega interpret its expressions instead of compiling them: the page's policy forbids eval.
  const held = {};
  const drawings = () => (held.drawings ??= parsed("drawings"));
  const library = () => {
    if (!window.vegaEmbed) document.head.append(make("script", byId("library").textContent));
    return window.vegaEmbed;
  };
  const loaded = {};
  const table = (name) => (loaded[name] ??= byId(`table-${name}`) ? parsed(`table-${name}`) : []);
  const METHOD = "\ue000method";
  const specification = (id) => {
    const found = drawings().specs[id];
    if (!Array.isArray(found)) return structuredClone(found);
    const [place, method, hue] = found;
    const text = JSON.stringify(drawings().shared[place]);
    return JSON.parse(text.replaceAll(JSON.stringify(METHOD), () => JSON.stringify(method)).replaceAll("#010203", hue));
  };
  // Titles of axes in the page's language: whole ones, or `validation accuracy` by its first word.
  const titles = Object.entries(page.words.en).filter(([key]) => key.startsWith("chart_"));
  const title = (text) => {
    const [key, english] = titles.find(([, known]) => known === text || (known.endsWith("{score}") && text.startsWith(known.slice(0, -7)))) ?? [];
    if (!key) return text;
    return say(key, { score: english.endsWith("{score}") ? text.slice(english.length - 7) : "" });
  };
  const translate = (spec) => {
    if (Array.isArray(spec)) return spec.map(translate);
    if (spec === null || typeof spec !== "object") return spec;
    return Object.fromEntries(
      Object.entries(spec).map(([key, value]) => [key, key === "title" && typeof value === "string" ? title(value) : translate(value)]),
    );
  };
  const special = {};
  const draw = async (element) => {
    if (element.dataset.state) return;
    element.dataset.state = "drawing";
    const id = element.dataset.chart;
    const named = id.slice(0, id.lastIndexOf("-"));
    try {
      const spec = translate(special[id] ? special[id](specification(id)) : specification(id));
      if (!special[id]) spec.datasets = { ...spec.datasets, [named]: table(named) };
      const { view } = await library()(element, spec, { renderer: "svg", ast: true, actions: false, tooltip: { theme: "custom" } });
      view.addEventListener("click", (_, item) => item?.datum && pointed(id, item.datum));
      element.dataset.state = "drawn";
    } catch (error) {
      element.dataset.state = "failed";
      element.textContent = say("js_not_drawn");
      console.error(id, error);
    }
  };
  const redraw = (element) => {
    if (element.dataset.state !== "drawn") return;
    delete element.dataset.state;
    if (element.offsetParent !== null) draw(element);
    else near.observe(element);
  };
  const charts = () => all("[data-chart]");
  const near = new IntersectionObserver(
    (entries) =>
      entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
        near.unobserve(entry.target);
        draw(entry.target);
      }),
    { rootMargin: "300px" },
  );
  whenThere((inside) => all("[data-chart]", inside).forEach((element) => near.observe(element)));
  onLanguage.push(() => charts().forEach(redraw));
