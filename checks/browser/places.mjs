// The pages of spaces themselves: the tree by keyboard, a child made, a move with who gains and loses, and who sees what.
//
// Of the world: `base`, `browser`, `check`, `password` (of ada, who administers), `api(method, path, body, token)`, `marketing`,
// `rooms` and `job`.

async function token(world) {
  return (await world.api("POST", "/api/v1/login", { username: "ada", password: world.password })).token;
}

/// Spaces of three levels, of which one inherits; made once.
async function grown(world) {
  if (world.grown) return world.grown;
  const ada = await token(world);
  const make = (body) => world.api("POST", "/api/v1/spaces", body, ada);
  const brand = world.rooms.find(({ name }) => name === "Brand");
  const sales = world.rooms.find(({ name }) => name === "Sales");
  const [prints, films] = [await make({ name: "Prints", parent: brand.id, inherits: true }), await make({ name: "Films", parent: brand.id })];
  const north = await make({ name: "North", parent: sales.id, inherits: true, labels: ["region"] });
  await make({ name: "Oslo", parent: north.id, inherits: true });
  const cellar = await make({ name: "Cellar" });
  await world.api("POST", `/api/v1/spaces/${cellar.id}/archive`, {}, ada);
  const crew = await world.api("POST", "/api/v1/groups", { name: "Field crew" }, ada);
  await world.api("POST", `/api/v1/spaces/${north.id}/grants`, { principal: `group:${crew.id}`, role: "writer", expires_at: "2099-01-01T00:00:00Z" }, ada);
  const users = (await world.api("GET", "/api/v1/users?q=lin", undefined, ada)).items;
  await world.api("POST", `/api/v1/groups/${crew.id}/members`, { member: `user:${users[0].id}` }, ada);
  world.grown = { brand, sales, prints, films, north, cellar };
  return world.grown;
}

/// Pages for axe and for pictures, to ada.
export async function pages(world) {
  const { north, cellar, films } = await grown(world);
  const own = `/s/${world.marketing.id}`;
  return {
    tree: "/tree", "tree-found": "/tree?q=region", "tree-root": `/tree?root=${world.marketing.id}`, "tree-none": "/tree?q=zzz",
    "space-new": `/spaces/new?parent=${world.marketing.id}`, "space-settings": `${own}/settings`,
    "space-archived": `/s/${cellar.id}/settings`, "space-move": `/s/${films.id}/settings/move?parent=${north.id}&inherits=true`,
    "space-delete": `/s/${cellar.id}/settings/delete`, grants: `/s/${north.id}/members/grants`,
    access: `${own}/access`, "access-sees": `${own}/access?who=bo`, "access-who": `${own}/access?what=${world.job.code}&action=write`,
    "access-why": `${own}/access?who=lin&what=${world.job.code}&action=write`,
    "access-why-not": `${own}/access?who=bo&what=${world.job.code}&action=write`, "access-none": `${own}/access?who=nobody`,
  };
}

async function signIn(world, b, path) {
  await b.go(`${world.base}/sign-in?return=${encodeURIComponent(path)}`);
  await b.type("#username", "ada");
  await b.type("#password", world.password);
  await b.loaded(() => b.press("Enter"));
}

const key = async (b, name) => {
  const code = { ArrowLeft: 37, ArrowRight: 39, ArrowUp: 38, ArrowDown: 40, "+": 187, 0: 48 }[name];
  const text = name.length === 1 ? { text: name } : {};
  for (const type of ["keyDown", "keyUp"]) {
    await b.send("Input.dispatchKeyEvent", { type, key: name, windowsVirtualKeyCode: code, ...(type === "keyDown" ? text : {}) });
  }
};

