// The pages about people: the first administrator, one's own account, the way back in, users and groups.
//
// Of the world: `base`, `browser`, `check`, `password` (of ada, who administers), `api(method, path, body, token)`, and `program`, by
// which a fresh installation is started for the first run.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/// Pages for axe and for pictures, to ada.
export async function pages(world) {
  const ada = (await world.api("POST", "/api/v1/login", { username: "ada", password: world.password })).token;
  const users = (await world.api("GET", "/api/v1/users?q=bo", undefined, ada)).items;
  const bo = users.find(({ username }) => username === "bo");
  const groups = (await world.api("GET", "/api/v1/groups", undefined, ada)).items;
  const crew = groups[0] || (await world.api("POST", "/api/v1/groups", { name: "Editors" }, ada));
  await world.api("POST", `/api/v1/groups/${crew.id}/members`, { member: `user:${bo.id}` }, ada);
  return {
    account: "/account", security: "/account/security", sessions: "/account/sessions", recover: "/recover",
    users: "/system/users", user: `/system/users/${bo.id}`, "users-none": "/system/users?q=zzz",
    groups: "/system/groups", group: `/system/groups/${crew.id}`,
  };
}

async function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/// A fresh installation is set up without scripts, by keyboard alone.
async function firstRun({ program, browser, check, picture }) {
  const data = mkdtempSync(join(tmpdir(), "garth-fresh-"));
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const fresh = spawn(program, ["serve", "--data", data, "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "inherit"] });
  const b = await browser({ scripts: false });
  try {
    for (let tries = 0; ; tries++) {
      if (await fetch(`${base}/healthz`).then(({ ok }) => ok, () => false)) break;
      if (tries > 100) throw new Error("the fresh installation does not answer");
      await new Promise((wait) => setTimeout(wait, 100));
    }
    await b.go(base);
    check("a fresh installation asks for its first administrator", (await b.path()) === "/setup", await b.path());
    await b.shot(picture("setup"));
    await b.type("#token", "setup_wrong");
    await b.type("#username", "root");
    await b.type("#password", "correct horse battery root");
    await b.type("#space", "Workshop");
    await b.loaded(() => b.press("Enter"));
    check("a wrong token is told at its field, and focus is there",
      /wrong/i.test(await b.text("#token\\.wrong")) && (await b.evaluate("document.activeElement.id")) === "token");
    await b.type("#token", readFileSync(join(data, "setup-token"), "utf8").trim());
    await b.type("#password", "correct horse battery root");
    await b.loaded(() => b.press("Enter"));
    check("the recovery codes are shown", (await b.evaluate("document.querySelectorAll('.codes li').length")) === 5, await b.text("main"));
    await b.shot(picture("welcome"));
    await b.loaded(() => b.click(".actions .primary"));
    check("and on it goes into the first space", /Workshop/.test(await b.text("main") + await b.text("#sidebar")), await b.path());
    await b.go(`${base}/setup`);
    check("the set-up is gone then", (await b.text("h1")) === "Not found", await b.text("h1"));
  } finally {
    await b.close();
    fresh.kill("SIGTERM");
    await new Promise((done) => (fresh.exitCode === null ? fresh.once("exit", done) : done()));
    rmSync(data, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function signIn(b, base, username, password) {
  await b.go(`${base}/sign-in?return=/account`);
  await b.type("#username", username);
  await b.type("#password", password);
  await b.loaded(() => b.press("Enter"));
}

export async function walk(world) {
  const { base, browser, check, password, api } = world;
  if (world.program) await firstRun(world);

  // An account is made on the page, and begins by its link.
  const admin = await browser();
  await signIn(admin, base, "ada", password);
  await admin.go(`${base}/system/users`);
  await admin.type("#username", "nora");
  await admin.type("#name", "Nora Ek");
  await admin.loaded(() => admin.press("Enter"));
  const link = await admin.text("#the-link");
  check("an account is made, and its link shown once", link.includes("/signup#signup_"), link);
  await admin.loaded(() => admin.click("td a.name[href^='/system/users/']"));
  check("a user has a page", (await admin.path()).startsWith("/system/users/"), await admin.path());
  check("no script failed", admin.complaints.length === 0, admin.complaints.join("; "));
  await admin.close();

  const b = await browser({ scripts: false });
  const token = link.split("#")[1];
  const codes = (await api("POST", "/api/v1/signup", { token, password: "correct horse battery nora" })).recovery_codes;
  await signIn(b, base, "nora", "correct horse battery nora");
  check("without scripts somebody signs in, and comes to where they wanted", (await b.path()) === "/account", await b.path());

  // Sessions.
  await b.go(`${base}/account/sessions`);
  const before = await b.evaluate("document.querySelectorAll('main .list > li').length");
  check("their sessions are listed, with what they signed in with", before === 2 && /Chrome on Linux/.test(await b.text("main")), await b.text("main"));
  await b.loaded(() => b.click("main .button.danger"));
  check("they sign out everywhere else", (await b.evaluate("document.querySelectorAll('main .list > li').length")) === 1 && /signed out everywhere else/.test(await b.text("[role=status]")));

  // The password.
  await b.go(`${base}/account/security`);
  await b.type("#current", "not it");
  await b.type("#new", "another pony, another bridge");
  await b.loaded(() => b.press("Enter"));
  check("a wrong password is told at its field", /wrong/.test(await b.text("#current\\.wrong")), await b.text("main"));
  await b.type("#current", "correct horse battery nora");
  await b.type("#new", "another pony, another bridge");
  await b.loaded(() => b.press("Enter"));
  check("the password is changed", /Your password is changed/.test(await b.text("[role=status]")), await b.text("main"));

  // Lost, and back by a code.
  await b.loaded(() => b.evaluate("document.querySelector('form[action=\"/auth/logout\"]').requestSubmit()"));
  await b.loaded(() => b.click("a[href='/recover']"));
  await b.type("#username", "nora");
  await b.type("#code", codes[0]);
  await b.type("#password", "a third pony, a third bridge");
  await b.loaded(() => b.press("Enter"));
  check("a recovery code brings them back", /You are signed in/.test(await b.text("h1")) && /4 recovery codes/.test(await b.text("main")), await b.text("main"));
  await b.loaded(() => b.click(".actions .primary"));
  await b.shot(world.picture("start"));
  const there = [await b.path(), await b.text("h1")];
  check("on it goes into a space, or to what to do for one", /^\/s\//.test(there[0]) || /no space yet/.test(there[1]), there.join(" "));
  check("no page breaks its policy", b.complaints.length === 0, b.complaints.join("; "));
  await b.close();
}
