  // The style shows the texts of the page's language; attributes and options are set here.
  const relabel = (inside) =>
    all("[data-told]", inside).forEach((element) => {
      const text = element.dataset[language()];
      if (element.dataset.told === "text") element.textContent = text;
      else element.setAttribute(element.dataset.told, text);
    });
  onFilled.push(relabel);
  const speak = (tag) => {
    document.documentElement.lang = tag;
    all("[data-language]").forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.language === tag)),
    );
    relabel(document);
    onLanguage.forEach((work) => work());
  };
  all("[data-language]").forEach((button) => button.addEventListener("click", () => speak(button.dataset.language)));
