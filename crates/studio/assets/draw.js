// A drawing, made to look like the pictures that the model has learned from.

const INK = "#fff";
const PAPER = "#000";
/** Width of the pen as a share of the canvas. */
const PEN = 0.085;
/** Points by which each pixel of the model is measured, in each direction. */
const FINE = 8;

/** Wires the canvas in `place`; `done` gets a PNG when the pen is lifted. */
export function drawing(place, done) {
  const canvas = place.querySelector("#canvas");
  const seen = place.querySelector("#seen");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const look = {
    width: Number(place.dataset.width),
    height: Number(place.dataset.height),
    light: place.dataset.light === "true",
    share: Number(place.dataset.share),
  };
  let last = null;

  const clear = () => {
    pen.fillStyle = PAPER;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    const preview = seen.getContext("2d");
    preview.fillStyle = look.light ? PAPER : INK;
    preview.fillRect(0, 0, seen.width, seen.height);
  };
  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  };
  const line = (from, to) => {
    pen.strokeStyle = INK;
    pen.lineWidth = canvas.width * PEN;
    pen.lineCap = "round";
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
  };
  const lift = () => {
    if (!last) return;
    last = null;
    const box = inkBox(pen, canvas);
    if (!box) return;
    render(canvas, seen, box, look);
    seen.toBlob((blob) => blob && done(blob), "image/png");
  };

  canvas.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    last = point(event);
    line(last, last);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!last) return;
    const next = point(event);
    line(last, next);
    last = next;
  });
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  place.querySelector("#clear").addEventListener("click", clear);
  clear();
}

/** The smallest box around what was drawn, and its centre of mass; null if there is nothing. */
function inkBox(pen, { width, height }) {
  const { data } = pen.getImageData(0, 0, width, height);
  let [left, top, right, bottom, mass, mx, my] = [width, height, -1, -1, 0, 0, 0];
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const ink = data[4 * (y * width + x)];
      if (ink < 64) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
      mass += ink;
      mx += ink * x;
      my += ink * y;
    }
  }
  if (right < 0) return null;
  return { left, top, wide: right - left + 1, high: bottom - top + 1, x: mx / mass, y: my / mass };
}

/** Draws the ink into the model's pixels: as large as in the data, in the middle. */
function render(canvas, seen, box, look) {
  const { width, height, light, share } = look;
  const fine = document.createElement("canvas");
  fine.width = width * FINE;
  fine.height = height * FINE;
  const pen = fine.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = PAPER;
  pen.fillRect(0, 0, fine.width, fine.height);
  pen.imageSmoothingQuality = "high";
  const side = share * Math.min(fine.width, fine.height);
  const scale = side / Math.max(box.wide, box.high);
  const [wide, high] = [box.wide * scale, box.high * scale];
  // The centre of mass goes to the middle, as far as nothing is cut off.
  const place = (size, drawn, mass) => Math.min(Math.max(size / 2 - mass * scale, 0), size - drawn);
  const x = place(fine.width, wide, box.x - box.left);
  const y = place(fine.height, high, box.y - box.top);
  pen.drawImage(canvas, box.left, box.top, box.wide, box.high, x, y, wide, high);
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
