  // The style shows the texts of the page's language; attributes and options are set here.
  const speak = (tag) => {
    document.documentElement.lang = tag;
    all("[data-language]").forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.language === tag)),
    );
    all("[data-told]").forEach((element) => {
      const text = element.dataset[tag];
      if (element.dataset.told === "text") element.textContent = text;
      else element.setAttribute(element.dataset.told, text);
    });
    onLanguage.forEach((work) => work());
  };
  all("[data-language]").forEach((button) => button.addEventListener("click", () => speak(button.dataset.language)));
