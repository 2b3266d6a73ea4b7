/* Small enhancements. Every page works without this file. */

const root = document.documentElement;
const spoken = document.getElementById("say");

const say = (text) => {
  if (!spoken) return;
  spoken.textContent = "";
  setTimeout(() => { spoken.textContent = text; }, 60);
};

/* Screen readers begin with the result or the error. */
document.querySelector("[data-focus]")?.focus();

/* After a sign-in in another tab, the page with the kept entries needs a new CSRF token. An entry may be named like a property of a form, hence the prototype. */
document.querySelector("form[data-renews-token]")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  if (form.dataset.sent) return;
  form.dataset.sent = "yes";
  try {
    const page = new DOMParser().parseFromString(await (await fetch(form.getAttribute("action"))).text(), "text/html");
    form.querySelector("[name=csrfmiddlewaretoken]").value = page.querySelector("[name=csrfmiddlewaretoken]").value;
  } catch { /* The server says what is wrong. */ }
  HTMLFormElement.prototype.submit.call(form);
});

/* Remembers a choice for the next page. */
const remember = (name, value) => { document.cookie = `${name}=${value};path=/;max-age=31536000;samesite=lax;secure`; };

/* Theme. The server reads the cookie and writes data-theme, so there is no flash. */
const setTheme = (value) => {
  root.dataset.theme = value;
  document.querySelectorAll("[data-set-theme]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.setTheme === value)));
  remember("__Host-theme", value);
  say(`Theme: ${value}`);
};

const copyByHand = (text) => {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "vh";
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
};

const copy = async (button) => {
  const text = button.dataset.copy || document.getElementById(button.dataset.copyFrom).textContent.trim();
  let isCopied = true;
  try { await navigator.clipboard.writeText(text); } catch { isCopied = copyByHand(text); }
  const use = button.querySelector("use");
  const label = button.querySelector("[data-label]");
  const show = (name) => use?.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${name}`));
  if (isCopied) show("check");
  if (isCopied && label) {
    label.dataset.was ||= label.textContent;
    label.textContent = "Copied";
  }
  say(isCopied ? (button.dataset.said || "Copied") : "Couldn’t copy. Select the text and copy it by hand.");
  setTimeout(() => {
    show("copy");
    if (label?.dataset.was) label.textContent = label.dataset.was;
  }, 2000);
};

const closeMenus = (except) => document.querySelectorAll("details.menu[open]").forEach((menu) => { if (!menu.contains(except)) menu.open = false; });

document.addEventListener("click", (event) => {
  const locked = event.target.closest("[aria-disabled=true]");
  if (locked) {
    event.preventDefault();
    const key = document.querySelector(`[data-unlocks="${locked.id}"]`);
    if (key) {
      key.focus();
      say(key.dataset.hint || "Not yet");
    }
    return;
  }
  const themed = event.target.closest("[data-set-theme]");
  if (themed) {
    event.preventDefault();
    setTheme(themed.dataset.setTheme);
  }
  const copied = event.target.closest("[data-copy], [data-copy-from]");
  if (copied) copy(copied);
  closeMenus(event.target);
});

/* A credential that is pasted into a search isn’t sent, because it would stay in the URL. The server checks again. */
const isCredential = (text) => /tos_(live|test)_\w{4}|eyJ[\w-]{8,}\.[\w-]+\.|-----BEGIN [A-Z ]*PRIVATE KEY/.test(text);
const keepBack = (form) => {
  const fields = [...form.querySelectorAll("input")].filter((field) => isCredential(field.value));
  fields.forEach((field) => { field.value = ""; });
  if (!fields.length || form.nextElementSibling?.matches("[data-kept-back]")) return fields.length > 0;
  const note = Object.assign(document.createElement("div"), { className: "note bad", role: "alert" });
  note.dataset.keptBack = "";
  const text = Object.assign(document.createElement("p"), { textContent: "That looks like a secret. It was not sent. " });
  const way = document.querySelector("[data-go=l]");
  if (way) text.append(Object.assign(document.createElement("a"), { href: way.href, textContent: "Respond to a leak" }));
  note.append(text);
  form.after(note);
  return true;
};
document.addEventListener("submit", (event) => { if (event.target.matches("[role=search]") && keepBack(event.target)) event.preventDefault(); });

/* “Search or go to…” and the list of keys are a separate module, fetched at the first use. If that fails, the link leads to the search page. */
const openPalette = async (act) => {
  const link = document.querySelector("[data-open-palette]");
  try {
    const palette = await import(link.dataset.openPalette);
    palette[act]({ url: link.href, asking, isCredential, later, say });
  } catch {
    location.href = link.href;
  }
};
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-open-palette]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  openPalette("search");
});
document.addEventListener("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k" || !document.querySelector("[data-open-palette]")) return;
  event.preventDefault();
  if (!document.querySelector("dialog[open]")) openPalette("search");
});

/* Single-key shortcuts: never inside a field, and not if the account has turned them off (WCAG 2.2, 2.1.4). */
let lastG = 0;
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    document.querySelectorAll("details.menu[open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
    return;
  }
  const isFree = !event.ctrlKey && !event.metaKey && !event.altKey && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName);
  if (!isFree || root.dataset.keys === "off" || document.querySelector("dialog[open]")) return;
  const key = event.key.toLowerCase();
  const follows = Date.now() - lastG < 1200;
  lastG = key === "g" ? Date.now() : 0;
  if (key === "?" && document.querySelector("[data-open-palette]")) {
    event.preventDefault();
    openPalette("showKeys");
    return;
  }
  const target = key === "/" ? document.querySelector("[data-slash]") : document.querySelector(`[${follows ? "data-go" : "data-key"}="${CSS.escape(key)}"]`);
  if (!target) return;
  event.preventDefault();
  if (key === "/") target.focus();
  else target.click();
});

/* Typed confirmation and “I have saved it”: the server checks again. */
document.querySelectorAll("[data-unlocks]").forEach((field) => {
  const target = document.getElementById(field.dataset.unlocks);
  const test = () => target.setAttribute("aria-disabled", String(!(field.type === "checkbox" ? field.checked : field.value === field.dataset.must)));
  field.addEventListener("input", test);
  test();
});

/* Counts down a wait. */
document.querySelectorAll("[data-wait]").forEach((shown) => {
  const end = Date.now() + Number(shown.dataset.wait) * 1000;
  const count = () => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    shown.textContent = `${left} s`;
    if (left) setTimeout(count, 1000);
    else say("You can try again now");
  };
  count();
});

/* Times: offers the browser’s time zone, and says how old a page is that stays open. */
document.querySelectorAll("[data-own-zone]").forEach((button) => {
  button.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  button.classList.toggle("unseen", button.value === "UTC");
});
setTimeout(() => document.querySelectorAll("[data-as-of]").forEach((shown) => {
  const again = Object.assign(document.createElement("a"), { href: location.href, textContent: "Refresh" });
  shown.replaceChildren(`As of ${shown.dataset.asOf}. `, again);
}), 5 * 60 * 1000);

/* Warns before the session ends, which all pages of this browser share. The server extends it at most once a minute, so the warning comes a minute early. */
const ending = document.querySelector("[data-session]");
const used = () => localStorage.setItem("used", String(Date.now()));
const opened = Date.now();
const warn = () => {
  const since = "final" in ending.dataset ? opened : Number(localStorage.getItem("used"));
  const left = since / 1000 + Number(ending.dataset.session) - Date.now() / 1000;
  ending.hidden = left > 180;
  if (left > 0) return;
  ending.querySelector("p").textContent = ending.dataset.ended;
  ending.querySelector(".acts").hidden = true;
};
if (ending) {
  used();
  setInterval(warn, 10_000);
  ending.addEventListener("submit", async (event) => {
    event.preventDefault();
    event.stopPropagation();
    const answer = await fetch(ending.action, { method: "POST", body: new FormData(ending) });
    if (answer.status === 204) used();
    else location.reload();
    warn();
    say("You stay signed in");
  });
}

/* Ctrl+Enter in a multi-line field sends its form. */
document.querySelectorAll("[data-sends]").forEach((field) => field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  field.form.requestSubmit(field.form.querySelector("[type=submit]"));
}));

/* Puts the number of entries into a button: “Send 3 invitations”. */
document.querySelectorAll("[data-counts]").forEach((area) => {
  const button = document.getElementById(area.dataset.counts);
  const uncounted = button.textContent;
  const show = () => {
    const count = new Set(area.value.toLowerCase().split(/[\s,;]+/).filter(Boolean)).size;
    button.textContent = count > 1 ? button.dataset.many.replace("{}", count) : count ? button.dataset.one : uncounted;
  };
  area.addEventListener("input", show);
  show();
});

/* Says whether a new password is long enough. The server checks again. */
document.querySelectorAll("[data-meter]").forEach((field) => {
  const hint = document.getElementById(`${field.id}-h`);
  const least = Number(field.dataset.meter);
  const text = hint?.textContent;
  field.addEventListener("input", () => {
    const length = [...field.value].length;
    hint.textContent = length === 0 ? text : length < least ? `${least - length} more ${least - length === 1 ? "character" : "characters"}` : "Long enough";
  });
});

/* Sends a form only once. */
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  // A download doesn’t replace the page, so its form can be sent again.
  if (event.target.hasAttribute("data-downloads")) return;
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
  const button = event.submitter;
  if (button?.dataset.doing) {
    button.dataset.done = button.textContent;
    // Otherwise another button, such as “Cancel”, could move under the pointer before a second click.
    button.style.minWidth = `${button.offsetWidth}px`;
    button.textContent = button.dataset.doing;
  }
});
addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; });
  document.querySelectorAll("[data-done]").forEach((button) => { button.textContent = button.dataset.done; });
});

/* Fetches a part of a page; the same URL also returns a whole page. A redirect leads to the sign-in page: the session is over. */
const fetchPart = async (url, options = {}) => {
  const answer = await fetch(url, { ...options, headers: { "HX-Request": "true", ...options.headers } });
  if (answer.redirected) location.reload();
  return answer;
};

/* Fetches the content of an element, which is marked as busy meanwhile. null: the request failed, or a later one has replaced it. */
const asking = (element) => {
  let asked = 0;
  const ask = async (url, options) => {
    const mine = ++asked;
    element.setAttribute("aria-busy", "true");
    try {
      const answer = await fetchPart(url, options);
      const text = await answer.text();
      return answer.ok && mine === asked ? text : null;
    } finally {
      if (mine === asked) element.removeAttribute("aria-busy");
    }
  };
  ask.drop = () => {
    asked += 1;
    element.removeAttribute("aria-busy");
  };
  return ask;
};

/* Puts a response into an element, unless it already holds it. If the focus was inside, it moves to the same control in the new content. */
const held = new WeakMap();
const put = (element, text) => {
  if (held.get(element) === text) return;
  held.set(element, text);
  const focused = element.contains(document.activeElement) ? document.activeElement : null;
  element.innerHTML = text;
  if (focused) {
    const isIt = (control) => ["id", "name", "value", "href"].every((key) => control[key] === focused[key]);
    [...element.querySelectorAll(focused.localName)].find(isIt)?.focus();
  }
};

const later = (wait, act) => {
  let timer;
  return () => { clearTimeout(timer); timer = setTimeout(act, wait); };
};

/* <form data-preview="URL" data-into="ID">: shows the effect of the entries in the element with that ID. data-preview-method=get sends them in the query,
   otherwise they are in the body. A screen reader says the response’s data-says. */
document.querySelectorAll("[data-preview]").forEach((form) => {
  const into = document.getElementById(form.dataset.into);
  const ask = asking(into);
  const renew = async () => {
    const entries = new FormData(form);
    const isGet = form.dataset.previewMethod === "get";
    if (isGet) entries.delete("csrfmiddlewaretoken");
    const url = isGet ? `${form.dataset.preview}?${new URLSearchParams(entries)}` : form.dataset.preview;
    // If the session is over, keep the entries: sending them leads to the sign-in page, and nothing is lost.
    const text = await ask(url, { redirect: "manual", ...(isGet ? {} : { method: "POST", body: entries }) });
    if (text === null) return;
    put(into, text);
    const said = into.querySelector("[data-says]");
    if (said) say(said.dataset.says);
  };
  const soon = later(300, renew);
  form.addEventListener("input", soon);
});

/* <form method="get" data-filter="ID">: filters the list below it while the user types. The URL changes too, so that it can be shared. */
document.querySelectorAll("[data-filter]").forEach((form) => {
  const list = document.getElementById(form.dataset.filter);
  const ask = asking(list);
  const renew = async () => {
    if (keepBack(form)) return;
    const chosen = [...new FormData(form)].filter(([, value]) => value !== "");
    const url = `${form.getAttribute("action") || location.pathname}?${new URLSearchParams(chosen)}`;
    const text = await ask(url);
    if (text === null) return;
    put(list, text);
    list.querySelectorAll("template[data-into]").forEach((part) => document.getElementById(part.dataset.into).replaceChildren(part.content));
    history.replaceState(null, "", url);
    say(list.querySelector("[data-count]")?.dataset.count || "");
  };
  const soon = later(300, renew);
  form.addEventListener("input", soon);
});

/* <ol data-feed="URL" data-every="2">: adds new items on top. Each has a data-id; ?after= sends the newest one. <div data-renew="URL">: replaced when
   it has changed. Both pause while the page is hidden. With data-stops, a feed slows down after 2 minutes and stops after 15. The link named by
   data-announces is shown while new items are out of sight. */
const fetchText = async (url) => {
  const answer = await fetchPart(url);
  if (!answer.ok) throw new Error(answer.status);
  return answer.text();
};
const poll = (element, every, act) => {
  const begun = Date.now();
  const stopped = document.getElementById(element.dataset.stops || "");
  const turn = async () => {
    const age = Date.now() - begun;
    if (stopped && age > 15 * 60_000) {
      stopped.hidden = false;
      return;
    }
    try {
      if (!document.hidden) await act();
      element.removeAttribute("data-failing");
    } catch {
      element.setAttribute("data-failing", "");
    }
    setTimeout(turn, stopped && age > 2 * 60_000 ? 10_000 : every * 1000);
  };
  setTimeout(turn, every * 1000);
};
document.querySelectorAll("[data-announces]").forEach((list) => new IntersectionObserver((entries) => {
  const seen = entries.at(-1).isIntersecting;
  list.dataset.seen = seen;
  if (seen) document.getElementById(list.dataset.announces).hidden = true;
}).observe(list));
document.querySelectorAll("[data-feed]").forEach((list) => poll(list, Number(list.dataset.every), async () => {
  // The newest ID isn’t always the first item’s: a refused request is written at once, a granted one up to two seconds later.
  const after = Math.max(list.dataset.after || 0, ...[...list.querySelectorAll("[data-id]")].map((item) => item.dataset.id));
  const text = (await fetchText(`${list.dataset.feed}?after=${after}`)).trim();
  if (!text) return;
  list.querySelectorAll("[data-empty]").forEach((empty) => empty.remove());
  list.insertAdjacentHTML("afterbegin", text);
  if (list.dataset.seen === "false") document.getElementById(list.dataset.announces).hidden = false;
  [...list.children].slice(50).forEach((old) => old.remove());
}));
/* Of a refreshed part, a screen reader says only its data-tells, and only if that has changed. */
document.querySelectorAll("[data-renew]").forEach((part) => poll(part, Number(part.dataset.every), async () => {
  const told = part.querySelector("[data-tells]")?.dataset.tells;
  const text = await fetchText(part.dataset.renew);
  // Don’t replace a part while the focus is in it.
  if (text === part.dataset.was || part.contains(document.activeElement)) return;
  part.innerHTML = text;
  part.dataset.was = text;
  const tells = part.querySelector("[data-tells]")?.dataset.tells;
  if (tells && tells !== told) say(tells);
}));

/* <div data-narrows="ID">: its field hides the labels in the element with that ID that don’t contain the typed text, except ticked ones. */
document.querySelectorAll("[data-narrows]").forEach((box) => {
  const labels = [...document.getElementById(box.dataset.narrows).querySelectorAll("label")];
  const field = box.querySelector("input");
  field.addEventListener("input", (event) => {
    event.stopPropagation();
    const wanted = field.value.trim().toLowerCase();
    labels.forEach((label) => { label.hidden = !label.textContent.toLowerCase().includes(wanted) && !label.querySelector(":checked"); });
    say(`${labels.filter((label) => !label.hidden).length} shown`);
  });
});

/* A secret that is shown once: leaving the page before it is saved asks for confirmation. */
document.querySelectorAll("[data-guards-leaving]").forEach((box) => addEventListener("beforeunload", (event) => { if (!box.checked) event.preventDefault(); }));

document.querySelectorAll("[data-remember]").forEach((radio) => radio.addEventListener("change", () => remember(radio.dataset.remember, radio.value)));

/* Reads a chosen or dropped file into a field, without sending it. */
document.querySelectorAll("[data-file-into]").forEach((chooser) => {
  const field = document.getElementById(chooser.dataset.fileInto);
  const read = async (file) => {
    if (!file) return;
    field.value = await file.text();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    say(`${file.name} read`);
  };
  chooser.addEventListener("change", () => { read(chooser.files[0]); chooser.value = ""; });
  field.addEventListener("dragover", (event) => event.preventDefault());
  field.addEventListener("drop", (event) => { if (event.dataTransfer.files[0]) { event.preventDefault(); read(event.dataTransfer.files[0]); } });
});

/* Passkeys, WebAuthn Level 3: the browser fills the hidden field “credential” of a form. The form is hidden if the browser has no WebAuthn. Without a
   script, the stylesheet hides it: if this script showed it, the page would move. */
const request = async (form) => {
  if (!form.dataset.passkeySignIn) return JSON.parse(document.getElementById(form.dataset.passkeyGet).textContent);
  const answer = await fetch(form.dataset.passkeySignIn, { headers: { "X-Requested-With": "XMLHttpRequest" } });
  if (!answer.ok) throw new DOMException("", answer.status === 429 ? "TooManyTries" : "NoAnswer");
  return (await answer.json()).request_options;
};

const get = async (form) => navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON((await request(form)).publicKey) });

const create = async (form) => {
  const options = JSON.parse(document.getElementById(form.dataset.passkeyCreate).textContent);
  return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey) });
};

const MESSAGES = {
  InvalidStateError: "This passkey is already registered.",
  NotAllowedError: "No passkey was used. Try again, or sign in another way.",
  TooManyTries: "Too many attempts. Wait a moment.",
  NoAnswer: "The server couldn’t answer. Try again, or sign in another way.",
};
const DISTRUST = "The browser won’t use passkeys here, because it doesn’t trust this server’s certificate.";

const answerPasskeys = () => {
  const forms = document.querySelectorAll("[data-passkey-sign-in], [data-passkey-get], [data-passkey-create]");
  const isPossible = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);
  document.querySelectorAll("[data-passkey-missing]").forEach((note) => { note.hidden = isPossible; });
  forms.forEach((form) => {
    form.hidden = !isPossible;
    if (!isPossible) return;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      event.stopPropagation();
      try {
        const credential = await (form.dataset.passkeyCreate ? create(form) : get(form));
        form.elements.credential.value = JSON.stringify(credential);
        form.submit();
      } catch (error) {
        const text = /certificate/i.test(error.message) ? DISTRUST : MESSAGES[error.name] || `The browser could not use a passkey: ${error.message}`;
        const shown = form.querySelector("[data-passkey-error]") || Object.assign(document.createElement("p"), { className: "err" });
        form.querySelector("[type=submit]").after(shown);
        shown.dataset.passkeyError = "";
        shown.textContent = text;
        say(text);
      }
    });
  });
};

answerPasskeys();
