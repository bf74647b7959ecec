
// The bubble: <script src="https://models.example/widget.js" data-model="shop" data-token="mw_…"></script>
// More attributes: data-title, data-greeting, data-language (en, zh; else the page's), data-side (left).

const WORDS = {
  en: {
    title: "Ask us",
    open: "Open the chat",
    close: "Close the chat",
    greeting: "Hello! What would you like to know?",
    field: "Your question",
    send: "Send",
    stop: "Stop",
    you: "You",
    answer: "Answer",
    waiting: "Writing …",
    stopped: "(stopped)",
    failed: "That did not work:",
    good: "Helpful",
    bad: "Not helpful",
    thanks: "Thank you.",
    sources: "Sources",
    source: "Source",
    back: "Back",
  },
  zh: {
    title: "在线咨询",
    open: "打开聊天",
    close: "关闭聊天",
    greeting: "您好！请问有什么可以帮您？",
    field: "您的问题",
    send: "发送",
    stop: "停止",
    you: "您",
    answer: "回答",
    waiting: "正在输入……",
    stopped: "（已停止）",
    failed: "没有成功：",
    good: "有帮助",
    bad: "没有帮助",
    thanks: "谢谢您的反馈。",
    sources: "来源",
    source: "来源",
    back: "返回",
  },
};

const STYLE = `
:host { all: initial; position: fixed; z-index: 2147483000; bottom: 1rem; right: 1rem; color-scheme: light dark;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  --card: light-dark(#fff, #1d2229); --raised: light-dark(#eef2f7, #272e38); --text: light-dark(#16202c, #eef2f6);
  --soft: light-dark(#4b5968, #b4c0cc); --edge: light-dark(#76848f, #8593a1); --accent: light-dark(#0b5cad, #7cbcff);
  --on-accent: light-dark(#fff, #0c1a29); --bad: light-dark(#a8201a, #ff9d94); color: var(--text); }
:host([data-side="left"]) { right: auto; left: 1rem; }
*, *::before { box-sizing: border-box; }
[hidden] { display: none !important; }
button { font: inherit; cursor: pointer; color: inherit; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.bubble { width: 3.75rem; height: 3.75rem; border: 0; border-radius: 50%; background: var(--accent); color: var(--on-accent);
  box-shadow: 0 4px 16px #0005; display: block; margin-left: auto; font-size: 1.5rem; }
:host([data-side="left"]) .bubble { margin-left: 0; }
.panel { display: flex; flex-direction: column; width: min(24rem, calc(100vw - 2rem)); height: min(34rem, calc(100vh - 7rem));
  margin-bottom: .75rem; background: var(--card); border: 1px solid var(--edge); border-radius: 14px; overflow: hidden;
  box-shadow: 0 8px 32px #0004; }
header { display: flex; align-items: center; justify-content: space-between; padding: .6rem 1rem; background: var(--accent); color: var(--on-accent); font-weight: 650; }
header button { border: 0; background: none; font-size: 1.3rem; line-height: 1; padding: .3rem .5rem; }
header button:focus-visible { outline-color: var(--on-accent); }
.log { flex: 1; overflow-y: auto; padding: 1rem; display: flex; flex-direction: column; gap: .75rem; }
.said { max-width: 92%; padding: .55rem .85rem; border-radius: 12px; background: var(--raised); overflow-wrap: anywhere; }
.said.you { align-self: flex-end; background: var(--accent); color: var(--on-accent); white-space: pre-wrap; }
.said.problem { color: var(--bad); }
.said > :first-child, .said .text > :first-child { margin-top: 0; } .said > :last-child, .said .text > :last-child { margin-bottom: 0; }
.said p, .said ul, .said ol { margin: .4rem 0; } .said ul, .said ol { padding-left: 1.3rem; }
.said pre { white-space: pre-wrap; background: var(--card); padding: .5rem; border-radius: 8px; margin: .4rem 0; }
.said a { color: var(--accent); }
.cite { border: 1px solid var(--accent); border-radius: 999px; background: none; color: var(--accent); font-size: .8em; padding: 0 .45em; margin: 0 .1em; }
.under { display: flex; flex-wrap: wrap; gap: .4rem; align-items: center; margin-top: .5rem; font-size: .85rem; color: var(--soft); }
.under button { border: 1px solid var(--edge); border-radius: 999px; background: var(--card); color: var(--text); padding: .15rem .6rem; }
.under button[aria-pressed="true"] { border-color: var(--accent); color: var(--accent); }
.passage { flex: 1; overflow-y: auto; padding: 1rem; } .passage h2 { font-size: 1rem; margin: .75rem 0 .25rem; }
.passage p { white-space: pre-wrap; margin: .4rem 0; } .passage .soft { color: var(--soft); font-size: .85rem; }
.passage button { border: 1px solid var(--edge); border-radius: 8px; background: none; padding: .3rem .8rem; }
form { display: flex; gap: .5rem; padding: .75rem; border-top: 1px solid var(--edge); }
textarea { flex: 1; font: inherit; color: inherit; background: var(--card); border: 1.5px solid var(--edge); border-radius: 10px; padding: .4rem .7rem; resize: none; height: 2.75rem; }
form button { border: 0; border-radius: 10px; background: var(--accent); color: var(--on-accent); font-weight: 600; padding: 0 1rem; }
.quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
`;

const script = document.currentScript;
const settings = script.dataset;
const home = new URL(script.src).origin;
const language = (settings.language ?? document.documentElement.lang ?? navigator.language) || navigator.language;
const words = WORDS[language.toLowerCase().startsWith("zh") ? "zh" : "en"];
const authorized = settings.token ? { Authorization: `Bearer ${settings.token}` } : {};
const messages = [];
let asking = null;

