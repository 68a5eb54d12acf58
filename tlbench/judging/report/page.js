"use strict";
(() => {
  const root = document.documentElement, table = document.getElementById("verdicts");
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  const bodies = [...table.tBodies], choices = [...document.querySelectorAll("select[data-key]")];
  const search = document.getElementById("search"), count = document.getElementById("count");
  const texts = new Map(bodies.map(body => [body, body.rows[0].textContent.toLowerCase()]));
  const filter = () => {
    const word = search.value.toLowerCase();
    let shown = 0;
    for (const body of bodies) {
      const kept = choices.every(choice => !choice.value || body.dataset[choice.dataset.key] === choice.value);
      body.hidden = !(kept && texts.get(body).includes(word));
      shown += !body.hidden;
    }
    count.textContent = `${shown} of ${bodies.length} rows`;
  };
  choices.forEach(choice => choice.addEventListener("input", filter));
  search.addEventListener("input", filter);
  const order = ["negative", "unstable", "invalid", "inconclusive", "neutral", "positive"];
  const columns = [...table.tHead.rows[0].cells];
  const key = (body, column) => {
    const name = columns[column].dataset.sort;
    if (name === "value") return Number(body.dataset.value);
    if (name === "verdict") return order.indexOf(body.dataset.verdict) + Number(body.dataset.value) / 1000;
    const text = body.rows[0].cells[column].textContent.trim(), number = parseFloat(text.replace("<", ""));
    return ["target", "source", "method", "axis"].includes(name) || Number.isNaN(number) ? text : number;
  };
  const sort = (column, down) => {
    columns.forEach((head, i) => head.setAttribute("aria-sort", i === column ? (down ? "descending" : "ascending") : "none"));
    const keyed = bodies.map(body => [key(body, column), body]);
    const compare = ([a], [b]) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    keyed.sort((a, b) => down ? compare(b, a) : compare(a, b));
    table.append(...keyed.map(([, body]) => body));
  };
  columns.forEach((head, column) => head.firstElementChild.addEventListener("click", () =>
    sort(column, head.getAttribute("aria-sort") === "ascending")));
  const turn = (body, opened) => {
    body.classList.toggle("opened", opened);
    body.querySelector(".open").setAttribute("aria-expanded", String(opened));
  };
  table.addEventListener("click", event => {
    const body = event.target.closest(".open")?.closest("tbody");
    if (body) turn(body, !body.classList.contains("opened"));
  });
  const follow = () => {
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!place) return;
    place.closest("details")?.setAttribute("open", "");
    if (place.tagName === "TBODY") {
      if (place.hidden) {
        choices.forEach(choice => { if (choice.dataset.key !== "axis") choice.value = ""; });
        search.value = "";
        filter();
      }
      turn(place, true);
    }
    place.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  addEventListener("beforeprint", () => document.querySelectorAll(".folded > details").forEach(part => { part.open = true; }));
  sort(0, false);
  filter();
  follow();
})();
