"use strict";
/* Tables that sort by a click on a column's head, and the table of every measurement, which can be filtered. */
(() => {
  const { data, element, create, fixed, rate, count, label, options } = Report;

  /** Sorts rows by their cells' data-value, as numbers where all are; missing ones last. */
  function sortBy(table, column, ascending) {
    const body = table.tBodies[0];
    const value = (row) => {
      const text = row.cells[column].dataset.value ?? row.cells[column].textContent;
      return text === "" ? null : Number.isNaN(Number(text)) ? text : Number(text);
    };
    const compare = (a, b) => {
      if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
      const order = typeof a.value === "number" && typeof b.value === "number"
        ? a.value - b.value : String(a.value).localeCompare(String(b.value), "en", { numeric: true });
      return ascending ? order : -order;
    };
    const rows = [...body.rows].map((row) => ({ row, value: value(row) }));
    body.replaceChildren(...rows.sort(compare).map(({ row }) => row));
  }

  function makeSortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = create("button", {
        type: "button", title: "Sort by this column",
        onclick: () => {
          const ascending = head.getAttribute("aria-sort") !== "ascending";
          heads.forEach((other) => other.removeAttribute("aria-sort"));
          head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
          sortBy(table, column, ascending);
        },
      }, ...head.childNodes);
      head.replaceChildren(button);
    });
  }

  function everyMeasurement() {
    const table = element("records");
    const image = element("records-image"), codec = element("records-codec"), page = 400;
    options(image, [["", "all images"], ...data.images.map((name, i) => [String(i), name])]);
    options(codec, [["", "all codecs"], ...data.codecs.map(({ name }, i) => [String(i), name])]);
    const cell = (text, value) => create("td", { "data-value": value ?? "" }, text);
    const row = ([at, c, setting, bpp, psnr, similarity, db, others, bytes, encode, decode, memory]) => create("tr", {},
      create("td", { class: "text" }, data.images[at]), create("td", { class: "text" }, data.codecs[c].name),
      cell(label(c, setting), setting), cell(count(bytes), bytes), cell(fixed(bpp, 4), bpp), cell(fixed(psnr, 2), psnr),
      cell(fixed(similarity, 4), similarity), cell(fixed(db, 2), db),
      ...others.map((value, i) => cell(fixed(value, data.metrics[i].digits), value)), cell(fixed(encode, 3), encode), cell(fixed(decode, 3), decode),
      cell(memory === null ? "–" : count(Math.round(memory / 2 ** 20)), memory));
    const fill = () => {
      const wanted = data.records.filter((record) =>
        (image.value === "" || record[0] === Number(image.value)) && (codec.value === "" || record[1] === Number(codec.value)));
      table.tBodies[0].replaceChildren(...wanted.slice(0, page).map(row));
      [...table.tHead.rows[0].cells].forEach((head) => head.removeAttribute("aria-sort"));
      element("records-count").textContent = wanted.length > page
        ? `the first ${count(page)} of ${count(wanted.length)}: choose an image or a codec, or see results.csv`
        : `${count(wanted.length)} measurements`;
    };
    image.addEventListener("change", fill);
    codec.addEventListener("change", fill);
    // Rows cost time only where someone looks at them.
    element("records-details").addEventListener("toggle", fill, { once: true });
  }

  document.querySelectorAll("table.sortable").forEach(makeSortable);
  if (element("records")) everyMeasurement();
})();
