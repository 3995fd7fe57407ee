"use strict";
// Sorts and filters tables with `data-sorts`; without this script they are plain tables, and nothing else needs it.
(() => {
  const NUMBER = /^[~>≥ ]*(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)/;

  // What a cell is sorted by: a number where it begins with one, nothing where it is unknown, else its text.
  const key = (cell) => {
    const text = cell.dataset.by ?? cell.textContent.trim();
    if (text === "-" || text === "") return null;
    const number = NUMBER.exec(text);
    return number === null || cell.dataset.by === undefined && !cell.classList.contains("n") ? text : Number(number[1]);
  };
  const words = new Intl.Collator("en", { numeric: true });

  const compare = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null); // the unknown is last either way
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * words.compare(String(a), String(b));
  };

  const sort = (table, column, header) => {
    const descending = header.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const body = table.tBodies[0];
    const keyed = Array.from(body.rows, (row) => [key(row.cells[column]), row]);
    keyed.sort((a, b) => compare(a[0], b[0], descending ? -1 : 1));
    body.append(...keyed.map(([, row]) => row));
  };

  const makeSortable = (table) => {
    Array.from(table.tHead.rows[0].cells).forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      button.addEventListener("click", () => sort(table, column, header));
      header.append(button);
    });
  };

  const makeFilterable = (table, box) => {
    const input = box.querySelector("input");
    const count = box.querySelector("output");
    const rows = Array.from(table.tBodies[0].rows);
    const texts = rows.map((row) => Array.from(row.cells, (cell) => cell.textContent).join(" ").toLowerCase());
    const show = () => {
      const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, index) => {
        row.hidden = !wanted.every((word) => texts[index].includes(word));
        shown += row.hidden ? 0 : 1;
      });
      count.value = `${shown} of ${rows.length} shown`;
    };
    let waiting = 0;
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(show, 80);
    });
    box.hidden = false;
    show();
  };

  for (const table of document.querySelectorAll("table[data-sorts]")) {
    makeSortable(table);
    const box = document.getElementById(table.dataset.sorts);
    if (box !== null) makeFilterable(table, box);
  }
  // What is folded is to be on paper, too.
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details:not([open])")) {
      details.open = true;
      details.dataset.printed = "";
    }
  });
  addEventListener("afterprint", () => {
    for (const details of document.querySelectorAll("details[data-printed]")) {
      details.open = false;
      delete details.dataset.printed;
    }
  });
})();
