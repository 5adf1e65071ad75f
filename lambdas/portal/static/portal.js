// The only script of the portal. Every page works without it; it never makes HTML from text.
"use strict";

const continuing = document.querySelector("[data-go]");
if (continuing) location.replace(continuing.href);

document.querySelector("[data-focus]")?.focus();

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    const search = document.getElementById("find");
    if (search) {
      event.preventDefault();
      search.focus();
    }
  }
});

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).innerText);
    button.textContent = button.dataset.copied;
  });
}

for (const form of document.querySelectorAll("form[data-stream]")) {
  const box = document.querySelector("[data-answer]");
  const part = (name) => box.querySelector(`[data-${name}]`);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const stopped = new AbortController();
    const stop = part("stop");
    const send = form.querySelector("button[type=submit]");
    const status = part("status");
    box.hidden = stop.hidden = false;
    part("next").hidden = part("trouble").hidden = true;
    part("text").textContent = "";
    status.textContent = status.dataset.working;
    box.setAttribute("aria-busy", "true");
    send.disabled = true;
    stop.onclick = () => stopped.abort();
    answer(form, stopped.signal, (piece) => show(part, piece, "whole" in form.dataset))
      .catch((error) => error.name === "AbortError" ? "stopped" : "cut")
      .then((ending) => {
        if (!ending) return;
        status.textContent = status.dataset[ending];
        part("trouble").hidden = ending === "stopped";
      })
      .finally(() => {
        stop.hidden = true;
        send.disabled = false;
        box.setAttribute("aria-busy", "false");
      });
  });
}

// Resolves to nothing when the answer ended as it should, with an end or an error, and to "cut" when it did not.
async function answer(form, signal, take) {
  const body = form.enctype === "multipart/form-data" ? new FormData(form) : new URLSearchParams(new FormData(form));
  const response = await fetch(form.action, { method: "POST", body, signal, headers: { accept: "text/event-stream" } });
  if (!(response.headers.get("content-type") || "").startsWith("text/event-stream")) {
    form.removeAttribute("data-stream"); // a form with something wrong in it, or a session that has ended
    form.submit();
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "", last = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return last === "end" || last === "error" ? "" : "cut";
    const events = (buffer + value).split("\n\n");
    buffer = events.pop();
    for (const event of events) if (event.startsWith("data: ")) {
      const piece = JSON.parse(event.slice(6));
      last = piece.type;
      take(piece);
    }
  }
}

function show(part, event, whole) {
  const status = part("status");
  if (event.type === "text" && !whole) part("text").append(event.text);
  if (event.type === "error") {
    status.textContent = event.message;
    const link = part("trouble").querySelector("a");
    if (event.request_id) link.search = `?request=${encodeURIComponent(event.request_id)}`;
    part("trouble").hidden = false;
  }
  if (event.type === "end") {
    status.textContent = status.dataset.done;
    part("conversation").href = event.conversation;
    part("next").hidden = false;
    if (whole) location.href = event.conversation; // a table is read whole
  }
}
