// Jobs in a real browser: a form that speaks of days and times, a run by a button and its report, interfaces by the way they
// deliver, a test beside its button, copying with what a job delivers by; without scripts as well.
let made;

/// Asks until it is so, or for half a minute.
async function until(question) {
  for (let tries = 0; tries < 300; tries++) {
    const answer = await question();
    if (answer) return answer;
    await new Promise((wait) => setTimeout(wait, 100));
  }
  return null;
}

/// What the walk works on; made once.
async function jobs({ make, marketing, rooms }) {
  if (made) return made;
  const thing = (kind, name, body, owner) => make("/resources", { kind, space: marketing.id, name, body, owner });
  const mail = await thing("delivery", "Mail of the house", {
    type: "smtp", host: "mail.example.org", port: 587, security: "starttls", username: "garth", password: "hush hush", from: "garth@example.org",
  });
  const hook = await thing("delivery", "Chat of the team", {
    type: "webhook", url: "https://hook.invalid/hook", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  });
  const writer = await thing("ai_provider", "House model", {
    endpoint: "https://ai.invalid/v1", model: "small", api_key: "hush", daily_tokens: 20000, weekly_tokens: 100000,
  });
  const weekly = await thing("job", "Access review", {
    schedule: "0 8 * * 1", time_zone: "Europe/Berlin", enabled: true, report: { type: "access_review" },
    deliveries: [{ delivery: mail.id, recipients: [{ address: "board@example.org", individual: false }], formats: ["pdf"] }],
    summary: { provider: writer.id, instructions: "What changed since the last one?" },
  }, mail.author);
  const usage = await thing("job", "Usage", { time_zone: "UTC", enabled: true, report: { type: "usage" }, deliveries: [] }, mail.author);
  await make(`/jobs/${usage.id}/run`, {});
  made = { mail, hook, writer, weekly, usage, brand: rooms[0] };
  return made;
}

export async function pages(world) {
  const { mail, hook, writer, weekly, usage, brand } = await jobs(world);
  const own = `/s/${world.marketing.id}`;
  return {
    "jobs-list": `${own}/resources?kind=job`,
    "jobs-weekly": `${own}/resources/${weekly.code}`,
    "jobs-usage": `${own}/resources/${usage.code}`,
    "jobs-runs": `${own}/resources/${usage.code}/runs`,
    "jobs-new": `${own}/new?kind=job`,
    "jobs-edit": `${own}/resources/${weekly.code}/edit`,
    "jobs-copy": `${own}/selected/copy?r=${weekly.code}&space=${brand.id}`,
    "jobs-ways": `${own}/new?kind=delivery`,
    "jobs-smtp": `${own}/new?kind=delivery&type=smtp`,
    "jobs-webhook": `${own}/resources/${hook.code}/edit`,
    "jobs-mail": `${own}/resources/${mail.code}`,
    "jobs-provider": `${own}/resources/${writer.code}`,
    "jobs-mail-in": `${own}/settings`,
    "jobs-health": "/system/health",
    "jobs-backup": "/system/backup",
  };
}

export async function walk(world) {
  const { base, browser, check, signIn, password, marketing } = world;
  const { hook, usage } = await jobs(world);
  const own = `${base}/s/${marketing.id}`;
  const seen = (b, selector) => b.evaluate(`document.querySelector(${JSON.stringify(selector)})?.offsetParent !== null`);
  const choose = (b, selector, value) =>
    b.evaluate(`(() => { const it = document.querySelector(${JSON.stringify(selector)}); it.value = ${JSON.stringify(value)};
      it.dispatchEvent(new Event("change", { bubbles: true })); })()`);

  // The form shows what belongs to what is chosen, and says when that is.
  const b = await browser();
  await signIn(b, password);
  await b.go(`${own}/new?kind=job`);
  await b.type("#name", "Board digest");
  await choose(b, "#when", "daily");
  check("a time of day belongs to every day", (await seen(b, "#when\\.at")) && !(await seen(b, "#when\\.weekday")) && !(await seen(b, "#when\\.text")));
  await choose(b, "#when", "cron");
  check("cron has a field of its own", (await seen(b, "#when\\.text")) && !(await seen(b, "#when\\.at")));
  await b.type("#when\\.text", "30 7 * * MON-FRI");
  await choose(b, "#report", "audit_digest");
  check("days belong to the audit digest", (await seen(b, "#report\\.days")) && !(await seen(b, "#report\\.url")));
  await b.loaded(() => b.click("button[value=look]"));
  check("the schedule is told in words, with what comes next", /07:30/.test(await b.text(".told-when")) && /Next:/.test(await b.text(".told-when")), await b.text(".told-when"));
  check("what was typed is kept", (await b.evaluate("document.querySelector('#name').value")) === "Board digest");
  await b.shot(world.picture("jobs-told"));
  await b.loaded(() => b.click("form .button.primary"));
  check("the job is made", (await b.text("[role=status]")) === "Board digest is made.", await b.text("main"));
  await b.loaded(() => b.click("form[action$='/disable'] button"));
  check("it is switched off", /Switched off/.test(await b.text("main")), await b.text("main"));

  // Enter on a tick box runs nothing: it is about what is selected.
  await b.go(`${own}/resources?kind=job`);
  await b.evaluate("(() => { const box = document.querySelector('td.tick input'); box.click(); box.focus(); })()");
  await b.loaded(() => b.press("Enter"));
  check("Enter on a tick box runs no job", (await b.path()).includes("/selected/labels"), await b.path());

  // A run by a button, its tries and its report.
  await b.go(`${own}/resources/${usage.code}`);
  await b.loaded(() => b.click("form[action$='/run'] button"));
  check("it runs", /Usage runs/.test(await b.text("[role=status]")), await b.text("main"));
  const ended = await until(async () => {
    await b.go(`${own}/resources/${usage.code}`);
    return b.evaluate("document.querySelectorAll('.run [href$=\"/report.html\"]').length >= 2");
  });
  check("its report is there", ended, await b.text("main"));
  await b.click(".run summary");
  check("a run opens to its tries", /Tries/.test(await b.text(".run[open]")), await b.text("main"));
  await b.shot(world.picture("jobs-run"));
  check("no script failed", b.complaints.length === 0, b.complaints.join("; "));
  await b.loaded(() => b.click(".run[open] [href$='/report.html']"));
  check("the report is a page", /Usage/.test(await b.text("body")), await b.text("body"));
  await b.close();

  // Without scripts: an interface by the way it delivers, and its test beside its button.
  const plain = await browser({ scripts: false });
  await signIn(plain, password);
  await plain.go(`${own}/new?kind=delivery`);
  await plain.loaded(() => plain.click("a[href$='type=folder']"));
  check("the form has the fields of that way alone", await plain.evaluate("!!document.querySelector('[name=\"/path\"]') && !document.querySelector('[name=\"/url\"]')"));
  await plain.go(`${own}/resources/${hook.code}`);
  await plain.loaded(() => plain.click("form[action*='/test'] button"));
  check("a test says what came of it", /The test failed\./.test(await plain.text("#tried")), await plain.text("main"));
  await plain.shot(world.picture("jobs-tried"));
  await plain.go(`${own}/new?kind=job`);
  await plain.loaded(() => plain.click("button[value=more]"));
  check("without scripts: a row more", await plain.evaluate("!!document.querySelector('[name=\"d.0.delivery\"]')"));
  await plain.close();
}
