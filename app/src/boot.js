const root = document.documentElement;
const { script, wasm } = root.dataset;
const islands = [...document.querySelectorAll("leptos-island")];
// Extensions and translators change the page at any moment; the program starts on what the server rendered.
let rendered = islands.map((island) => island.innerHTML);
// Set by an earlier start that failed on this page: what was typed into it.
const fresh = history.state?.kezFresh;
if (fresh) history.replaceState(null, "");

const RELOAD = "Load the page again";
const WORDS = {
  webassembly: "This page needs WebAssembly, and this browser does not run it. Allow it for this page (a lockdown mode turns it off), or use another browser. For the command line there is kez.",
  old: "This page is older than its server, which was updated. Load the page again.",
  network: "A part of this page did not arrive. Check your connection, then load the page again.",
  start: "The program of this page did not start. Load the page again; if that does not help, use another browser.",
  extension: "Something changed this page before it could start, most likely an extension of your browser, such as a password manager or a translator. Turn extensions off for this page, then load it again.",
  stopped: "The program of this page stopped. Load the page again; what this browser keeps is not lost.",
};

function fail(reason) {
  root.dataset.app = "failed";
  root.dataset.reason = reason;
  const box = document.getElementById("app-trouble");
  if (!box || !islands.length) return;
  box.querySelector("p").textContent = WORDS[reason];
  const button = box.querySelector("button");
  button.textContent = RELOAD;
  button.hidden = reason === "webassembly";
  button.onclick = () => location.reload();
  box.hidden = false;
}

/** Why the program could not be loaded. */
async function why() {
  try {
    const answers = await Promise.all([script, wasm].map((url) => fetch(url, { method: "HEAD", cache: "no-store" })));
    if (answers.some(({ status }) => status === 404 || status === 410)) return "old";
    return answers.every(({ ok }) => ok) ? "start" : "network";
  } catch {
    return "network";
  }
}

const fieldsOf = (node) => [...node.querySelectorAll("input[id], textarea[id], select[id]")];
const typedInto = (node) => fieldsOf(node).map(({ id, value }) => [id, value]);
function type(typed) {
  for (const [id, value] of typed) {
    const field = document.getElementById(id);
    if (field && field.value !== value) field.value = value;
  }
}

/** Where the keyboard is now; puts it there again. */
function keyboard() {
  const { id, value, selectionStart, selectionEnd } = document.activeElement ?? {};
  return () => {
    const field = id && document.getElementById(id);
    if (!field || field.value !== value) return;
    if (field !== document.activeElement) field.focus({ preventScroll: true });
    if (typeof selectionStart === "number") field.setSelectionRange(selectionStart, selectionEnd);
  };
}

/** Puts back what the server rendered where it is changed; what the person typed stays. */
function putBack() {
  islands.forEach((island, n) => {
    if (island.innerHTML === rendered[n]) return;
    const typed = typedInto(island);
    const opened = [...island.querySelectorAll("details")].map(({ open }) => open);
    island.innerHTML = rendered[n];
    type(typed);
    island.querySelectorAll("details").forEach((details, at) => (details.open = opened[at] ?? false));
  });
}

/** What the server renders for this address, as nobody has changed it. */
async function renderedAnew() {
  const html = await (await fetch(location.href, { cache: "no-store" })).text();
  const page = new DOMParser().parseFromString(html, "text/html");
  const anew = [...page.querySelectorAll("leptos-island")].map((island) => island.innerHTML);
  if (anew.length === islands.length) rendered = anew;
}

async function load() {
  const app = await import(script);
  await app.default({ module_or_path: wasm });
  if (fresh) await renderedAnew().catch(() => undefined);
  return app;
}

function start(app) {
  const goBack = keyboard();
  putBack();
  if (fresh) type(fresh);
  app.hydrate();
  for (const island of islands) app[island.dataset.component](island);
  // The fields are written to once by then.
  goBack();
  setTimeout(goBack);
  const stop = (error) => error instanceof WebAssembly.RuntimeError && fail("stopped");
  addEventListener("error", ({ error }) => stop(error));
  addEventListener("unhandledrejection", ({ reason }) => stop(reason));
  root.dataset.app = "ready";
}

// The wasm has no way of its own to load a module.
globalThis.kezImport = (url) => import(url);
if (typeof WebAssembly === "undefined") {
  fail("webassembly");
} else {
  let app;
  try {
    app = await load();
  } catch (error) {
    console.error(error);
    fail(await why());
  }
  try {
    if (app) start(app);
  } catch (error) {
    console.error(error);
    if (fresh) {
      fail("extension");
    } else {
      // A program that stopped half-way cannot be started again on the same page.
      history.replaceState({ kezFresh: islands.flatMap(typedInto) }, "");
      location.reload();
    }
  }
}
