// A run as it happens: curves, progress, log, mistakes and the machine's load.

import { Chart } from "./chart.js";

const live = document.querySelector("#live");
const texts = JSON.parse(live.dataset.texts);
const at = (id) => document.getElementById(id);
/** One chart a score: its figure's chart, and its points by part. */
let charts = new Map();
let plan = { steps_per_epoch: 1 };
let spoken = 0;

function chart(name) {
  if (!charts.has(name)) {
    const figure = document.createElement("figure");
    figure.className = "chart card";
    at("charts").append(figure);
    const title = texts[`score-${name}`] ?? name;
    const made = new Chart(figure, { title, x: texts["chart-epoch"], whole: true });
    charts.set(name, { chart: made, steps: [], train: new Map(), validation: new Map() });
  }
  return charts.get(name);
}

function draw(name) {
  const { chart: made, steps, train, validation } = chart(name);
  const sorted = (points) => [...points].sort((a, b) => a[0] - b[0]);
  const series = [];
  if (steps.length > 1) series.push({ name: texts["chart-steps"], points: steps, faint: true, colour: 1 });
  series.push({ name: texts["curve-train"], points: sorted(train), dashed: true, colour: 1 });
  if (validation.size > 0) series.push({ name: texts["curve-validation"], points: sorted(validation), colour: 2 });
  made.show(series);
}

function addStep([step, loss, scores]) {
  const x = step / plan.steps_per_epoch;
  for (const [name, value] of [["loss", loss], ...scores]) {
    const { steps } = chart(name);
    // After a resume the same steps come again.
    while (steps.length > 0 && steps[steps.length - 1][0] >= x) steps.pop();
    steps.push([x, value]);
  }
}

const drawAll = () => [...charts.keys()].forEach(draw);

const heard = {
  begin() {
    charts = new Map();
    at("charts").replaceChildren();
    at("log").replaceChildren();
  },
  plan(news) {
    plan = news;
  },
  epoch({ epoch, train, validation }) {
    for (const [part, scores] of Object.entries({ train, validation })) {
      for (const [name, value] of scores) chart(name)[part].set(epoch, value);
    }
    drawAll();
  },
  steps({ points }) {
    points.forEach(addStep);
    drawAll();
  },
  step({ point, share, text }) {
    addStep(point);
    drawAll();
    progress(text, share);
  },
  note({ text }) {
    progress(text);
  },
  log({ text }) {
    const list = at("log");
    const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 4;
    const line = document.createElement("li");
    line.textContent = text;
    list.append(line);
    if (atEnd) list.scrollTop = list.scrollHeight;
  },
  wrong({ html }) {
    at("wrong-list").innerHTML = html;
    at("wrong").hidden = false;
  },
  machine({ processor, processor_text, memory_text }) {
    at("machine").hidden = false;
    at("processor").value = processor ?? 0;
    at("processor-text").textContent = processor_text ?? "–";
    at("memory").textContent = memory_text ?? "–";
  },
  status({ status }) {
    const running = status === "running";
    at("progress").hidden = !running;
    if (!running) at("machine").hidden = true;
    if (at("state").dataset.status !== status) renew();
  },
};

function progress(text, share) {
  at("eta").textContent = text;
  if (share !== undefined) at("bar").value = share;
  if (Date.now() - spoken > 20_000) {
    spoken = Date.now();
    at("spoken").textContent = text;
  }
}

/** Fetches the parts of the page that the server writes. */
async function renew() {
  const response = await fetch(live.dataset.page);
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ["state", "epochs"]) {
    const fresh = page.getElementById(id);
    if (fresh) at(id).replaceWith(fresh);
  }
  // A region that was replaced is not read out, so another says it.
  at("spoken").textContent = document.querySelector("#state .lead").textContent;
}

// The browser connects again by itself; the stream then begins anew.
const stream = new EventSource(live.dataset.events);
for (const [name, hear] of Object.entries(heard)) {
  stream.addEventListener(name, (event) => hear(JSON.parse(event.data)));
}
addEventListener("pagehide", () => stream.close());
