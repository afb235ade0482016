  // Links become tabs. Without scripts, and on paper, all sections follow each other. A tab is text, which costs nothing,
  // until it is opened.
  const bar = byId("tabs");
  const tabs = all("a", bar);
  const panelOf = (tab) => byId(tab.hash.slice(1));
  const fill = (panel) => {
    const text = panel.querySelector(":scope > noscript");
    if (!text) return;
    panel.innerHTML = text.textContent;
    onFilled.forEach((work) => work(panel));
  };
  const open = (tab, { focus = false } = {}) => {
    tabs.forEach((other) => {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      other.tabIndex = chosen ? 0 : -1;
      panelOf(other).hidden = !chosen;
      if (chosen) fill(panelOf(other));
    });
    if (focus) tab.focus();
  };
  bar.setAttribute("role", "tablist");
  tabs.forEach((tab, place) => {
    tab.setAttribute("role", "tab");
    tab.id = `tab-${place}`;
    tab.setAttribute("aria-controls", tab.hash.slice(1));
    const panel = panelOf(tab);
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", tab.id);
    panel.removeAttribute("aria-label");
    panel.style.scrollMarginTop = "100vh"; // a link to a tab shows the page from its top
    tab.addEventListener("click", (event) => {
      event.preventDefault();
      open(tab);
      history.replaceState(null, "", tab.hash);
    });
    tab.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tabs.length - 1 };
      if (!(event.key in steps)) return;
      event.preventDefault();
      open(tabs[(steps[event.key] + tabs.length) % tabs.length], { focus: true });
    });
  });
  open(tabs.find((tab) => tab.hash === location.hash) ?? tabs[0]);

  // Printing shows everything: all tabs, all that is folded, all charts.
  const unfold = async () => {
    tabs.forEach((tab) => {
      fill(panelOf(tab));
      panelOf(tab).hidden = false;
    });
    all("details:not(.columns)").forEach((element) => element.setAttribute("open", ""));
    await Promise.all(charts().map(draw));
  };
  const fold = () => open(tabs.find((tab) => tab.getAttribute("aria-selected") === "true"));
  window.addEventListener("beforeprint", unfold);
  window.addEventListener("afterprint", fold);
  matchMedia("print").addEventListener("change", ({ matches }) => (matches ? unfold() : fold()));
  byId("print").addEventListener("click", () => unfold().then(() => window.print()));
