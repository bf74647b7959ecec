// A drawing, made to look like the pictures that the model has learned from.

const INK = "#fff";
const PAPER = "#000";
/** Points by which each pixel of the model is measured, in each direction. */
const FINE = 8;

/** Wires the canvas in `place`; `done` gets a PNG when the pen is lifted. */
export function drawing(place, done) {
  const canvas = place.querySelector("#canvas");
  const seen = place.querySelector("#seen");
  const pen = canvas.getContext("2d");
  const look = {
    width: Number(place.dataset.width),
    height: Number(place.dataset.height),
    light: place.dataset.light === "true",
    share: Number(place.dataset.share),
    pen: Number(place.dataset.pen),
  };
  /** Lists of points, one a stroke. */
  let strokes = [];
  let down = false;

  const clear = () => {
    strokes = [];
    fill(pen, PAPER);
    fill(seen.getContext("2d"), look.light ? PAPER : INK);
  };
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  };
  const show = () => line(pen, strokes.slice(-1), 0.75 * look.pen * canvas.width);
  const lift = () => {
    if (!down) return;
    down = false;
    render(strokes, seen, look);
    seen.toBlob((blob) => blob && done(blob), "image/png");
  };

  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    down = true;
    strokes.push([point(event)]);
    show();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!down) return;
    strokes[strokes.length - 1].push(point(event));
    show();
  });
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  place.querySelector("#clear").addEventListener("click", clear);
  clear();
}

function fill(pen, colour) {
  pen.fillStyle = colour;
  pen.fillRect(0, 0, pen.canvas.width, pen.canvas.height);
}

function line(pen, strokes, width) {
  pen.strokeStyle = INK;
  pen.lineWidth = width;
  pen.lineCap = "round";
  pen.lineJoin = "round";
  for (const [first, ...rest] of strokes) {
    pen.beginPath();
    pen.moveTo(...first);
    // A dot is a line to where it began.
    for (const next of rest.length > 0 ? rest : [first]) pen.lineTo(...next);
    pen.stroke();
  }
}

/** Draws the strokes into the model's pixels: as large and as thick as in the data, in the middle. */
function render(strokes, seen, look) {
  const { width, height } = look;
  const fine = document.createElement("canvas");
  fine.width = width * FINE;
  fine.height = height * FINE;
  const pen = fine.getContext("2d", { willReadFrequently: true });
  const side = look.share * Math.min(fine.width, fine.height);
  const thick = look.pen * side;
  const all = strokes.flat();
  const extent = (i) => {
    const values = all.map((p) => p[i]);
    return { low: Math.min(...values), size: Math.max(...values) - Math.min(...values) };
  };
  const [x, y] = [extent(0), extent(1)];
  const scale = (side - thick) / Math.max(x.size, y.size, 1);
  const draw = (left, top) => {
    fill(pen, PAPER);
    const placed = strokes.map((s) => s.map((p) => [left + (p[0] - x.low) * scale, top + (p[1] - y.low) * scale]));
    line(pen, placed, thick);
  };
  const [left, top] = [(fine.width - x.size * scale) / 2, (fine.height - y.size * scale) / 2];
  draw(left, top);
  const mass = centre(pen, fine);
  // The centre of mass goes to the middle, as far as nothing is cut off.
  const most = (from) => Math.max(from - thick / 2, 0);
  const shift = (by, from) => Math.min(Math.max(by, -most(from)), most(from));
  draw(left + shift(fine.width / 2 - mass.x, left), top + shift(fine.height / 2 - mass.y, top));
  measure(pen, fine, seen, look);
}

/** Where the middle of the ink is. */
function centre(pen, { width, height }) {
  const { data } = pen.getImageData(0, 0, width, height);
  let [mass, x, y] = [0, 0, 0];
  for (let i = 0; i < width * height; i += 1) {
    const ink = data[4 * i];
    mass += ink;
    x += ink * (i % width);
    y += ink * Math.floor(i / width);
  }
  return { x: x / mass, y: y / mass };
}

/** Turns the fine drawing into the model's pixels. */
function measure(pen, fine, seen, { width, height, light }) {
  const ink = pen.getImageData(0, 0, fine.width, fine.height).data;
  const target = seen.getContext("2d");
  const pixels = target.createImageData(width, height);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const mean = meanInk(ink, fine.width, column * FINE, row * FINE);
      const i = 4 * (row * width + column);
      pixels.data.fill(light ? mean : 255 - mean, i, i + 3);
      pixels.data[i + 3] = 255;
    }
  }
  target.putImageData(pixels, 0, 0);
}

/** Mean of a square of fine points: what a pixel of a scanned drawing shows. */
function meanInk(ink, width, left, top) {
  let sum = 0;
  for (let y = top; y < top + FINE; y += 1) {
    for (let x = left; x < left + FINE; x += 1) sum += ink[4 * (y * width + x)];
  }
  return sum / (FINE * FINE);
}
