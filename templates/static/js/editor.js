// What the product editor does beyond forms; every page works without it.
"use strict";

// Inputs whose value is no longer what the page came with.
for (const input of document.querySelectorAll(".mall-editor input[type=text]")) {
  input.addEventListener("input", () => {
    input.classList.toggle("mall-touched", input.value !== input.defaultValue);
  });
}

// Enter in a table goes to the same column of the next row, as in a spreadsheet, and sends nothing.
for (const table of document.querySelectorAll(".mall-sheet, .mall-grid")) {
  table.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.type !== "text") return;
    event.preventDefault();
    const cell = event.target.closest("td");
    const row = cell.parentElement.nextElementSibling;
    const place = [...cell.querySelectorAll("input[type=text]")].indexOf(event.target);
    const below = row && row.children[cell.cellIndex].querySelectorAll("input[type=text]")[place];
    if (below) below.select();
  });
}

// One more empty row of attributes.
for (const rows of document.querySelectorAll("[data-rows]")) {
  const more = rows.querySelector("[data-more]");
  more.hidden = false;
  more.addEventListener("click", () => {
    const row = [...rows.querySelectorAll("[data-row]")].pop().cloneNode(true);
    for (const input of row.querySelectorAll("input")) input.value = "";
    rows.insertBefore(row, more);
    row.querySelector("input").focus();
  });
}

// Pictures are dragged into their order; the button that saves it appears.
for (const list of document.querySelectorAll("[data-sort]")) {
  let dragged = null;
  list.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("li");
    dragged.classList.add("mall-dragged");
    event.dataTransfer.effectAllowed = "move";
  });
  list.addEventListener("dragover", (event) => {
    event.preventDefault();
    const over = event.target.closest("li");
    if (!dragged || !over || over === dragged) return;
    const items = [...list.children];
    const later = items.indexOf(over) > items.indexOf(dragged);
    list.insertBefore(dragged, later ? over.nextSibling : over);
  });
  list.addEventListener("dragend", () => {
    dragged.classList.remove("mall-dragged");
    dragged = null;
    const places = [...list.children].map((item) => item.dataset.place);
    list.closest("form").elements.order.value = places.join(",");
    document.querySelector("[data-save-order]").hidden = false;
  });
}

// The theme expects a text field beside every file field and fails without one; ours has none.
document.addEventListener(
  "change",
  (event) => {
    if (event.target.closest(".mall-upload")) event.stopPropagation();
  },
  true,
);

// Another kind of discount has other fields: the page of the designer shows them at once.
document.addEventListener("change", (event) => {
  if (event.target.name !== "kind_of") return;
  event.target.form.querySelector("[data-of-kind]").click();
});
