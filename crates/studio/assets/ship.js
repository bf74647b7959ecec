// Snippets to copy, with the address as this browser knows it.

for (const code of document.querySelectorAll("pre.code code, code.address")) {
  // Behind a proxy that speaks TLS the server cannot know its own address.
  code.textContent = code.textContent.replaceAll(`http://${location.host}`, location.origin);
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  const code = document.getElementById(button.dataset.copy);
  const name = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (await copied(code)) {
      button.textContent = button.dataset.done;
      setTimeout(() => (button.textContent = name), 2000);
    }
  });
}

/** Whether the text could be copied; where the browser does not allow it, it is selected. */
async function copied(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code);
    return false;
  }
}
