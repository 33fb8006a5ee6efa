// Things in a real browser: the bar that rises, moving, copying by keyboard alone, who may see a thing, without scripts.
let made;

/// What the walk works on; made once.
async function things({ make, marketing, rooms }) {
  if (made) return made;
  const schema = {
    type: "object",
    properties: { title: { type: "string" }, pool: { type: "string" }, mail: { type: "string" }, secret: { type: "string" } },
  };
  await make("/kinds", { name: "pool", plural: "pools", prefix: "P", shareable: true });
  await make("/kinds", {
    name: "report", plural: "reports", prefix: "R", schema, secret_fields: ["/secret"], references: [{ pointer: "/pool", kind: "pool" }],
  });
  const thing = (kind, name, more = {}) => make("/resources", { kind, space: marketing.id, name, ...more });
  const pool = await thing("pool", "Nightly workers", { labels: ["shared"] });
  const mail = await thing("pool", "Mail gateway");
  const first = await thing("report", "Spring campaign", { labels: ["weekly"], body: { title: "Spring", pool: pool.id, secret: "hush" } });
  const second = await thing("report", "Board summary", { labels: ["board"], body: { title: "Board", pool: pool.id } });
  const third = await thing("report", "Open rates", { body: { title: "Rates" } });
  await make(`/resources/${first.id}/attachments`, { resource: mail.id });
  await make("/resources", { kind: "report", space: rooms[0].id, name: "Board summary" });
  made = { pool, mail, first, second, third, brand: rooms[0] };
  return made;
}

export async function pages(world) {
  const { first, second, pool, brand } = await things(world);
  const own = `/s/${world.marketing.id}`;
  const picked = `r=${first.code}&r=${second.code}`;
  return {
    "things-list": `${own}/resources?kind=report`,
    "things-one": `${own}/resources/${first.code}`,
    "things-pool": `${own}/resources/${pool.code}`,
    "things-target": `${own}/selected/copy?${picked}`,
    "things-copy": `${own}/selected/copy?${picked}&space=${brand.id}`,
    "things-move": `${own}/selected/move?r=${second.code}&space=${brand.id}`,
    "things-stays": `${own}/selected/move?${picked}&space=${brand.id}`,
    "things-labels": `${own}/selected/labels?${picked}`,
    "things-delete": `${own}/selected/delete?${picked}`,
    "things-policies": `${own}/resources/${first.code}/policies`,
  };
}

export async function walk(world) {
  const { base, browser, check, signIn, password, marketing } = world;
  const { first, second, third, brand } = await things(world);
  const own = `${base}/s/${marketing.id}`;
  const focus = (b, expression) => b.evaluate(`(() => { const it = document.activeElement; return ${expression}; })()`);
  /// Presses Tab until what is wanted has focus.
  const tabTo = async (b, expression) => {
    for (let steps = 0; steps < 120; steps++) {
      await b.press("Tab");
      if (await focus(b, expression)) return true;
    }
    return false;
  };

  // Copying by keyboard alone: from the list to the copies, Tab, Space, arrows and Enter.
  const b = await browser();
  await signIn(b, password);
  await b.go(`${own}/resources?kind=report`);
  check("the bar is not there while nothing is selected", await b.evaluate("document.querySelector('[data-bulk]').hidden"));
  check("a box is reached by Tab", await tabTo(b, `it.value === ${JSON.stringify(second.code)}`));
  await b.press(" ");
  check("Space selects, and the bar rises", (await b.text("[data-picked]")) === "1 selected", await b.text("[data-bulk]"));
  check("the bar is reached by Tab", await tabTo(b, "(it.getAttribute('formaction') ?? '').endsWith('/selected/copy')"));
  await b.loaded(() => b.press("Enter"));
  check("Enter leads to the spaces", (await b.text("h1")) === "Copy 1 report", await b.text("h1"));
  check("spaces are searched from eight on", await tabTo(b, "it.name === 'q'"));
  await b.send("Input.insertText", { text: "brand" });
  await b.loaded(() => b.press("Enter"));
  check("only that space is there", (await b.text(".targets")).startsWith("BR") || (await b.text(".targets")).includes("Brand"), await b.text(".targets"));
  await tabTo(b, "it.name === 'space'");
  await b.loaded(() => b.press("Enter"));
  check("the preview tells of the conflict", /Renamed/.test(await b.text("main")), await b.text("main"));
  check("and of what comes along", /Nightly workers/.test(await b.text("main")));
  await tabTo(b, "it.name === 'ref'");
  await b.loaded(() => b.press("ArrowDown"));
  check("another choice is shown at once", /ref=/.test(await b.path()) && /leave/.test(await b.path()), await b.path());
  check("and focus is where it was", await b.evaluate("document.activeElement.name === 'ref'"));
  await tabTo(b, "it.matches('.button.primary')");
  await b.loaded(() => b.press("Enter"));
  check("the copy is made, with a link to it", (await b.text("[role=status]")) === "1 thing is copied to Brand." && /Board summary \(copy\)/.test(await b.text("main .list")), await b.text("main"));

  // Selecting all, and a range.
  await b.go(`${own}/resources?kind=report`);
  await b.click("[data-all]");
  check("all are selected at once", (await b.text("[data-picked]")) === "3 selected", await b.text("[data-picked]"));
  await b.shot(world.picture("things-bar"));
  await b.loaded(() => b.click("[formaction$='/selected/labels']"));
  check("labels of three", (await b.text("h1")) === "Labels of 3 reports", await b.text("h1"));

  // Who would see it: the fields of what is chosen, the preview, the rule that is added.
  await b.go(`${own}/resources/${third.code}/policies`);
  await b.click("label[for='view.people']");
  check("the field of a choice appears with it", await b.evaluate("document.querySelector('.under.people').offsetParent !== null"));
  await b.type("#view\\.names", "ada");
  await b.loaded(() => b.click("button.button[value=preview]"));
  check("the preview says who loses", /can no longer see Open rates/.test(await b.text(".moves")), await b.text("main"));
  await b.shot(world.picture("things-policies-tried"));
  check("no script failed", b.complaints.length === 0, b.complaints.join("; "));
  await b.close();

  // The same without scripts: a form of plain buttons.
  const plain = await browser({ scripts: false });
  await signIn(plain, password);
  await plain.go(`${own}/resources?kind=report`);
  check("without scripts the bar is there", await plain.evaluate("document.querySelector('[data-bulk]').offsetParent !== null"));
  await plain.click(`[value='${third.code}']`);
  await plain.loaded(() => plain.click("[formaction$='/selected/move']"));
  await plain.loaded(() => plain.click(`.target[value='${brand.id}']`));
  check("without scripts: what would become of it", /Moves/.test(await plain.text("main table")), await plain.text("main"));
  await plain.loaded(() => plain.click("main .button.primary"));
  check("and it is moved", (await plain.text("[role=status]")) === "1 report moved to Brand.", await plain.text("main"));
  await plain.go(`${own}/resources/${first.code}/policies`);
  await plain.click("label[for='view.custom']");
  await plain.loaded(() => plain.click("button[value='add.view']"));
  check("a rule is added without scripts", await plain.evaluate("document.querySelector('.rule select') !== null"));
  await plain.close();
}
