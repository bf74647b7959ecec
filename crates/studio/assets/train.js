// The form of all settings: only those of the chosen architecture, optimizer and schedule are shown.

const fields = [...document.querySelectorAll(".field[data-only]")];

function show(chooser) {
  const changed = chooser.value !== chooser.dataset.base;
  for (const field of fields.filter((f) => f.dataset.chooser === chooser.id)) {
    const fits = field.dataset.only.split(" ").includes(chooser.value);
    const input = field.querySelector("input, select");
    field.hidden = !fits;
    input.disabled = !fits;
    // The recommended value belongs to the recommended choice; another one has its own default.
    if (changed && input.value === input.dataset.base) input.value = "";
    if (!changed && input.value === "") input.value = input.dataset.base;
  }
}

for (const id of new Set(fields.map((f) => f.dataset.chooser))) {
  const chooser = document.getElementById(id);
  if (!chooser) continue;
  chooser.addEventListener("change", () => show(chooser));
  show(chooser);
}

// A fault's link leads into a folded part of the page.
for (const link of document.querySelectorAll("[role=alert] a[href^='#']")) {
  link.addEventListener("click", () => {
    const target = document.getElementById(link.getAttribute("href").slice(1));
    target?.closest("details")?.setAttribute("open", "");
    target?.focus();
  });
}
