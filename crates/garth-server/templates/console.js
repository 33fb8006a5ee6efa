// The pages inside work without this. It adds: menus that close, the palette (Ctrl K), buttons that copy, times of one's own
// place, more people to pick from, and keys for the tree.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (name, attributes = {}, text = "") => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.textContent = text;
    return element;
  };
  const mac = /Mac|iPhone|iPad/.test(navigator.platform);

  // One menu at a time; Esc and a click elsewhere close it.
  const menus = all("details[data-menu]");
  const close = (but) => menus.forEach((menu) => menu !== but && (menu.open = false));
  for (const menu of menus) {
    menu.addEventListener("toggle", () => menu.open && (close(menu), menu.querySelector("input[type=search]")?.focus()));
    menu.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && menu.open) {
        event.stopPropagation();
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        const stops = all("a, button", menu.querySelector(".panel"));
        const at = stops.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
        if (menu.open && stops.length && !event.target.matches("select")) {
          event.preventDefault();
          stops[(at + stops.length) % stops.length].focus();
        }
      }
    });
  }
  document.addEventListener("click", (event) => close(event.target.closest("details[data-menu]")));

  // Copying, where the browser lets us.
  for (const button of all("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      button.lastChild.textContent = "Copied";
    });
  }
  for (const button of all("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  // What would come of a form is shown as one types; without this, its button shows it.
  for (const button of all("[data-live]")) {
    const place = document.getElementById(button.dataset.live);
    let wait = 0;
    let turn = 0;
    button.form.addEventListener("input", () => {
      clearTimeout(wait);
      wait = setTimeout(async () => {
        const mine = ++turn;
        const body = new URLSearchParams(new FormData(button.form, button));
        const answer = await fetch(button.form.action, { method: "POST", body, headers: { accept: "text/html" } });
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const next = page.getElementById(place.id);
        if (mine === turn && next) place.replaceChildren(...next.childNodes);
      }, 300);
    });
  }

  // A line that something is wrong at is gone to in its text.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-line]");
    const field = link && document.querySelector(link.hash);
    if (!field) return;
    event.preventDefault();
    const lines = field.value.split("\n").slice(0, Number(link.dataset.line));
    const end = lines.join("\n").length;
    field.focus();
    field.setSelectionRange(end - lines.at(-1).length, end);
  });

  // What is selected in a list: the bar rises with the first, and says how many.
  for (const form of all("form[data-picks]")) {
    const boxes = all("input[name=r]", form);
    const every = form.querySelector("[data-all]");
    const bar = form.querySelector("[data-bulk]");
    const told = form.querySelector("[data-picked]");
    let last = null;
    const count = () => {
      const picked = boxes.filter((box) => box.checked).length;
      bar.hidden = picked === 0;
      told.textContent = `${picked} selected`;
      every.checked = picked === boxes.length;
      every.indeterminate = picked > 0 && picked < boxes.length;
    };
    every.hidden = false;
    every.addEventListener("change", () => (boxes.forEach((box) => (box.checked = every.checked)), count()));
    for (const box of boxes) {
      box.addEventListener("click", (event) => {
        const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, other) => one - other);
        if (event.shiftKey && from >= 0) boxes.slice(from, to + 1).forEach((other) => (other.checked = box.checked));
        last = box;
        count();
      });
    }
    window.addEventListener("pageshow", count);
    count();
  }

  // A choice that changes what would happen shows it at once, and whoever chose goes on where they were.
  for (const form of all("form[data-auto]")) {
    all("[data-auto-button]", form).forEach((button) => (button.hidden = true));
    const fields = all("select", form);
    const at = sessionStorage.getItem("auto");
    sessionStorage.removeItem("auto");
    if (at !== null) fields[Number(at)]?.focus();
    form.addEventListener("change", (event) => {
      sessionStorage.setItem("auto", String(fields.indexOf(event.target)));
      form.requestSubmit();
    });
  }

  // The same time where the reader is.
  for (const time of all("time[data-local]")) {
    const own = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    time.textContent = `${time.textContent} (${own} here)`;
  }

  // People to pick from, beside those that the page came with.
  for (const field of all("input[data-people]")) {
    const asked = new Set();
    let wait;
    field.addEventListener("input", () => {
      clearTimeout(wait);
      const words = field.value.trim();
      if (!words || asked.has(words) || /^group:/.test(words)) return;
      wait = setTimeout(async () => {
        asked.add(words);
        const answer = await fetch(`/api/v1/users?limit=20&q=${encodeURIComponent(words)}`, { headers: { accept: "application/json" } });
        if (!answer.ok) return;
        const { items } = await answer.json();
        const there = new Set([...field.list.options].map((option) => option.value));
        for (const { username, name } of items) if (!there.has(username)) field.list.append(make("option", { value: username }, name));
      }, 150);
    });
  }

  // The tree: arrows from card to card, + and - and 0, and a card that is put onto another.
  const forest = document.querySelector("[data-forest]");
  if (forest) {
    let size = 0;
    const zoom = (by) => {
      size = by === 0 ? 0 : Math.max(-3, Math.min(2, size + by));
      forest.dataset.zoom = size;
    };
    for (const row of all("[data-zoom-buttons], [data-keys]")) row.hidden = false;
    for (const button of all("[data-zoom-buttons] button")) button.addEventListener("click", () => zoom(Number(button.dataset.by)));
    const cards = all(".leaf", forest);
    const deep = (card) => {
      let depth = 0;
      for (let at = card.closest("li"); at; at = at.parentElement.closest(".forest li")) depth += 1;
      return depth;
    };
    const beside = (card, by) => {
      const level = cards.filter((other) => deep(other) === deep(card));
      return level[level.indexOf(card) + by];
    };
    forest.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const card = document.activeElement.closest(".leaf");
      const branch = card && card.closest("li");
      const next = {
        ArrowRight: () => (branch ? branch.querySelector(":scope > ul .leaf") : cards[0]),
        ArrowLeft: () => branch && branch.parentElement.closest(".branch")?.querySelector(".leaf"),
        ArrowDown: () => (card ? beside(card, 1) : cards[0]),
        ArrowUp: () => card && beside(card, -1),
        "+": () => zoom(1),
        "=": () => zoom(1),
        "-": () => zoom(-1),
        0: () => zoom(0),
      }[event.key];
      if (!next) return;
      event.preventDefault();
      const to = next();
      if (to) {
        (to.querySelector("a") || to).focus();
        to.scrollIntoView({ block: "nearest", inline: "nearest" });
      }
    });
    let taken = null;
    for (const card of cards.filter((one) => one.dataset.space)) {
      if ("mine" in card.dataset) card.draggable = true;
      card.addEventListener("dragstart", (event) => {
        taken = card;
        event.dataTransfer.setData("text/plain", card.dataset.space);
      });
      card.addEventListener("dragover", (event) => {
        if (!taken || taken.closest("li").contains(card) || !("mine" in card.dataset)) return;
        event.preventDefault();
        card.classList.add("onto");
      });
      card.addEventListener("dragleave", () => card.classList.remove("onto"));
      card.addEventListener("drop", (event) => {
        event.preventDefault();
        const inherits = taken.closest("li").classList.contains("inherits");
        window.location.assign(`/s/${taken.dataset.space}/settings/move?parent=${card.dataset.space}&inherits=${inherits}`);
      });
      card.addEventListener("dragend", () => (taken = null));
    }
  }

  // What was typed outlives a session that ended: it is kept in this tab when a form is sent, and is there again for the same
  // person who comes from signing in. Secrets are not kept.
  const me = document.getElementById("sidebar")?.dataset.me;
  const typed = (form) => all("input, textarea, select", form).filter((one) => one.name && !/^(hidden|password|file|submit)$/.test(one.type));
  const kept = JSON.parse(sessionStorage.getItem("draft") || "null");
  const where = location.pathname + location.search;
  if (me) {
    sessionStorage.removeItem("draft");
    const from = document.referrer && new URL(document.referrer);
    const back = kept?.me === me && (kept.back || (from && from.origin === location.origin && from.pathname === "/sign-in"));
    if (back && kept.at !== where && !kept.back) {
      // Signing in leads near the form; this leads to it.
      sessionStorage.setItem("draft", JSON.stringify({ ...kept, back: true }));
      location.replace(kept.at);
    }
    const form = back && kept.at === where && all("main form[method=post]").find((one) => one.getAttribute("action") === kept.action);
    if (form) {
      const fields = typed(form);
      kept.values.forEach(([name, value, on], index) => {
        const one = fields[index];
        if (!one || one.name !== name) return;
        if (on === null) one.value = value;
        else one.checked = on;
      });
      form.prepend(make("p", { class: "notice", role: "status" }, "What you had typed is here again; it was not sent."));
    }
    document.addEventListener("submit", ({ target }) => {
      if (target.method !== "post" || !target.closest("main")) return;
      const values = typed(target).map((one) => [one.name, one.value, "checked" in one && /checkbox|radio/.test(one.type) ? one.checked : null]);
      const action = target.getAttribute("action");
      // A form that came back with what was wrong has no address of its own.
      const at = kept?.action === action ? kept.at : where;
      const draft = JSON.stringify({ me, at, action, values });
      if (draft.length < 1e6) sessionStorage.setItem("draft", draft);
    });
  }

  // The palette: what can be done here, this space's pages and things, and every space.
  const sidebar = document.getElementById("sidebar");
  if (!sidebar || !window.HTMLDialogElement) return;
  for (const hint of all("[data-key]")) {
    hint.textContent = mac ? "⌘ K" : "Ctrl K";
    hint.hidden = false;
  }
  const entry = (link, what) => ({
    name: (link.querySelector(".label, .name") || link).textContent.trim(),
    href: link.getAttribute("href"),
    what,
    face: link.querySelector(".avatar, .icon"),
  });
  const acts = all("[data-actions] a", sidebar).map((link) => entry(link, "action"));
  const here = all("[data-pages] a", sidebar).map((link) => entry(link, "page"));
  const near = all("[data-spaces] a", sidebar).map((link) => entry(link, "space"));

  const dialog = make("dialog", { class: "palette", "aria-label": "Go to" });
  const field = make("input", {
    type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list",
    "aria-label": "Go to a page, a thing or a space", placeholder: "Go to a page, a thing or a space", autocomplete: "off", spellcheck: "false",
  });
  const list = make("ul", { id: "palette-list", role: "listbox", "aria-label": "Pages, things and spaces" });
  const none = make("p", { class: "none", role: "status" }, "Nothing of that name.");
  dialog.append(field, list, none);
  document.body.append(dialog);

  let shown = [];
  let at = 0;
  let asked = 0;
  const mark = (next) => {
    at = shown.length ? (next + shown.length) % shown.length : 0;
    [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
    list.children[at]?.scrollIntoView({ block: "nearest" });
    if (shown.length) field.setAttribute("aria-activedescendant", `palette-${at}`);
    else field.removeAttribute("aria-activedescendant");
  };
  const show = (entries) => {
    const met = new Set();
    shown = entries.filter(({ href }) => !met.has(href) && met.add(href)).slice(0, 40);
    list.replaceChildren(
      ...shown.map((one, index) => {
        const item = make("li", { id: `palette-${index}`, role: "option" });
        if (one.face) item.append(one.face.cloneNode(true));
        item.append(make("span", { class: "grow" }, one.name));
        if (one.what !== "page") item.append(make("span", { class: "tag" }, one.what));
        item.addEventListener("click", (event) => go(index, event));
        return item;
      }),
    );
    none.hidden = shown.length > 0;
    mark(0);
  };
  const go = (index, event) => {
    const one = shown[index];
    if (!one) return;
    if (event.metaKey || event.ctrlKey) window.open(one.href, "_blank", "noopener");
    else window.location.assign(one.href);
    dialog.close();
  };
  // The section that is looked at is kept; one for administrators only leads others home.
  const into = (space) => {
    const role = space.access && space.access.role;
    const open = !sidebar.dataset.admins || role === "admin";
    return `/s/${space.id}${open ? sidebar.dataset.tail || "" : ""}`;
  };
  const json = async (url) => {
    const answer = await fetch(url, { headers: { accept: "application/json" } });
    return answer.ok ? (await answer.json()).items : [];
  };
  const search = async () => {
    const words = field.value.trim().toLowerCase();
    const fits = ({ name }) => name.toLowerCase().includes(words);
    const first = [...here, ...acts, ...near].filter(fits);
    show(first);
    const mine = ++asked;
    // What is beside this page is known; all else the server finds, by the beginnings of words.
    const sought = encodeURIComponent(words.split(/\s+/).filter(Boolean).map((word) => `${word.replace(/["*]/g, "")}*`).join(" "));
    if (!words) return;
    await new Promise((wait) => setTimeout(wait, 120));
    if (mine !== asked) return;
    const { space } = sidebar.dataset;
    const [things, spaces] = await Promise.all([
      space ? json(`/api/v1/resources?space=${space}&limit=10&q=${sought}`) : [],
      near.length ? json(`/api/v1/spaces?limit=20&q=${sought}`) : [],
    ]);
    if (mine !== asked) return;
    show([
      ...first,
      ...things.map((one) => ({ name: one.name, href: `/s/${space}/resources/${one.code}`, what: one.kind.replaceAll("_", " ") })),
      ...spaces.map((one) => ({ name: one.path || one.name, href: into(one), what: "space" })),
    ]);
  };
  const open = () => {
    close();
    field.value = "";
    show([...near, ...here, ...acts]);
    dialog.showModal();
  };
  field.addEventListener("input", search);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") mark(at + 1);
    else if (event.key === "ArrowUp") mark(at - 1);
    else if (event.key === "Enter") go(at, event);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(mac ? event.metaKey : event.ctrlKey) || event.altKey || event.shiftKey) return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else open();
  });

  // Single keys, which whoever likes turns off: g and a letter goes, ? tells them all.
  const pages = [
    ["h", "", "Home"], ["r", "/resources", "Resources"], ["m", "/members", "Members"], ["w", "/access", "Who sees what"],
    ["k", "/keys", "API keys"], ["q", "/quotas", "Quotas"], ["a", "/audit", "Audit"], ["s", "/settings", "Settings"],
  ].map(([key, tail, name]) => [key, sidebar.dataset.space && `/s/${sidebar.dataset.space}${tail}`, name]);
  pages.push(["l", "/spaces", "Spaces"], ["t", "/tree", "Tree of spaces"], ["y", "/system/users", "System"], ["i", "/account", "My account"]);
  const offered = new Set(all("[data-pages] a", sidebar).map((link) => link.getAttribute("href")));
  const always = ["l", "t", "i", "r"];
  const open_to = pages.filter(([key, href]) => href && (always.includes(key) || offered.has(href)));
  const off = () => localStorage.getItem("keys") === "off";
  const help = make("dialog", { class: "palette keys", "aria-label": "Keys" });
  const told = make("dl");
  const row = (keys, what) => {
    const term = make("dt");
    term.append(...keys.flatMap((key) => [make("span", { class: "key" }, key), " "]));
    told.append(term, make("dd", {}, what));
  };
  row([mac ? "⌘ K" : "Ctrl K"], "Go to a page, a thing or a space");
  for (const [key, , name] of open_to) row(["g", key], name);
  if (acts.length) row(["n"], acts.length === 1 ? acts[0].name : "New…");
  if (document.querySelector("main input[type=search]")) row(["/"], "Search");
  row(["?"], "These keys");
  const label = make("label", { class: "check" });
  const box = make("input", { type: "checkbox" });
  box.checked = !off();
  box.addEventListener("change", () => localStorage.setItem("keys", box.checked ? "on" : "off"));
  label.append(box, " Single keys are on");
  const shut = make("button", { type: "button", class: "button" }, "Close");
  shut.addEventListener("click", () => help.close());
  help.append(make("h2", {}, "Keys"), told, label, shut);
  help.addEventListener("click", (event) => event.target === help && help.close());
  document.body.append(help);
  for (const button of all("[data-help]")) {
    button.hidden = false;
    button.addEventListener("click", () => (close(), help.showModal()));
  }
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (off() || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const after = Date.now() - going < 1500;
    going = 0;
    const page = after && open_to.find(([key]) => key === event.key);
    const field = document.querySelector("main input[type=search]");
    if (page) window.location.assign(page[1]);
    else if (event.key === "g") going = Date.now();
    else if (event.key === "?") help.showModal();
    else if (event.key === "/" && field) field.focus();
    else if (event.key === "n" && acts.length === 1) window.location.assign(acts[0].href);
    else if (event.key === "n" && acts.length) (open(), show(acts));
    else return;
    event.preventDefault();
  });
})();
