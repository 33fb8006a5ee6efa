// Passkeys on our pages: asks the browser's authenticator and sends what it answers. Where the browser knows none, its forms
// stay hidden and the rest of the page works as it is.
(() => {
  "use strict";
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const listed = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  const ask = async (options) => {
    const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: listed(options.allowCredentials) };
    return plain(await navigator.credentials.get({ publicKey }));
  };
  const make = async (options) => {
    const user = { ...options.user, id: bytes(options.user.id) };
    const excludeCredentials = listed(options.excludeCredentials);
    const publicKey = { ...options, user, challenge: bytes(options.challenge), excludeCredentials };
    return plain(await navigator.credentials.create({ publicKey }));
  };
  const plain = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      const value = credential.response[name];
      if (value) response[name] = text(value);
    }
    return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response };
  };

  const send = async (method, path, body, credentials) => {
    const headers = body ? { "content-type": "application/json" } : {};
    const answer = await fetch(path, { method, headers, credentials, body: body && JSON.stringify(body) });
    const json = answer.status === 204 ? null : await answer.json();
    if (answer.ok) return json;
    const wrong = (json.errors || []).map((one) => `${one.pointer.slice(1)} ${one.message}`).join("; ");
    throw new Error(wrong || json.detail);
  };
  const field = (form, name) => form.elements.namedItem(name);

  const does = {
    async "sign-in"(form) {
      const told = form.dataset.options;
      const begun = told
        ? { ceremony: field(form, "ceremony").value, options: JSON.parse(told) }
        : await send("POST", "/api/v1/login/passkey/begin", {}, "omit");
      field(form, "credential").value = JSON.stringify(await ask(begun.options));
      field(form, "ceremony").value = begun.ceremony;
      form.submit();
    },
    async make(form) {
      const current = field(form, "current").value || null;
      const { ceremony, options } = await send("POST", "/api/v1/me/passkeys/begin", { current }, "same-origin");
      const credential = await make(options);
      const name = field(form, "name").value;
      await send("POST", "/api/v1/me/passkeys/finish", { ceremony, name, credential }, "same-origin");
      location.reload();
    },
  };

  const told = document.querySelector("[data-passkey-error]");
  const run = async (form) => {
    if (told) told.hidden = true;
    try {
      await does[form.dataset.passkey](form);
    } catch (error) {
      const given = error.name === "NotAllowedError" ? "No passkey was given. Try again." : error.message;
      told.textContent = given;
      told.hidden = false;
    }
  };
  for (const part of document.querySelectorAll("[data-passkey-part]")) part.hidden = false;
  for (const part of document.querySelectorAll("[data-passkey-none]")) part.hidden = true;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      run(form);
    });
  }
})();
