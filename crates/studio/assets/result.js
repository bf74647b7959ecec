// What a threshold costs: counts and cost at every threshold, and the cheapest.

import { Chart, number } from "./chart.js";

const form = document.querySelector("#threshold");
const texts = JSON.parse(form.dataset.texts);
const at = (id) => document.getElementById(id);
const chart = new Chart(at("cost-chart"), { title: texts.cost, x: texts.threshold, height: 220 });
let examples = null;
let best = 0.5;

/** Counts at a threshold: from it on the answer is "yes". */
function count(threshold) {
  const counts = { found: 0, missed: 0, alarms: 0 };
  examples.probabilities.forEach((p, i) => {
    const yes = p >= threshold;
    if (examples.truth[i]) counts[yes ? "found" : "missed"] += 1;
    else if (yes) counts.alarms += 1;
  });
  return counts;
}

const value = (id) => Math.max(Number(at(id).value) || 0, 0);
const cost = ({ missed, alarms }) => missed * value("miss") + alarms * value("alarm");

function show() {
  if (!examples) return;
  const threshold = Number(at("at").value);
  const counts = count(threshold);
  const all = examples.truth.filter(Boolean).length;
  at("at-text").textContent = threshold.toFixed(2);
  at("found").textContent = `${counts.found} / ${all}`;
  at("missed").textContent = counts.missed;
  at("alarms").textContent = counts.alarms;
  at("total").textContent = number(cost(counts));
  const curve = Array.from({ length: 99 }, (_, i) => (i + 1) / 100).map((t) => [t, cost(count(t))]);
  const least = Math.min(...curve.map((p) => p[1]));
  const cheapest = curve.filter((p) => p[1] === least).map((p) => p[0]);
  // Of a plateau the middle: it is the farthest from where it gets worse.
  best = cheapest[Math.floor(cheapest.length / 2)];
  chart.show(
    [{ name: texts.cost, points: curve, colour: 2 }],
    [
      { x: best, name: `${texts.best} ${best.toFixed(2)}`, kind: "best" },
      { x: threshold, name: texts.now, low: true },
    ],
  );
  at("threshold-numbers").hidden = false;
  at("use-best").hidden = false;
  const query = new URLSearchParams(new FormData(form));
  history.replaceState(null, "", `?${query}`);
}

async function load() {
  const query = new URLSearchParams({ positive: at("positive").value });
  const response = await fetch(`${form.dataset.url}?${query}`, { headers: { accept: "application/json" } });
  const answer = await response.json();
  const problem = at("threshold-problem");
  problem.hidden = response.ok;
  if (response.ok) {
    examples = answer;
    show();
  } else {
    problem.textContent = [answer.error, answer.help].filter(Boolean).join(" – ");
  }
}

form.addEventListener("submit", (event) => event.preventDefault());
at("positive").addEventListener("change", load);
for (const id of ["alarm", "miss", "at"]) at(id).addEventListener("input", show);
at("use-best").addEventListener("click", () => {
  at("at").value = best;
  show();
});
load();
