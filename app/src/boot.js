const [script, wasm] = ["script", "wasm"].map((name) => document.documentElement.dataset[name]);
// The wasm has no way of its own to load a module.
globalThis.kezImport = (url) => import(url);
try {
  const app = await import(script);
  await app.default({ module_or_path: wasm });
  app.hydrate();
  for (const island of document.querySelectorAll("leptos-island")) app[island.dataset.component](island);
  document.documentElement.dataset.app = "ready";
} catch (error) {
  console.error(error);
  document.documentElement.dataset.app = "failed";
}
