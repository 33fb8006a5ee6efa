// The pages of the installation: a kind with the form that comes out of it as one types, roles as a table, a login policy whose
// error is told at its line and which is tried, and a kind made without scripts.
//
// Of the world: `base`, `browser`, `check`, `password` (of ada, who administers), `api(method, path, body, token)` and `marketing`.

const POLICY = `package garth

allow if input.session.member

sample := true

space_write contains space.id if {
	some space in input.spaces
	"marketing" in space.labels
}
`;

let made;

/// What the pages show; made once.
async function shown(world) {
  if (made) return made;
  const ada = (await world.api("POST", "/api/v1/login", { username: "ada", password: world.password })).token;
  const make = (path, body) => world.api("POST", `/api/v1${path}`, body, ada);
  const role = await make("/roles", { name: "publisher", permissions: ["chore:read", "chore:write", "chore:share"] });
  const login = await make("/login-policies", { name: "By label", rego: POLICY, version: "v1", enabled: false });
  const policy = await make("/policies", { name: "editors", policy: { users: ["user:@ada", "user:@lin"] } });
  const provider = await make("/identity-providers", {
    name: "Corporate login", slug: "corp", issuer: "https://127.0.0.1:1/corp", client_id: "garth", client_secret: "hush", groups_claim: "groups",
  });
  made = { role, login, policy, provider };
  return made;
}

/// Pages for axe and for pictures, to ada.
export async function pages(world) {
  const { role, login, policy, provider } = await shown(world);
  return {
    kinds: "/system/kinds", kind: "/system/kinds/chore", "kind-new": "/system/kinds/new", roles: "/system/roles", role: `/system/roles/${role.id}`,
    "login-policies": "/system/login-policies", "login-policy": `/system/login-policies/${login.id}`,
    policies: "/system/policies", policy: `/system/policies/${policy.id}`, registry: "/system/registry",
    "registry-space": `/system/registry/${world.marketing.id}`, settings: "/system/settings", "system-audit": "/system/audit",
    providers: "/system/identity-providers", provider: `/system/identity-providers/${provider.id}`, backup: "/system/backup", health: "/system/health",
  };
}

async function signIn(world, b) {
  await b.go(`${world.base}/sign-in?return=/system/kinds`);
  await b.type("#username", "ada");
  await b.type("#password", world.password);
  await b.loaded(() => b.press("Enter"));
}

/// Waits for what a script does.
async function soon(b, expression) {
  for (let tries = 0; tries < 40; tries++) {
    if (await b.evaluate(expression)) return true;
    await new Promise((wait) => setTimeout(wait, 100));
  }
  return false;
}

export async function walk(world) {
  const { check, base } = world;
  const { login } = await shown(world);
  const b = await world.browser();
  await signIn(world, b);

  // A kind, and the form that comes out of it.
  await b.go(`${base}/system/kinds/new`);
  await b.type("#name", "ticket");
  await b.type("#prefix", "TI");
  const schema = { type: "object", properties: { urgent: { type: "boolean", title: "Is it urgent?" }, pin: { type: "string", title: "Pin" } } };
  await b.type("#schema", JSON.stringify(schema, null, 2));
  await b.type("#secret_fields", "/pin");
  check("the form comes out as one types", await soon(b, "/Is it urgent/.test(document.querySelector('#preview').innerText) && !!document.querySelector('#preview input[type=password]')"), await b.text("#preview"));
  await b.type("#schema", '{\n  "type": "object",\n  "properties": }');
  check("an error is told at its line as one types", await soon(b, "/Line 3/.test(document.querySelector('#preview').innerText)"), await b.text("#preview"));
  await b.loaded(() => b.click(".actions .button.primary"));
  check("and when it is sent", /Line 3/.test(await b.text("#schema\\.wrong")) && (await b.evaluate("document.querySelector('#name').value")) === "ticket", await b.text("main"));
  await b.click("#schema\\.wrong a[data-line]");
  check("its line is selected in the text", (await b.evaluate("(() => { const it = document.activeElement; return it.id + it.value.slice(it.selectionStart, it.selectionEnd); })()")) === 'schema  "properties": }');
  await b.type("#schema", JSON.stringify(schema, null, 2));
  await b.loaded(() => b.click(".actions .button.primary"));
  check("a kind is made", (await b.path()) === "/system/kinds/ticket" && (await b.text("[role=status]")) === "ticket is made.", await b.text("main"));

  // Enter beside a policy tries it: it is kept by its own button alone.
  await b.go(`${base}/system/login-policies/${login.id}`);
  await b.type("#username", "ada");
  await b.loaded(() => b.press("Enter"));
  check("Enter beside a policy tries it and keeps nothing", (await b.text("#outcome")) !== "" && !(await b.evaluate("!!document.querySelector('.notice')")), await b.text("main"));

  // Roles as a table.
  await b.go(`${base}/system/roles`);
  check("the table has a row for the new kind", /ticket/.test(await b.text(".matrix")), await b.text(".matrix"));
  await b.go(`${base}/system/roles/new`);
  await b.type("#name", "helper");
  await b.click("label[for='ticket:read']");
  await b.loaded(() => b.click(".actions .button.primary"));
  check("a role is made", /helper/.test(await b.text(".matrix thead")), await b.text("main"));

  // A login policy: wrong, mended, tried.
  await b.go(`${base}/system/login-policies/${login.id}`);
  await b.type("#rego", POLICY.replace("sample := true", "sample := := true"));
  await b.loaded(() => b.click(".card .actions .button.primary"));
  check("an error of a login policy is told at its line", /Line 5/.test(await b.text("#rego\\.wrong")), await b.text("main"));
  await b.type("#rego", POLICY);
  await b.type("#username", "lin");
  await b.loaded(() => b.click(".beside button[value=try]"));
  check("a login policy is tried", /lin comes in/.test(await b.text("#outcome")), await b.text("main"));
  check("no page breaks its policy", b.complaints.length === 0, b.complaints.join("; "));
  await b.close();

  // Without scripts.
  const plain = await world.browser({ scripts: false });
  await signIn(world, plain);
  await plain.go(`${base}/system/kinds/new`);
  await plain.type("#name", "plain");
  await plain.type("#prefix", "PL");
  await plain.type("#schema", JSON.stringify(schema));
  await plain.loaded(() => plain.click("button[name=show]"));
  check("a button shows the form without scripts", /Is it urgent/.test(await plain.text("#preview")) && (await plain.evaluate("document.querySelector('#name').value")) === "plain", await plain.text("main"));
  await plain.close();
}
