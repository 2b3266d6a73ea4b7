/* “Search or go to…”, and the list of keys. app.js loads it at the first use; the results come from the server. */

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const key = (text) => make("kbd", { textContent: text });
/* A link’s words, without its icon and count. */
const wordsOf = (link) => [...link.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join("").trim();

const openDialog = (label, ...children) => {
  const dialog = make("dialog", { className: "palette" }, ...children);
  dialog.setAttribute("aria-label", label);
  /* Escape, a click outside or following a link closes it. The browser returns the focus. */
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
};

export const search = ({ url, asking, isCredential, later, say }) => {
  const input = make("input", { type: "text", placeholder: "Client, key, request ID, person or action", autocomplete: "off", spellcheck: false, maxLength: 200 });
  const list = make("div", { id: "palette-list" });
  const roles = { role: "combobox", "aria-expanded": "true", "aria-controls": list.id, "aria-autocomplete": "list", "aria-label": "Search clients, IDs, people, pages and actions" };
  Object.entries(roles).forEach(([name, value]) => input.setAttribute(name, value));
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Results");
  const hints = make("footer", {}, make("span", {}, key("↑"), " ", key("↓"), " move"), make("span", {}, key("Enter"), " open"), make("span", {}, key("Esc"), " close"));
  const dialog = openDialog("Search or go to a page", input, list, hints);

  const options = () => [...list.querySelectorAll("[role=option]")];
  const chosen = () => options().findIndex((option) => option.getAttribute("aria-selected") === "true");
  const choose = (index) => {
    const all = options();
    all.forEach((option) => option.setAttribute("aria-selected", "false"));
    input.removeAttribute("aria-activedescendant");
    if (!all.length) return;
    const option = all.at(index % all.length);
    option.setAttribute("aria-selected", "true");
    option.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", option.id);
  };

  const keepBack = () => {
    input.value = "";
    const way = document.querySelector("[data-go=l]");
    const icon = way?.querySelector("svg")?.cloneNode(true);
    const option = make("div", { id: "palette-leak" }, ...(icon ? [icon] : []), "That looks like a secret. Respond to a leak", make("small", { textContent: "It was not sent" }));
    option.setAttribute("role", "option");
    option.dataset.href = way?.href || url;
    list.replaceChildren(option);
    choose(0);
    say("That looks like a secret. It was not sent. Press Enter to respond to a leak");
  };

  const ask = asking(list);
  const renew = async () => {
    const wanted = input.value.trim();
    const found = await ask(`${url}?${new URLSearchParams(wanted ? { q: wanted } : {})}`);
    if (found === null) return;
    list.innerHTML = found;
    choose(0);
    if (wanted) say(`${options().length} result${options().length === 1 ? "" : "s"}`);
  };
  const soon = later(120, renew);
  input.addEventListener("input", () => {
    if (!isCredential(input.value)) {
      soon();
      return;
    }
    ask.drop();
    keepBack();
  });
  input.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      choose(chosen() + step);
    }
    if (event.key === "Enter" && chosen() >= 0) {
      event.preventDefault();
      options()[chosen()].click();
    }
  });
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (!option?.dataset.href) return;
    dialog.close();
    location.href = option.dataset.href;
  });
  renew();
};

/* The keys that do something on this page. */
export const showKeys = () => {
  const rows = [
    [["Ctrl", "K"], "Search or go to a page"],
    ...(document.querySelector("[data-slash]") ? [[["/"], "Search field of this page"]] : []),
    ...[...document.querySelectorAll("[data-key]")].map((link) => [[link.dataset.key.toUpperCase()], wordsOf(link)]),
    ...[...document.querySelectorAll("[data-go]")].map((link) => [["G", link.dataset.go.toUpperCase()], wordsOf(link)]),
    [["?"], "These keys"],
  ];
  const facts = make("dl", { className: "facts" }, ...rows.flatMap(([keys, text]) => [make("dt", {}, ...keys.flatMap((name) => [key(name), " "])), make("dd", { textContent: text })]));
  const close = make("button", { type: "button", className: "btn", textContent: "Close keys" });
  const dialog = openDialog("Keys", make("div", { className: "keys" }, make("h2", { textContent: "Keys" }), facts, close));
  close.addEventListener("click", () => dialog.close());
};
