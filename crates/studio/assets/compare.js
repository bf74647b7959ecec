// The curves of several runs on one chart a score.

import { Chart } from "./chart.js";

const place = document.querySelector("#compare-charts");
for (const { title, x, series } of JSON.parse(place.dataset.charts)) {
  const figure = document.createElement("figure");
  figure.className = "chart";
  place.append(figure);
  new Chart(figure, { title, x, whole: true }).show(series);
}