const host = document.createElement("div");
host.className = "modelwright-chat";
host.lang = words === WORDS.zh ? "zh-Hans" : "en";
if (settings.side === "left") host.dataset.side = "left";
const root = host.attachShadow({ mode: "open" });
const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);
root.adoptedStyleSheets = [sheet];

/** An element with attributes and children. */
function made(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

const title = settings.title ?? words.title;
const log = made("div", { class: "log", role: "log", "aria-live": "polite", tabindex: "0" });
const field = made("textarea", { rows: "1", maxlength: "4000", "aria-label": words.field, placeholder: words.field });
const send = made("button", { type: "submit" }, words.send);
const form = made("form", {}, field, send);
const passage = made("div", { class: "passage", tabindex: "-1" });
const close = made("button", { type: "button", "aria-label": words.close, onclick: () => show(false) }, "×");
const panel = made(
  "section",
  { class: "panel", role: "dialog", "aria-label": title, onkeydown: (e) => e.key === "Escape" && show(false) },
  made("header", {}, made("span", {}, title), close),
  log,
  passage,
  form,
);
const bubble = made("button", { class: "bubble", type: "button", onclick: () => show(panel.hidden) }, "💬");
panel.hidden = passage.hidden = true;
root.append(panel, bubble);

function show(open) {
  panel.hidden = !open;
  bubble.setAttribute("aria-expanded", String(open));
  bubble.setAttribute("aria-label", open ? words.close : words.open);
  if (open && !log.childElementCount) said("answer", settings.greeting ?? words.greeting);
  (open ? field : bubble).focus({ preventScroll: true });
}

/** A turn in the log. */
function said(who, text) {
  const name = made("span", { class: "quiet" }, `${who === "you" ? words.you : words.answer}: `);
  const body = made("div", { class: "text" }, text);
  const box = made("div", { class: `said ${who}` }, name, body);
  log.append(box);
  log.scrollTop = log.scrollHeight;
  return { box, body };
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (asking) return asking.abort();
  const text = field.value.trim();
  if (text) answer(text);
});

field.addEventListener("keydown", (event) => {
  // While a word is being composed, Enter takes it over.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!asking) form.requestSubmit();
});

async function answer(text) {
  field.value = "";
  said("you", text);
  messages.push({ role: "user", content: text });
  const { box, body } = said("answer", words.waiting);
  let content = "";
  let grounds = null;
  const citing = () => (number) => citation(grounds?.citations?.find((c) => c.number === number));
  const draw = () => {
    body.replaceChildren(marked(content, citing()));
    log.scrollTop = log.scrollHeight;
  };
  const tell = (delta) => {
    if (delta.citations) grounds = delta;
    content += delta.content ?? "";
    if (content) draw();
  };
  asking = new AbortController();
  send.textContent = words.stop;
  try {
    const question = { model: settings.model, messages };
    const ended = await ask(`${home}/v1/chat/completions`, question, {
      headers: authorized,
      signal: asking.signal,
      tell,
    });
    messages.push({ role: "assistant", content });
    draw();
    if (grounds) below(box, grounds, ended.id);
  } catch (error) {
    if (error.name === "AbortError") {
      content ? messages.push({ role: "assistant", content }) : messages.pop();
      box.append(made("p", {}, words.stopped));
    } else {
      messages.pop();
      box.classList.add("problem");
      body.textContent = `${words.failed} ${error.message}`;
    }
  } finally {
    asking = null;
    send.textContent = words.send;
  }
}

/** A button that shows a passage. */
function citation(found) {
  if (!found) return null;
  const name = `${words.source} ${found.number}: ${found.title}`;
  return made("button", { type: "button", class: "cite", "aria-label": name, title: name, onclick: () => read(found) }, String(found.number));
}

function read(found) {
  const back = made("button", { type: "button", onclick: () => leave() }, words.back);
  const place = [found.file, found.heading].filter(Boolean).join(" · ");
  passage.replaceChildren(back, made("h2", {}, found.title), made("p", { class: "soft" }, place), made("p", {}, found.text));
  passage.hidden = false;
  log.hidden = true;
  back.focus();
}

function leave() {
  passage.hidden = true;
  log.hidden = false;
  field.focus();
}

/** Sources and thumbs below an assistant's answer. */
function below(box, grounds, id) {
  const under = made("div", { class: "under" });
  if (grounds.citations.length) under.append(`${words.sources}:`, ...grounds.citations.map(citation));
  const thumbs = [
    ["up", "👍", words.good],
    ["down", "👎", words.bad],
  ].map(([rating, sign, name]) => {
    const button = made("button", { type: "button", "aria-label": name, title: name, "aria-pressed": "false" }, sign);
    button.addEventListener("click", () => rate(id, rating, button, under));
    return button;
  });
  under.append(...thumbs);
  box.append(under);
  log.scrollTop = log.scrollHeight;
}

async function rate(id, rating, button, under) {
  const response = await fetch(`${home}/v1/feedback`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...authorized },
    body: JSON.stringify({ model: settings.model, id, rating }),
  }).catch(() => null);
  const note = response?.ok ? words.thanks : words.failed;
  for (const other of under.querySelectorAll("[aria-pressed]")) other.setAttribute("aria-pressed", String(other === button && response?.ok));
  under.querySelector("output")?.remove();
  under.append(made("output", {}, note));
}

const begin = () => {
  document.body.append(host);
  bubble.setAttribute("aria-expanded", "false");
  bubble.setAttribute("aria-label", words.open);
};
document.body ? begin() : addEventListener("DOMContentLoaded", begin);
