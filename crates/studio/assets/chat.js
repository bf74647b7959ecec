// Talking with one model, or with two side by side.

import { ask, marked } from "./talk.js";

const at = (id) => document.getElementById(id);
const page = at("chat");
const words = JSON.parse(page.dataset.words);

/** One model with what was said. */
class Talk {
  constructor(box, choice) {
    this.box = box;
    this.choice = choice;
    this.messages = [];
    this.log = box.querySelector(".log");
    this.state = box.querySelector(".state");
  }

  get on() {
    return this.choice.value !== "";
  }

  name() {
    return this.choice.selectedOptions[0]?.textContent.trim() ?? "";
  }

  clear() {
    this.messages = [];
    this.log.replaceChildren();
    this.state.textContent = "";
    this.box.querySelector("h2").textContent = this.name();
  }

  async answer(text, settings, signal) {
    this.said("you", words.you, document.createTextNode(text));
    const turn = this.said("model", words.model, "");
    const body = turn.querySelector(".text");
    const asked = [...this.messages, { role: "user", content: text }];
    const system = at("system").value.trim();
    const messages = system ? [{ role: "system", content: system }, ...asked] : asked;
    let content = "";
    let grounds = null;
    const draw = () => {
      const cite = (number) => citation(grounds?.citations?.find((c) => c.number === number));
      body.replaceChildren(marked(content, cite));
      this.log.scrollTop = this.log.scrollHeight;
    };
    const begun = performance.now();
    try {
      const model = await this.model(signal);
      this.state.textContent = words.writing;
      const question = { model, messages, ...settings };
      const ended = await ask("/chat/api/v1/chat/completions", question, {
        signal,
        tell: (delta) => {
          if (delta.citations) grounds = delta;
          if (!delta.content) return;
          content += delta.content;
          draw();
        },
      });
      draw();
      this.messages = [...asked, { role: "assistant", content }];
      this.tell(ended.usage, performance.now() - begun);
      if (grounds) this.below(turn, model, grounds, ended.id);
    } catch (error) {
      const stopped = error.name === "AbortError";
      // What was said until then stays part of the conversation.
      if (stopped && content) this.messages = [...asked, { role: "assistant", content }];
      if (!stopped) turn.classList.add("fault");
      const note = document.createElement("p");
      note.textContent = stopped ? words.stopped : `${words.failed} ${error.message}`;
      turn.append(note);
      this.state.textContent = "";
    }
  }

  /** The name under which the model is asked, which is loaded first. */
  async model(signal) {
    this.state.textContent = words.loading;
    const response = await fetch("/chat/load", {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams({ model: this.choice.value }),
      signal,
    });
    const told = await response.json();
    if (!response.ok) throw new Error([told.error, told.help].filter(Boolean).join("; "));
    return told.model;
  }

  said(who, name, content) {
    const turn = document.createElement("article");
    turn.className = `turn ${who}`;
    const heading = document.createElement("h3");
    heading.textContent = name;
    const text = document.createElement("div");
    text.className = "text";
    text.append(content);
    turn.append(heading, text);
    this.log.append(turn);
    this.log.scrollTop = this.log.scrollHeight;
    return turn;
  }

  tell(usage, milliseconds) {
    const seconds = milliseconds / 1000;
    const tokens = usage?.completion_tokens ?? 0;
    this.state.textContent = tokens ? `${tokens} ${words.tokens} · ${seconds.toFixed(1)} s · ${(tokens / seconds).toFixed(1)}/s` : "";
  }

  /** Sources and thumbs below an assistant's answer. */
  below(turn, model, grounds, id) {
    const under = document.createElement("div");
    under.className = "under";
    if (grounds.citations.length) {
      const name = document.createElement("span");
      name.textContent = `${words.sources}: `;
      under.append(name, ...grounds.citations.map(citation));
    }
    for (const [rating, sign, name] of [["up", "👍", words.good], ["down", "👎", words.bad]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "secondary thumb";
      button.textContent = sign;
      button.title = name;
      button.setAttribute("aria-label", name);
      button.setAttribute("aria-pressed", "false");
      button.addEventListener("click", () => rate({ model, id, rating }, button, under));
      under.append(button);
    }
    turn.append(under);
    this.log.scrollTop = this.log.scrollHeight;
  }
}

/** A button that shows a passage. */
function citation(found) {
  if (!found) return null;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "cite";
  button.textContent = found.number;
  button.title = `${words.source} ${found.number}: ${found.title}`;
  button.setAttribute("aria-label", button.title);
  button.addEventListener("click", () => read(found, button));
  return button;
}

let from = null;

function read(found, button) {
  from = button;
  const box = at("passage");
  box.querySelector("h2").textContent = found.title;
  box.querySelector("p.quiet").textContent = [found.file, found.heading].filter(Boolean).join(" · ");
  const text = box.querySelector("blockquote");
  const start = found.quote ? found.text.indexOf(found.quote) : -1;
  if (start < 0) text.textContent = found.text;
  else {
    const quote = document.createElement("mark");
    quote.textContent = found.quote;
    text.replaceChildren(found.text.slice(0, start), quote, found.text.slice(start + found.quote.length));
  }
  box.hidden = false;
  box.focus();
}

async function rate(body, button, under) {
  const response = await fetch("/chat/api/v1/feedback", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  }).catch(() => null);
  for (const other of under.querySelectorAll(".thumb")) {
    other.setAttribute("aria-pressed", String(other === button && Boolean(response?.ok)));
  }
  under.querySelector("output")?.remove();
  const note = document.createElement("output");
  note.textContent = response?.ok ? words.thanks : words.failed;
  under.append(note);
}

/** What the form says about how to answer; what is empty is left to the model. */
function settings() {
  const fields = { temperature: "temperature", "top-p": "top_p", "max-tokens": "max_tokens", seed: "seed" };
  const all = {};
  for (const [id, name] of Object.entries(fields)) {
    if (at(id).value !== "") all[name] = Number(at(id).value);
  }
  return all;
}

function start() {
  const talks = [new Talk(at("talk-0"), at("model")), new Talk(at("talk-1"), at("other"))];
  let asking = null;

  const fresh = () => {
    asking?.abort();
    for (const talk of talks) {
      talk.clear();
      talk.box.hidden = !talk.on;
    }
    at("talks").classList.toggle("two", talks[1].on);
  };

  at("ask").addEventListener("submit", async (event) => {
    event.preventDefault();
    if (asking) return asking.abort();
    const text = at("question").value.trim();
    if (!text) return;
    at("question").value = "";
    // So that Enter and the button can stop what is being written.
    at("question").required = false;
    const mine = (asking = new AbortController());
    at("send").textContent = words.stop;
    const chosen = settings();
    await Promise.all(talks.filter((talk) => talk.on).map((talk) => talk.answer(text, chosen, mine.signal)));
    if (asking === mine) asking = null;
    at("question").required = true;
    at("send").textContent = words.send;
    at("question").focus();
  });

  at("question").addEventListener("keydown", (event) => {
    // While a word is being composed, Enter takes it over.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (!asking) at("ask").requestSubmit();
  });

  at("passage-close").addEventListener("click", () => {
    at("passage").hidden = true;
    from?.focus();
  });
  at("passage").addEventListener("keydown", (event) => {
    if (event.key === "Escape") at("passage-close").click();
  });
  at("fresh").addEventListener("click", () => {
    fresh();
    at("question").focus();
  });
  for (const talk of talks) talk.choice.addEventListener("change", fresh);
  fresh();
}

start();
