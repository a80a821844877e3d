"use strict";
// The page is complete without this script: it filters, copies and opens, and changes nothing else.
document.documentElement.classList.add("js");
document.addEventListener("DOMContentLoaded", () => {
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => Array.from(document.querySelectorAll(selector));

  const filter = one("#filter");
  const chips = all(".chip");
  const services = all("details.service").map((part) => ({
    part,
    item: part.parentElement,
    verdict: part.dataset.verdict,
    text: part.querySelector("summary").textContent.toLowerCase(),
  }));
  let fitting = services;

  function show() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = chips.filter((c) => c.ariaPressed === "true").map((c) => c.dataset.verdict);
    fitting = services.filter(
      (service) =>
        (!wanted.length || wanted.includes(service.verdict)) &&
        words.every((word) => service.text.includes(word)),
    );
    // To take a thousand of them out takes a hundredth of the time that hiding them takes.
    one(".services").replaceChildren(...fitting.map((service) => service.item));
    one(".services").hidden = !fitting.length;
    one("#none").hidden = fitting.length > 0;
    const total = services.length;
    one("#shown").textContent =
      fitting.length === total ? `${total} Services` : `${fitting.length} of ${total} Services`;
  }

  function openTarget() {
    const target = /^#s\d+$/.test(location.hash) ? one(location.hash) : null;
    if (target) {
      target.open = true;
      target.scrollIntoView();
    }
  }

  function selected(code) {
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand("copy");
  }

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    let done = true;
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      done = selected(code);
    }
    button.textContent = done ? "Copied" : "Press Ctrl-C";
    one("#said").textContent = done ? "The command is copied." : "The command is selected.";
    setTimeout(() => {
      button.textContent = "Copy";
      one("#said").textContent = "";
    }, 2000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button && button.classList.contains("copy")) copy(button);
  });

  if (!filter) return;
  filter.form.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("input", show);
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      chip.ariaPressed = String(chip.ariaPressed !== "true");
      show();
    });
  }
  const opener = one("#all");
  opener.addEventListener("click", () => {
    const open = opener.textContent === "Open all";
    for (const service of fitting) service.part.open = open;
    opener.textContent = open ? "Close all" : "Open all";
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && document.activeElement !== filter) {
      event.preventDefault();
      filter.focus();
    } else if (event.key === "Escape" && document.activeElement === filter) {
      filter.value = "";
      show();
    }
  });
  addEventListener("hashchange", openTarget);
  openTarget();
  if (filter.value) show(); // A browser may fill in what was there before.
});
