// Trying a model without leaving the page: files, paste, drop, camera, drawing, forms.

import { drawing } from "./draw.js";

const at = (id) => document.getElementById(id);
const pictures = at("pictures");
const failed = (pictures ?? at("row") ?? at("text")).dataset.failed;
let asked = 0;

/** Sends a form and puts the answer of the page that comes back into this one. */
async function ask(url, body) {
  const number = ++asked;
  at("problem").hidden = true;
  at("answer").setAttribute("aria-busy", "true");
  try {
    const wish = at("why") ? `?${new URLSearchParams(new FormData(at("why")))}` : "";
    const response = await fetch(url + wish, { method: "POST", body });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    // A later question may have been answered before this one.
    if (number !== asked) return;
    const fresh = page.getElementById("answer");
    if (fresh) at("answer").replaceChildren(...fresh.childNodes);
    else problem(page.querySelector(".message")?.textContent || page.querySelector("h1")?.textContent || failed);
  } catch {
    problem(failed);
  } finally {
    at("answer").removeAttribute("aria-busy");
  }
}

function problem(text) {
  at("problem").textContent = text;
  at("problem").hidden = false;
}

function askPicture(blob) {
  const body = new FormData();
  body.append("picture", blob, blob.name ?? "picture.png");
  return ask(pictures.dataset.url, body);
}

function onSubmit(form) {
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    // Which button was pressed says which example is meant.
    const fields = new FormData(form, event.submitter);
    const files = form.enctype === "multipart/form-data";
    ask(form.action, files ? fields : new URLSearchParams(fields));
  });
}

const isPicture = (file) => file.type.startsWith("image/");

function wireFiles() {
  at("picture").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (file) askPicture(file);
  });
  const drop = at("drop");
  for (const name of ["dragenter", "dragover"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    drop.addEventListener(name, () => drop.classList.remove("over"));
  }
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    const file = [...event.dataTransfer.files].find(isPicture);
    if (file) askPicture(file);
  });
  document.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files ?? [])].find(isPicture);
    if (file) askPicture(file);
  });
}

function wireCamera() {
  // Browsers give the camera to safe addresses only.
  if (!navigator.mediaDevices?.getUserMedia) return;
  const video = at("video");
  let stream = null;
  const stop = () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    at("viewer").hidden = true;
    at("camera").hidden = false;
  };
  at("camera").hidden = false;
  at("camera").addEventListener("click", async () => {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      video.srcObject = stream;
      await video.play();
      at("viewer").hidden = false;
      at("camera").hidden = true;
    } catch (error) {
      problem(error.message);
    }
  });
  at("shot").addEventListener("click", () => {
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((blob) => blob && askPicture(blob), "image/png");
  });
  at("camera-off").addEventListener("click", stop);
  addEventListener("pagehide", stop);
}

if (pictures) {
  wireFiles();
  wireCamera();
  onSubmit(at("upload"));
  onSubmit(at("examples"));
  const place = at("drawing");
  if (place) drawing(place, askPicture);
}
// Whether and how to say why is sent along with an example, never by itself.
at("why")?.addEventListener("submit", (event) => event.preventDefault());
onSubmit(at("row"));
onSubmit(at("text"));

const clear = at("clear-text");
if (clear) {
  const fields = [...at("text").querySelectorAll("textarea")];
  clear.hidden = false;
  clear.addEventListener("click", () => {
    for (const field of fields) field.value = "";
    fields[0].focus();
  });
  // A line end belongs to a text, so sending takes a second key.
  at("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) at("text").requestSubmit();
  });
}
