// The pages that links lead to: the token stands behind the `#` of the address, which browsers send to no server. It goes into
// the form and out of the address bar, and is kept in this tab while somebody signs in. Without this script it is pasted.
(() => {
  "use strict";
  const name = (what) => `garth-link-${what}`;
  // A browser may keep nothing at all; then the link is opened again.
  const kept = (does) => {
    try {
      return does(window.sessionStorage);
    } catch {
      return null;
    }
  };

  // What was used, or is good no more, is not kept.
  for (const over of document.querySelectorAll("[data-link-over]")) {
    for (const what of over.dataset.linkOver.split(" ")) kept((tab) => tab.removeItem(name(what)));
  }

  const form = document.querySelector("form[data-link]");
  if (!form) {
    // All is done: to load this page again leads home, and another link of the kind is another page.
    history.replaceState(null, "", "/");
    return;
  }
  const key = name(form.dataset.link);
  const field = form.elements.namedItem("token");
  const row = form.querySelector("[data-link-row]");

  const take = () => {
    const brought = window.location.hash.slice(1);
    if (window.location.hash) history.replaceState(null, "", window.location.pathname + window.location.search);
    const token = brought || field.value || kept((tab) => tab.getItem(key));
    if (!token) return;
    kept((tab) => tab.setItem(key, token));
    field.value = token;
    row.hidden = true;
  };
  // One that the server has just refused stays in sight, for another one to be put in its place.
  if (window.location.hash || !field.hasAttribute("aria-invalid")) take();
  // Another link to this very page loads nothing anew.
  window.addEventListener("hashchange", () => window.location.hash && take());
})();
