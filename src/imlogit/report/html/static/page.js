"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const cells = JSON.parse(document.getElementById("cell-data").textContent);
  const place = document.getElementById("cells");
  let chosen = [];

  function element(name, text) {
    const made = document.createElement(name);
    made.textContent = text;
    return made;
  }

  function tile([box, name]) {
    const svg = document.createElementNS(SVG, "svg");
    const title = document.createElementNS(SVG, "title");
    const use = document.createElementNS(SVG, "use");
    title.textContent = name;
    use.setAttribute("href", "#sheet-confusion");
    svg.setAttribute("class", "tile");
    svg.setAttribute("role", "img");
    svg.setAttribute("viewBox", box);
    svg.setAttribute("width", "56");
    svg.setAttribute("height", "56");
    svg.append(title, use);
    const item = document.createElement("li");
    item.append(svg);
    return item;
  }

  function panel(key) {
    const cell = cells[key];
    const made = document.createElement("div");
    const said = cell.true === cell.answer ? "rightly" : `taken for ${cell.answer}`;
    made.append(element("h3", `${cell.true}, ${said}: ${cell.n}`));
    const list = document.createElement("ul");
    list.className = "tiles";
    list.append(...cell.tiles.map(tile));
    made.append(list);
    const more = cell.n - cell.tiles.length;
    if (more > 0) {
      const words = element("p", `${more} more are not in this page`);
      words.className = "quiet";
      made.append(words);
    }
    return made;
  }

  const buttons = document.querySelectorAll("[data-cell]");
  for (const button of buttons) {
    button.addEventListener("click", () => {
      const key = button.dataset.cell;
      chosen = chosen.includes(key) ? chosen.filter((one) => one !== key) : [...chosen, key].slice(-2);
      for (const one of buttons) {
        one.setAttribute("aria-pressed", String(chosen.includes(one.dataset.cell)));
      }
      place.replaceChildren(...chosen.map(panel));
    });
  }

  document.getElementById("search")?.addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const item of document.querySelectorAll("#pairs li")) {
      item.hidden = !item.textContent.toLowerCase().includes(wanted);
    }
  });

  document.getElementById("sort")?.addEventListener("click", (event) => {
    const list = document.getElementById("mistake-list");
    list.replaceChildren(...[...list.children].reverse());
    const least = event.target.textContent.startsWith("Least");
    event.target.textContent = least ? "Surest first" : "Least sure first";
  });

  function quoted(text) {
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  document.getElementById("download")?.addEventListener("click", () => {
    const rows = [["row", "file", "given", "suggested"]];
    for (const box of document.querySelectorAll("[data-doubt]:checked")) {
      rows.push(JSON.parse(box.dataset.doubt));
    }
    const text = rows.map((row) => row.map(quoted).join(",") + "\n").join("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "labels.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
})();
