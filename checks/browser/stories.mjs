// The console in a real browser: `node stories.mjs PROGRAM [FOLDER]` starts that program on data of its own, walks the pages by
// mouse, by keyboard and without scripts, lets axe-core look at each in light, dark and narrow, and leaves pictures in FOLDER.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browser } from "./browser.mjs";
import * as jobs from "./jobs.mjs";
import * as people from "./people.mjs";
import * as places from "./places.mjs";
import * as system from "./system.mjs";
import * as things from "./things.mjs";

// Who ends sessions comes last.
const parts = [things, jobs, places, system, people];
const [program, pictures = join(tmpdir(), "garth-pictures")] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const data = mkdtempSync(join(tmpdir(), "garth-browser-"));
mkdirSync(pictures, { recursive: true });

const port = await new Promise((done) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});
const base = `http://127.0.0.1:${port}`;
const garth = spawn(program, ["serve", "--data", join(data, "data"), "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "inherit"] });
const wrong = [];
const check = (what, fits, more = "") => {
  console.log(`${fits ? "ok   " : "WRONG"} ${what}${fits ? "" : ` ${more}`}`);
  if (!fits) wrong.push(what);
};

async function api(method, path, body, token) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

async function installation() {
  for (let tries = 0; ; tries++) {
    try {
      if ((await fetch(`${base}/healthz`)).ok) break;
    } catch (error) {
      if (tries > 100) throw error;
    }
    await new Promise((wait) => setTimeout(wait, 100));
  }
  const token = readFileSync(join(data, "data", "setup-token"), "utf8").trim();
  const password = "correct horse battery ada";
  const ada = (await api("POST", "/api/v1/setup", { token, username: "ada", password, name: "Ada Lovelace" })).token;
  const make = (path, body) => api("POST", `/api/v1${path}`, body, ada);
  const schema = {
    type: "object",
    required: ["schedule"],
    properties: {
      schedule: { type: "string", title: "When", description: "As cron writes it." },
      enabled: { type: "boolean" },
      level: { enum: ["low", "high"] },
      retries: { type: "integer" },
      recipients: { type: "array", items: { type: "string" } },
      token: { type: "string" },
      steps: { type: "array", items: { type: "object" } },
    },
  };
  await make("/kinds", { name: "chore", plural: "chores", prefix: "CH", schema, secret_fields: ["/token"] });
  await make("/spaces", { name: "Home" });
  const marketing = await make("/spaces", { name: "Marketing", description: "Campaigns, their jobs and what they report." });
  const rooms = [];
  for (const name of ["Brand", "Events", "Finance", "Legal", "Operations", "People", "Research", "Sales"]) {
    rooms.push(await make("/spaces", { name, parent: marketing.id }));
  }
  for (const [username, name, role] of [["bo", "Bo Aaltonen", "reader"], ["lin", "Lin Park", "writer"]]) {
    const user = await make("/users", { username, name });
    await api("POST", "/api/v1/signup", { token: user.signup_token, password: `correct horse battery ${username}` });
    await make(`/spaces/${marketing.id}/grants`, { principal: `user:${user.id}`, role }).catch(() =>
      make(`/registry/spaces/${marketing.id}/grants`, { principal: `user:${user.id}`, role }),
    );
  }
  const bodies = ["Weekly KPIs", "Launch digest", "Newsletter", "Survey"].map((name, at) => ({
    kind: "chore", space: marketing.id, name, labels: at % 2 ? ["weekly"] : [], body: { schedule: `0 ${8 + at} * * 1`, enabled: at % 2 === 0 },
  }));
  for (const body of bodies) await make("/resources", body);
  const job = (await api("GET", `/api/v1/resources?space=${marketing.id}&q=kpis`, undefined, ada)).items[0];
  await make(`/spaces/${marketing.id}/api-keys`, { name: "reports-app", role: "reader" });
  await make(`/spaces/${marketing.id}/invitations`, { to: "mara@example.org", role: "reader" });
  for (const [meter, limit, window] of [["resources.chore", 5, "stored"], ["api.daily", 10000, "daily"]]) {
    await api("PUT", `/api/v1/spaces/${marketing.id}/quotas/${meter}`, { limit, window }, ada);
  }
  return { program, base, browser, check, api, make, signIn, picture: (name) => join(pictures, `${name}.png`), marketing, rooms, job, password };
}

async function signIn(b, password) {
  await b.go(`${base}/sign-in?return=/spaces`);
  await signInHere(b, password);
}

async function signInHere(b, password) {
  await b.type("#username", "ada");
  await b.type("#password", password);
  await b.loaded(() => b.press("Enter"));
}

// Every page in each mode: it fits, axe finds nothing, and it breaks no policy. What is narrow holds the same as what is wide, so axe
// looks at the wide ones.
async function lookedOver(world) {
  const { marketing, job, password } = world;
  const own = `/s/${marketing.id}`;
  const pages = {
    spaces: "/spaces", space: own, resources: `${own}/resources?kind=chore`, resource: `${own}/resources/${job.code}`,
    new: `${own}/new?kind=chore`, members: `${own}/members`, keys: `${own}/keys`, quotas: `${own}/quotas`, audit: `${own}/audit`,
    missing: "/s/0197a0c0-0000-7000-8000-00000000abcd",
    "role-new": "/system/roles/new", "policy-new": "/system/policies/new", "login-policy-new": "/system/login-policies/new",
    "provider-new": "/system/identity-providers/new",
  };
  for (const part of parts) Object.assign(pages, await part.pages(world));
  for (const [mode, options] of Object.entries({ light: { width: 1280 }, dark: { width: 1280, dark: true }, narrow: { width: 390 }, least: { width: 320 } })) {
    const b = await browser(options);
    const look = async (name, path) => {
      await b.go(base + path);
      const width = await b.evaluate("document.documentElement.scrollWidth");
      check(`${name} fits, ${mode}`, width <= options.width, `it is ${width} wide`);
      if (mode !== "least") await b.shot(join(pictures, `${name}-${mode}.png`));
      if (options.width < 1280) return;
      await b.evaluate(axe);
      const found = await b.evaluate(`axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
        violations.map(({ id, nodes }) => id + ": " + nodes.map((n) => n.target + " " + (n.any[0]?.message ?? "")).join(" | ")))`);
      check(`axe finds nothing at ${name}, ${mode}`, found.length === 0, found.join("\n      "));
    };
    for (const name of ["sign-in", "signup", "invitation"]) await look(name, `/${name}`);
    await signIn(b, password);
    for (const [name, path] of Object.entries(pages)) await look(name, path);
    check(`no page breaks its policy, ${mode}`, b.complaints.length === 0, b.complaints.join("; "));
    await b.close();
  }
}

async function byKeyboard({ marketing, rooms, job, password }) {
  const b = await browser();
  await signIn(b, password);
  await b.go(`${base}/s/${marketing.id}/members`);
  await b.press("k", 2);
  check("Ctrl K opens the palette, and focus is in it", await b.evaluate("document.activeElement.getAttribute('role') === 'combobox'"));
  await b.press("Escape");
  check("Esc closes it", await b.evaluate("!document.querySelector('dialog').open"));
  await b.press("k", 2);
  await b.send("Input.insertText", { text: "resear" });
  await new Promise((wait) => setTimeout(wait, 500));
  const research = rooms.find((room) => room.name === "Research");
  await b.loaded(() => b.press("Enter"));
  check("Enter goes to the space, in the same section", (await b.path()) === `/s/${research.id}/members`, await b.path());
  await b.press("k", 2);
  await b.send("Input.insertText", { text: "o" });
  const first = await b.text("[role=option][aria-selected=true]");
  await b.press("ArrowDown");
  const second = await b.text("[role=option][aria-selected=true]");
  check("arrows go down", first !== second && second !== null, `${first} ${second}`);
  await b.press("ArrowUp");
  check("and up", (await b.text("[role=option][aria-selected=true]")) === first);
  await b.press("Escape");
  // The switcher without the palette.
  await b.go(`${base}/s/${marketing.id}/members`);
  await b.evaluate("document.querySelector('details.switcher summary').focus()");
  await b.press("Enter");
  check("Enter opens the switcher", await b.evaluate("document.querySelector('details.switcher').open"));
  await b.shot(join(pictures, "switcher.png"));
  await b.press("Escape");
  check("Esc closes it, and focus is where it was", await b.evaluate("!document.querySelector('details.switcher').open && document.activeElement.matches('summary')"));
  // Single keys go, tell themselves, and are off while somebody types.
  await b.press("g");
  await b.loaded(() => b.press("r"));
  check("g r goes to the resources", (await b.path()) === `/s/${marketing.id}/resources`, await b.path());
  await b.press("/");
  check("/ goes to the search", await b.evaluate("document.activeElement.type === 'search'"));
  await b.press("?");
  check("there it is a character", await b.evaluate("!document.querySelector('dialog.keys').open"));
  await b.evaluate("document.activeElement.blur()");
  await b.press("?");
  check("? tells the keys", /Members/.test(await b.text("dialog.keys dl")));
  await b.shot(join(pictures, "palette-keys.png"));
  await b.press("Escape");
  await b.press("k", 2);
  await b.send("Input.insertText", { text: "kpis" });
  await new Promise((wait) => setTimeout(wait, 500));
  await b.shot(join(pictures, "palette.png"));
  await b.loaded(() => b.press("Enter"));
  check("the palette finds things", (await b.path()) === `/s/${marketing.id}/resources/${job.code}`, await b.path());
  // What was typed outlives the session.
  await b.go(`${base}/s/${marketing.id}/new?kind=chore`);
  await b.type("#name", "Typed before");
  await b.type("[name='/schedule']", "0 7 * * *");
  await b.evaluate("fetch('/auth/logout', { method: 'POST', redirect: 'manual' }).then(() => 1)");
  await b.loaded(() => b.press("Enter"));
  await signInHere(b, password);
  // Signing in leads near the form, and the script to it.
  for (let tries = 0; tries < 30 && !(await b.evaluate("document.querySelector('form .notice')")); tries++) await new Promise((wait) => setTimeout(wait, 100));
  check("what was typed is there after signing in", (await b.evaluate("document.querySelector('#name')?.value")) === "Typed before", await b.path());
  check("and the page says so", /not sent/.test(await b.text("form .notice")));
  check("no script failed", b.complaints.length === 0, b.complaints.join("; "));
  await b.close();
}

async function withoutScripts({ marketing, password }) {
  const b = await browser({ scripts: false });
  await signIn(b, password);
  const own = `${base}/s/${marketing.id}`;
  await b.go(`${own}/new?kind=chore`);
  await b.type("#name", "Made without scripts");
  await b.type("[name='/schedule']", "0 7 * * *");
  await b.loaded(() => b.click("main form .button.primary"));
  check("a resource is made without scripts", (await b.text("h1")) === "Made without scripts", await b.text("main"));
  check("and the page says so", (await b.text("[role=status]")) === "Made without scripts is made.");
  await b.go(`${own}/new?kind=chore`);
  await b.type("#name", "One too many");
  await b.type("[name='/schedule']", "0 7 * * *");
  await b.loaded(() => b.click("main form .button.primary"));
  check("a quota is told above the form, and what was typed is kept", (await b.evaluate("document.querySelector('#name').value")) === "One too many" && /no more than 5/.test(await b.text("[role=alert]")), await b.text("main"));
  await b.go(`${own}/resources?kind=chore`);
  await b.loaded(() => b.click("main tbody a"));
  const there = await b.path();
  await b.click("main details.menu summary");
  await b.loaded(() => b.click("form[action$='/archive'] button"));
  await b.loaded(() => b.click(".notice button"));
  check("what was archived is taken back", (await b.path()) === there && / is back\.$/.test(await b.text("[role=status]")), await b.text("main"));
  await b.go(`${own}/keys`);
  await b.type("#name", "no scripts");
  await b.loaded(() => b.click("#new .button.primary"));
  const secret = await b.text("#secret");
  check("a key is shown once", secret.startsWith("gk_"), secret);
  await b.go(`${own}/members`);
  await b.click("td details summary.button:not(.quiet)");
  check("a menu opens without scripts", await b.evaluate("document.querySelector('td details:has(form)').open"));
  await b.close();
  const narrow = await browser({ scripts: false, width: 390 });
  await signIn(narrow, password);
  await narrow.go(own);
  await narrow.click(".topbar button");
  check("the drawer opens without scripts", await narrow.evaluate("document.querySelector('#sidebar').matches(':popover-open')"));
  await narrow.shot(join(pictures, "drawer.png"));
  await narrow.press("Escape");
  check("and closes by Esc", await narrow.evaluate("!document.querySelector('#sidebar').matches(':popover-open')"));
  await narrow.close();
}

try {
  const all = await installation();
  await byKeyboard(all);
  await withoutScripts(all);
  for (const part of parts) await part.walk(all);
  await lookedOver(all);
} catch (error) {
  wrong.push(error.message);
  console.error(error);
} finally {
  garth.kill("SIGTERM");
  await new Promise((done) => (garth.exitCode === null ? garth.once("exit", done) : done()));
  rmSync(data, { recursive: true, force: true, maxRetries: 5 });
}
console.log(wrong.length ? `\n${wrong.length} wrong` : "\nall as it should be");
process.exit(wrong.length ? 1 : 0);
