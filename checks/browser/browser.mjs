// A headless Chromium, driven over its pipe: no driver of another version, no port.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CHROMIUM = process.env.CHROMIUM || "chromium";
const KEYS = {
  Enter: { code: "Enter", windowsVirtualKeyCode: 13, text: "\r" },
  Escape: { code: "Escape", windowsVirtualKeyCode: 27 },
  Tab: { code: "Tab", windowsVirtualKeyCode: 9 },
  ArrowDown: { code: "ArrowDown", windowsVirtualKeyCode: 40 },
  ArrowUp: { code: "ArrowUp", windowsVirtualKeyCode: 38 },
  " ": { code: "Space", windowsVirtualKeyCode: 32, text: " " },
  k: { code: "KeyK", windowsVirtualKeyCode: 75 },
};

export async function browser({ width = 1280, height = 800, dark = false, scripts = true } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "garth-chromium-"));
  const flags = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--remote-debugging-pipe"];
  const child = spawn(CHROMIUM, [...flags, `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
  });
  const gone = new Promise((_, fail) => child.once("error", fail));
  gone.catch(() => {});
  const waiting = new Map();
  const wanted = [];
  const complaints = [];
  let number = 0;
  let buffer = "";
  child.stdio[4].on("data", (data) => {
    buffer += data;
    const messages = buffer.split("\0");
    buffer = messages.pop();
    for (const message of messages.map((text) => JSON.parse(text))) {
      if (message.id) {
        const { done, fail } = waiting.get(message.id);
        waiting.delete(message.id);
        if (message.error) fail(new Error(message.error.message));
        else done(message.result);
        continue;
      }
      // What a page must not do: break its own content security policy, or throw.
      if (message.method === "Log.entryAdded" && message.params.entry.source === "security") complaints.push(message.params.entry.text);
      if (message.method === "Runtime.exceptionThrown") complaints.push(message.params.exceptionDetails.exception?.description);
      wanted.filter((one) => one.method === message.method).forEach((one) => one.done(message.params));
    }
  });
  const ask = (method, params = {}, sessionId = undefined) => {
    const id = ++number;
    const answered = new Promise((done, fail) => waiting.set(id, { done, fail }));
    child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return Promise.race([answered, gone]);
  };
  const { targetId } = await ask("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true });
  const send = (method, params) => ask(method, params, sessionId);
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);
  await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  const scheme = { name: "prefers-color-scheme", value: dark ? "dark" : "light" };
  await send("Emulation.setEmulatedMedia", { features: [scheme, { name: "prefers-reduced-motion", value: "reduce" }] });
  if (!scripts) await send("Emulation.setScriptExecutionDisabled", { value: true });

  // Scripts of pages may be off: what the stories look at is asked of the browser all the same.
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description || exceptionDetails.text);
    return result.value;
  };
  const loaded = async (does) => {
    const load = new Promise((done) => {
      const one = { method: "Page.loadEventFired", done: () => (wanted.splice(wanted.indexOf(one), 1), done()) };
      wanted.push(one);
    });
    await does();
    let timer;
    const late = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error("no page came")), 10_000)));
    await Promise.race([load, late, gone]).finally(() => clearTimeout(timer));
  };
  const find = (selector) => `document.querySelector(${JSON.stringify(selector)})`;
  const centre = async (selector) => {
    const at = await evaluate(`(() => { const it = ${find(selector)}; if (!it) return null; it.scrollIntoView({ block: "center" });
      const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()`);
    if (!at) throw new Error(`nothing to click: ${selector}`);
    return at;
  };
  return {
    complaints,
    evaluate,
    send,
    go: (url) => loaded(() => send("Page.navigate", { url })),
    path: () => evaluate("location.pathname + location.search"),
    html: () => evaluate("document.documentElement.outerHTML"),
    text: (selector) => evaluate(`${find(selector)}?.innerText ?? null`),
    type: async (selector, text) => {
      await evaluate(`(() => { const it = ${find(selector)}; it.focus(); if (it.select) it.select(); })()`);
      await send("Input.insertText", { text });
    },
    click: async (selector) => {
      const [x, y] = await centre(selector);
      for (const type of ["mousePressed", "mouseReleased"]) {
        await send("Input.dispatchMouseEvent", { type, x, y, button: "left", clickCount: 1 });
      }
    },
    press: async (key, modifiers = 0) => {
      const { text, ...rest } = KEYS[key] ?? { text: key };
      await send("Input.dispatchKeyEvent", { type: "keyDown", key, modifiers, ...rest, ...(modifiers ? {} : { text }) });
      await send("Input.dispatchKeyEvent", { type: "keyUp", key, modifiers, ...rest });
    },
    loaded,
    // The whole page as PNG; as WebP, what the window shows of it.
    shot: async (file) => {
      if (file.endsWith(".webp")) {
        const { data } = await send("Page.captureScreenshot", { format: "webp", quality: 82 });
        return writeFileSync(file, Buffer.from(data, "base64"));
      }
      const { cssContentSize: size } = await send("Page.getLayoutMetrics");
      const clip = { x: 0, y: 0, width, height: Math.min(4_000, Math.max(height, Math.ceil(size.height))), scale: 1 };
      const { data } = await send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true, clip });
      writeFileSync(file, Buffer.from(data, "base64"));
    },
    close: async () => {
      const ended = new Promise((done) => child.once("exit", done));
      await ask("Browser.close").catch(() => {});
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