/// The tree without a mouse.
async function tree(world) {
  const { browser, check, marketing } = world;
  const b = await browser();
  await signIn(world, b, "/tree");
  const at = () => b.evaluate("document.activeElement.closest('.leaf')?.querySelector('.name')?.textContent ?? ''");
  await b.evaluate("document.querySelector('[data-forest]').focus()");
  await key(b, "ArrowDown");
  check("the first arrow goes to the first card", (await at()) === "Cellar", await at());
  for (let tries = 0; tries < 4 && (await at()) !== "Marketing"; tries++) await key(b, "ArrowDown");
  check("down goes to the next card of the level", (await at()) === "Marketing", await at());
  await key(b, "ArrowRight");
  check("right goes below", (await at()) === "Brand", await at());
  await key(b, "ArrowDown");
  check("down stays on the level", (await at()) === "Events", await at());
  await key(b, "ArrowLeft");
  check("left goes to the parent", (await at()) === "Marketing", await at());
  const width = () => b.evaluate("document.querySelector('.leaf').getBoundingClientRect().width");
  const before = await width();
  await key(b, "+");
  check("+ makes it larger", (await width()) > before, `${before} ${await width()}`);
  await key(b, "0");
  check("0 as it was", (await width()) === before);
  const lit = await b.evaluate("getComputedStyle(document.activeElement.closest('.leaf')).borderColor !== getComputedStyle(document.querySelector('.leaf')).borderColor");
  check("the way of roles is lit", lit);
  await b.loaded(() => b.press("Enter"));
  check("Enter goes into the space", (await b.path()) === `/s/${marketing.id}`, await b.path());
  check("no script failed at the tree", b.complaints.length === 0, b.complaints.join("; "));
  await b.close();
  const plain = await browser({ scripts: false });
  await signIn(world, plain, "/tree");
  await plain.loaded(() => plain.click(`[id="space:${marketing.id}"] > .leaf .fold`));
  check("a branch is shut without scripts", (await plain.evaluate(`!document.querySelector('[id="space:${marketing.id}"] ul')`)), await plain.path());
  await plain.close();
}

/// A child is made, moved and archived without scripts.
async function forms(world) {
  const { browser, check, marketing } = world;
  const b = await browser({ scripts: false });
  await signIn(world, b, `/spaces/new?parent=${marketing.id}`);
  await b.type("#name", "Posters");
  await b.type("#labels", "print");
  await b.loaded(() => b.click("main form .button.primary"));
  check("a child is made without scripts", (await b.text("[role=status]")) === "Posters is made, and you administer it.", await b.text("main"));
  const own = await b.path();
  await b.go(`${world.base}${own}/settings/move`);
  await b.evaluate("document.querySelector('#parent').value = ''");
  await b.loaded(() => b.click("main form .button.primary"));
  check("who gains and who loses is told before", /lose/.test(await b.text(".moves h2")), await b.text("main"));
  await b.loaded(() => b.click("form[method=post] .button.primary"));
  check("and then it is moved", (await b.text("[role=status]")) === "Posters lies at the top now.", await b.text("main"));
  await b.loaded(() => b.click("form[action$='/archive'] button"));
  check("it is archived", (await b.text(".notice .grow")) === "Posters is archived.", await b.text("main"));
  await b.loaded(() => b.click("a[href$='/settings/delete']"));
  await b.type("#name", "Poster");
  await b.loaded(() => b.press("Enter"));
  check("a name that does not fit deletes nothing", /must be the name/i.test(await b.text("[id='name.wrong']")), await b.text("main"));
  await b.type("#name", "Posters");
  await b.loaded(() => b.press("Enter"));
  check("its name does", /Posters is deleted/.test(await b.text("[role=status]")), await b.text("main"));
  await b.close();
}

/// Who sees what, by keyboard.
async function explorer(world) {
  const { browser, check, marketing, job } = world;
  const b = await browser();
  await signIn(world, b, `/s/${marketing.id}/access`);
  check("who sees the space is told at once, by where they have it from", /Given to them|given to them/.test(await b.text("main")), await b.text("main"));
  await b.type("#who", "bo");
  await b.type("#what", "");
  await b.loaded(() => b.press("Enter"));
  check("what somebody sees", /What Bo Aaltonen may see here/.test(await b.text("main")), await b.text("main"));
  await b.evaluate("document.querySelector('#action').value = 'write'");
  await b.type("#what", job.code);
  await b.loaded(() => b.press("Enter"));
  check("why not, gate by gate", (await b.evaluate("document.querySelectorAll('.gate').length")) === 4);
  check("and which of them decided", /chore:write/.test(await b.text(".gate.decided")), await b.text("main"));
  check("no script failed at the explorer", b.complaints.length === 0, b.complaints.join("; "));
  await b.close();
}

/// The main paths.
export async function walk(world) {
  await grown(world);
  await tree(world);
  await forms(world);
  await explorer(world);
}
