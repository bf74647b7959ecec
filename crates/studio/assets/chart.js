// Curves as SVG, in the colours of the page and in the size of their figure.

const NS = "http://www.w3.org/2000/svg";
const MARGIN = { left: 52, right: 14, top: 12, bottom: 34 };

/** A chart in a figure. Series: { name, points: [[x, y]], faint, dashed, colour }. */
export class Chart {
  constructor(figure, { title, x, height = 260, whole = false }) {
    this.figure = figure;
    this.title = title;
    this.x = x;
    this.height = height;
    // Whether only whole numbers mean something on the way to the right.
    this.whole = whole;
    this.series = [];
    this.marks = [];
    this.caption = document.createElement("figcaption");
    this.caption.textContent = title;
    this.legend = document.createElement("ul");
    this.legend.className = "legend";
    this.svg = element("svg", { role: "img", "aria-label": title });
    this.readout = document.createElement("p");
    this.readout.className = "readout";
    figure.replaceChildren(this.caption, this.legend, this.svg, this.readout);
    new ResizeObserver(() => this.draw()).observe(figure);
    this.svg.addEventListener("pointermove", (event) => this.read(event));
    this.svg.addEventListener("pointerleave", () => (this.readout.textContent = ""));
  }

  /** Replaces the curves, and upright lines { x, name } with them. */
  show(series, marks = []) {
    this.series = series;
    this.marks = marks;
    this.draw();
  }

  /** Draws before the next frame, once, however often it is asked. */
  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.drawNow();
    });
  }

  drawNow() {
    const width = Math.max(this.figure.clientWidth, 200);
    const height = this.height;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", height);
    const shown = this.series.filter((s) => s.points.length > 0);
    this.svg.replaceChildren();
    this.legend.hidden = this.series.length < 2;
    this.legend.replaceChildren(...this.series.map((s, i) => entry(s, colour(s, i))));
    if (shown.length === 0) return;
    const all = shown.flatMap((s) => s.points).filter((p) => Number.isFinite(p[1]));
    const xs = range(all.map((p) => p[0]));
    const ys = range(all.map((p) => p[1]));
    const right = width - MARGIN.right;
    const bottom = height - MARGIN.bottom;
    this.toX = (x) => MARGIN.left + ((x - xs.low) / xs.size) * (right - MARGIN.left);
    this.fromX = (at) => xs.low + ((at - MARGIN.left) / (right - MARGIN.left)) * xs.size;
    const toY = (y) => bottom - ((y - ys.low) / ys.size) * (bottom - MARGIN.top);
    for (const y of ticks(ys, 5)) {
      this.svg.append(
        element("line", { class: "rule", x1: MARGIN.left, x2: right, y1: toY(y), y2: toY(y) }),
        label(MARGIN.left - 8, toY(y) + 4, "end", number(y)),
      );
    }
    for (const x of ticks(xs, Math.min(10, width / 70)).filter((x) => !this.whole || Number.isInteger(x))) {
      this.svg.append(label(this.toX(x), bottom + 16, "middle", number(x)));
    }
    this.svg.append(label((MARGIN.left + right) / 2, height - 4, "middle", this.x));
    for (const mark of this.marks) {
      const at = this.toX(mark.x);
      const side = at > width / 2 ? "end" : "start";
      this.svg.append(
        element("line", { class: `mark ${mark.kind ?? ""}`, x1: at, x2: at, y1: MARGIN.top, y2: bottom }),
        label(at + (side === "end" ? -5 : 5), MARGIN.top + (mark.low ? 26 : 10), side, mark.name),
      );
    }
    this.series.forEach((s, i) => {
      const points = s.points
        .filter((p) => Number.isFinite(p[1]))
        .map((p) => [this.toX(p[0]).toFixed(1), toY(p[1]).toFixed(1)]);
      const kind = `curve ${colour(s, i)}${s.faint ? " faint" : ""}${s.dashed ? " dashed" : ""}`;
      if (points.length > 1) {
        this.svg.append(element("polyline", { class: kind, points: points.map((p) => p.join()).join(" ") }));
      }
      if (points.length > 0 && !s.faint) {
        const [x, y] = points[points.length - 1];
        this.svg.append(element("circle", { class: `dot ${colour(s, i)}`, cx: x, cy: y, r: 3.5 }));
      }
    });
  }

  /** Says the values nearest to the pointer. */
  read(event) {
    if (!this.fromX) return;
    const box = this.svg.getBoundingClientRect();
    const x = this.fromX(event.clientX - box.left);
    const parts = [];
    let nearest = null;
    for (const s of this.series) {
      if (s.faint || s.points.length === 0) continue;
      const point = s.points.reduce((a, b) => (Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a));
      nearest ??= point[0];
      parts.push(`${s.name} ${number(point[1])}`);
    }
    this.readout.textContent = nearest === null ? "" : `${this.x} ${number(nearest)}: ${parts.join(", ")}`;
  }
}

const colour = (series, i) => `colour-${series.colour ?? (i % 6) + 1}`;

function entry(series, kind) {
  const item = document.createElement("li");
  const swatch = element("svg", { width: 22, height: 10, "aria-hidden": "true" });
  swatch.append(
    element("line", {
      class: `curve ${kind}${series.faint ? " faint" : ""}${series.dashed ? " dashed" : ""}`,
      x1: 1, x2: 21, y1: 5, y2: 5,
    }),
  );
  item.append(swatch, series.name);
  return item;
}

function element(name, attributes) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function label(x, y, anchor, text) {
  const made = element("text", { x, y, "text-anchor": anchor });
  made.textContent = text;
  return made;
}

function range(values) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  if (!(high > low)) {
    const room = Math.abs(low) > 0 ? Math.abs(low) * 0.1 : 0.5;
    low -= room;
    high += room;
  }
  return { low, high, size: high - low };
}

/** Round numbers inside a range, about as many as asked for. */
function ticks({ low, high, size }, count) {
  const rough = size / Math.max(count, 2);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, i) => (first + i) * step);
}

/** A number with the digits that count. */
export function number(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2);
  return String(Number(value.toPrecision(size >= 1000 ? 6 : 4)));
}
