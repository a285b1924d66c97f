"use strict";
(() => {
  const all = (query, root = document) => [...root.querySelectorAll(query)];

  // Names beside codes, as the browser knows them: a search finds "German" as well as "de".
  let names = null;
  try { names = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" }); } catch { /* codes alone */ }
  for (const cell of all("th[data-language]")) {
    let name = "";
    try { name = (names && names.of(cell.dataset.language.replaceAll("_", "-"))) || ""; } catch { /* no code */ }
    if (name) {
      const span = document.createElement("span");
      span.className = "language";
      span.textContent = name;
      cell.append(span);
    }
  }

  const order = new Intl.Collator("en", { numeric: true });
  const valueOf = (cell) => (cell && cell.dataset.v !== undefined ? Number(cell.dataset.v) : NaN);

  for (const table of all("table[data-sortable]")) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    const tools = table.closest(".sheet").querySelector(".tools");
    const status = tools.querySelector("output");
    const input = tools.querySelector("input");
    const texts = new Map(rows.map((row) => [row, row.cells[0].textContent.toLocaleLowerCase()]));
    tools.hidden = false;
    tools.querySelector("label").hidden = rows.length < 6; // all in sight

    input.addEventListener("input", () => {
      const words = input.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        row.hidden = !words.every((word) => texts.get(row).includes(word));
        shown += row.hidden ? 0 : 1;
      }
      const { all: count, what } = status.dataset;
      status.textContent = words.length ? `${shown} of ${count} ${what}` : `${count} ${what}`;
    });

    for (const head of all("thead th", table)) {
      const column = head.cellIndex;
      const numeric = head.dataset.sort === "number";
      const title = head.textContent.trim();
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const before = head.getAttribute("aria-sort");
        const falling = before ? before === "ascending" : numeric;
        for (const other of all("thead th[aria-sort]", table)) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", falling ? "descending" : "ascending");
        const sign = falling ? -1 : 1;
        const sorted = [...rows].sort((a, b) => {
          if (!numeric) return sign * order.compare(a.cells[column].textContent, b.cells[column].textContent);
          const [x, y] = [valueOf(a.cells[column]), valueOf(b.cells[column])];
          if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // without a figure: last
          return sign * (x - y);
        });
        body.append(...sorted);
        const shown = rows.filter((row) => !row.hidden).length;
        const way = falling ? "descending" : "ascending";
        status.textContent = `${shown} ${status.dataset.what}, sorted by ${title}, ${way}`;
      });
    }
  }

  // Runs of the learning curves can be taken out.
  const runs = all(".legend li[data-run]");
  for (const item of runs.length > 1 ? runs : []) {
    const lines = all(`.r${Number(item.dataset.run)}`);
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.append(...item.firstElementChild.childNodes);
    item.replaceChildren(button);
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      for (const line of lines) line.classList.toggle("off", !on);
    });
  }

  // On paper nothing can be opened.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all("details:not([open])");
    for (const part of opened) part.open = true;
  });
  addEventListener("afterprint", () => {
    for (const part of opened) part.open = false;
  });
})();
