// Uploads: files are gathered from a drop or a chooser, with their folders, and sent with progress.

const form = document.querySelector("#upload");
const sending = form.querySelector("#sending");
const text = form.querySelector("#sending-text");
const bar = form.querySelector("#sending-bar");
const stop = form.querySelector("#sending-stop");
const problem = form.querySelector("#upload-problem");

/** All files below an entry of a drop, each with its path. */
async function filesOf(entry, path = "") {
  const place = path + entry.name;
  if (entry.isFile) {
    const file = await new Promise((done, failed) => entry.file(done, failed));
    return [{ file, place }];
  }
  const reader = entry.createReader();
  const inside = [];
  // A reader gives its entries in portions and ends with an empty one.
  for (;;) {
    const portion = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (portion.length === 0) break;
    inside.push(...portion);
  }
  const found = [];
  for (const next of inside) {
    found.push(...(await filesOf(next, place + "/")));
  }
  return found;
}

function say(message) {
  problem.textContent = message;
  problem.hidden = !message;
}

/** Whether systems leave such files in folders; they are not worth sending. */
const isJunk = (place) =>
  place.split("/").some((part) => part.startsWith(".") || part === "Thumbs.db" || part === "desktop.ini");

function send(files) {
  const wanted = files.filter(({ place }) => !isJunk(place));
  if (wanted.length === 0) {
    say(form.dataset.empty);
    return;
  }
  say("");
  const body = new FormData();
  for (const { file, place } of wanted) body.append("file", file, place);
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.responseType = "json";
  request.upload.addEventListener("progress", (event) => {
    const share = event.lengthComputable ? event.loaded / event.total : 0;
    bar.value = share;
    text.textContent = `${form.dataset.sending}: ${Math.floor(100 * share)} %`;
  });
  request.upload.addEventListener("load", () => {
    bar.removeAttribute("value");
    text.textContent = form.dataset.storing;
  });
  request.addEventListener("load", () => {
    const answer = request.response ?? {};
    if (request.status === 200 && answer.place) {
      location.assign(answer.place);
      return;
    }
    sending.hidden = true;
    const parts = [answer.headline, answer.error, answer.help].filter(Boolean);
    say(parts.join(": ") || form.dataset.lost);
  });
  request.addEventListener("error", () => {
    sending.hidden = true;
    say(form.dataset.lost);
  });
  request.addEventListener("abort", () => {
    sending.hidden = true;
  });
  stop.onclick = () => request.abort();
  text.textContent = form.dataset.sending;
  bar.value = 0;
  sending.hidden = false;
  request.send(body);
}

for (const chooser of form.querySelectorAll("input[type=file]")) {
  chooser.addEventListener("change", () => {
    const files = [...chooser.files].map((file) => ({
      file,
      place: file.webkitRelativePath || file.name,
    }));
    // The same folder may be chosen again after a mistake was mended.
    chooser.value = "";
    if (files.length > 0) send(files);
  });
}

// A file that misses its target would replace the page.
for (const kind of ["dragover", "drop"]) {
  window.addEventListener(kind, (event) => event.preventDefault());
}
form.addEventListener("dragover", () => form.classList.add("over"));
form.addEventListener("dragleave", (event) => {
  if (!form.contains(event.relatedTarget)) form.classList.remove("over");
});
form.addEventListener("drop", async (event) => {
  form.classList.remove("over");
  // The list of a drop is emptied at the first pause, so the entries are taken at once.
  const entries = [...event.dataTransfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry())
    .filter(Boolean);
  try {
    const found = [];
    for (const entry of entries) found.push(...(await filesOf(entry)));
    send(found);
  } catch (error) {
    say(String(error));
  }
});
