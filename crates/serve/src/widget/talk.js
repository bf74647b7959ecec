// What every page that talks needs: answers as they come, and text with marks as elements.

/**
 * Asks a model and tells the parts of the answer as they come.
 *
 * `body` is that of OpenAI's API; `tell` gets the `delta` of each chunk. Returns what the last chunks
 * say: { id, reason, usage }. Throws an Error with a message to show; `signal` ends it.
 */
async function ask(url, body, { headers = {}, signal, tell }) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ ...body, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  if (!response.ok) throw new Error(await problemOf(response));
  const ended = { id: null, reason: null, usage: null };
  for await (const data of events(response.body)) {
    if (data === "[DONE]") return ended;
    const chunk = JSON.parse(data);
    if (chunk.error) throw new Error(chunk.error.message);
    ended.id ??= chunk.id;
    ended.usage = chunk.usage ?? ended.usage;
    for (const choice of chunk.choices) {
      ended.reason = choice.finish_reason ?? ended.reason;
      tell(choice.delta);
    }
  }
  return ended;
}

/** What an answer that is no success says. */
async function problemOf(response) {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text);
    return error.message ?? error;
  } catch {
    return `${response.status} ${response.statusText}`;
  }
}

/** The data of server-sent events, one after the other. */
async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) {
        if (line.startsWith("data:")) yield line.slice(5).trim();
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/**
 * Markdown as elements: paragraphs, lists, headings, code, bold, italics, links, and `[1]` as a button
 * where `cite` makes one. Text becomes text nodes only, so that nothing in it can be a tag or a script.
 */
function marked(text, cite = () => null) {
  const all = document.createDocumentFragment();
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    if (/^\s*$/.test(line)) at += 1;
    else if (/^\s*```/.test(line)) at = code(all, lines, at);
    else if (ITEM.test(line)) at = list(all, lines, at, cite);
    else at = paragraph(all, lines, at, cite);
  }
  return all;
}

const ITEM = /^\s*(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/;
const HEADING = /^#{1,6}\s+(.*)$/;

function code(all, lines, at) {
  const end = lines.findIndex((line, i) => i > at && /^\s*```/.test(line));
  const stop = end < 0 ? lines.length : end;
  const box = element(all, "pre");
  element(box, "code").textContent = lines.slice(at + 1, stop).join("\n");
  return stop + 1;
}

function list(all, lines, at, cite) {
  const numbered = ITEM.exec(lines[at])[1];
  const box = element(all, numbered ? "ol" : "ul");
  if (numbered) box.start = Number(numbered);
  for (; at < lines.length; at += 1) {
    const item = ITEM.exec(lines[at]);
    if (!item || Boolean(item[1]) !== Boolean(numbered)) break;
    inline(element(box, "li"), item[2], cite);
  }
  return at;
}

function paragraph(all, lines, at, cite) {
  const heading = HEADING.exec(lines[at]);
  if (heading) {
    // The page has headings of its own; these are an answer's.
    inline(element(element(all, "p"), "strong"), heading[1], cite);
    return at + 1;
  }
  const box = element(all, "p");
  for (let first = true; at < lines.length; at += 1, first = false) {
    const line = lines[at];
    if (/^\s*(```|$)/.test(line) || HEADING.test(line) || ITEM.test(line)) break;
    if (!first) element(box, "br");
    inline(box, line, cite);
  }
  return at;
}

const INLINE =
  /`([^`]+)`|\*\*(.+?)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)|\[(\d{1,3})\]|(https?:\/\/[^\s<>"')\]]*[^\s<>"')\].,;:!?])/;

function inline(box, text, cite) {
  let rest = text;
  for (;;) {
    const found = INLINE.exec(rest);
    if (!found) break;
    box.append(rest.slice(0, found.index));
    const [whole, code, bold, italic, name, place, number, bare] = found;
    if (code !== undefined) element(box, "code").textContent = code;
    else if (bold !== undefined) inline(element(box, "strong"), bold, cite);
    else if (italic !== undefined) inline(element(box, "em"), italic, cite);
    else if (number !== undefined) box.append(cite(Number(number)) ?? whole);
    else link(box, place ?? bare, name ?? bare);
    rest = rest.slice(found.index + whole.length);
  }
  box.append(rest);
}

function link(box, place, name) {
  const made = element(box, "a");
  made.href = place;
  made.target = "_blank";
  made.rel = "noopener noreferrer nofollow";
  made.textContent = name;
}

function element(box, name) {
  return box.appendChild(document.createElement(name));
}
