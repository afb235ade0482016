"use strict";
// Everything works on what the page holds; without scripts its tables and sentences are all there.
(() => {
  const parsed = (id) => JSON.parse(document.getElementById(id).textContent);
  const page = parsed("payload");
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const language = () => document.documentElement.lang;
  const say = (key, values = {}) =>
    (page.words[language()][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  const make = (tag, text, attributes = {}) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    return element;
  };
  const onLanguage = [];
  const onFilled = [];
  // What becomes of elements in a tab that is opened for the first time, and of those that are there at once.
  const whenThere = (work) => {
    work(document);
    onFilled.push(work);
  };
{% include "js/numbers.js" %}
{% include "js/language.js" %}
{% include "js/charts.js" %}
{% include "js/tabs.js" %}
{% include "js/tables.js" %}
{% include "js/pareto.js" %}
{% include "js/recommend.js" %}
{% include "js/origin.js" %}
})();
