// The pictures of the documentation: `node pictures.mjs PROGRAM FOLDER` starts that program with the demo on data of its own, and
// takes eight pages of it, light and dark, as they look to Beatrix, who runs the reports of the mail-order house Meridian.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browser } from "./browser.mjs";

const [program, folder] = process.argv.slice(2);
const data = mkdtempSync(join(tmpdir(), "garth-pictures-"));
const base = "http://127.0.0.1:7498";
const garth = spawn(program, ["serve", "--demo", "--data", join(data, "data"), "--listen", "127.0.0.1:7498"], { stdio: ["ignore", "ignore", "inherit"] });
mkdirSync(folder, { recursive: true });

async function api(path, token, body) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(`${base}/api/v1${path}`, { headers, ...(body && { method: "POST", body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function up() {
  for (let tries = 0; tries < 300; tries++) {
    if (await fetch(`${base}/readyz`).then(({ ok }) => ok, () => false)) return;
    await new Promise((wait) => setTimeout(wait, 200));
  }
  throw new Error("the demo did not come up");
}

try {
  await up();
  const [username, password] = ["beatrix", "garth-demo-please"];
  const { token } = await api("/login", null, { username, password });
  const spaces = (await api("/spaces?limit=100", token)).items;
  const at = (path) => spaces.find((space) => space.path === path);
  const [finance, marketing] = [at("Meridian/Finance"), at("Meridian/Marketing")];
  const jobs = (await api(`/resources?kind=job&space=${finance.id}`, token)).items;
  const cash = jobs.find(({ name }) => name.startsWith("Cash")) || jobs[0];
  const own = `/s/${finance.id}`;
  const pages = {
    home: own, jobs: `${own}/resources?kind=job`, job: `${own}/resources/${cash.code}`,
    copy: `${own}/selected/copy?${jobs.slice(0, 2).map(({ code }) => `r=${code}`).join("&")}&space=${marketing.id}`,
    tree: "/tree", members: `${own}/members`, access: `${own}/access?who=dana&what=${cash.code}&action=write`, audit: `${own}/audit`,
  };
  for (const dark of [false, true]) {
    const b = await browser({ dark });
    await b.go(`${base}/sign-in?return=/spaces`);
    await b.type("#username", username);
    await b.type("#password", password);
    await b.loaded(() => b.press("Enter"));
    for (const [name, path] of Object.entries(pages)) {
      await b.go(base + path);
      await b.shot(join(folder, `${name}-${dark ? "dark" : "light"}.webp`));
    }
    await b.close();
  }
} finally {
  garth.kill("SIGTERM");
  await new Promise((done) => (garth.exitCode === null ? garth.once("exit", done) : done()));
  rmSync(data, { recursive: true, force: true, maxRetries: 5 });
}
