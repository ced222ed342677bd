// Prints the circles of files in Rust crates that name each other in `use`, and what ties them; nothing where there are none.
// A module that only hands a name on stands for the file that defines it. Tests are not looked at.
//
//     node scripts/circles.mjs core/src app/src
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";

// `a::{b, c::{d}}` as a::b and a::c::d.
function paths(text) {
  const open = text.indexOf("{");
  if (open < 0) return [text.replace(/ as .*/, "").trim()];
  const inner = text.slice(open + 1, text.lastIndexOf("}"));
  const parts = [""];
  let depth = 0;
  for (const c of inner) {
    depth += c === "{" ? 1 : c === "}" ? -1 : 0;
    if (c === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += c;
  }
  return parts.filter((part) => part.trim()).flatMap((part) => paths(text.slice(0, open) + part.trim()));
}

function crate(root) {
  const modules = new Map(); // path of the module → {uses: [segments], gives: name → segments}
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((f) => f.endsWith(".rs") && !/(^|\/)tests\.rs$/.test(f));
  const name = (file) => relative(root, join(root, file)).replace(/\.rs$/, "").replace(/\/?\b(mod|lib|main)$/, "");
  for (const file of files) modules.set(name(file), {});
  for (const file of files) {
    const code = readFileSync(join(root, file), "utf8").replace(/\/\/.*/g, "").split(/#\[cfg\(test\)\]\s*mod /)[0];
    const own = name(file) === "" ? [] : name(file).split("/");
    const whole = (path) => {
      const steps = path.split("::").map((step) => step.trim());
      if (steps[0] === "crate") return steps.slice(1);
      if (steps[0] === "self") return [...own, ...steps.slice(1)];
      if (steps[0] === "super") {
        const up = steps.findIndex((step) => step !== "super");
        return [...own.slice(0, own.length - up), ...steps.slice(up)];
      }
      return modules.has([...own, steps[0]].join("/")) ? [...own, ...steps] : undefined;
    };
    const uses = [];
    const gives = new Map();
    const rest = code.replace(/^\s*(pub(?:\([^)]*\))? )?use ([^;]+);/gm, (_, open, list) => {
      for (const path of paths(list).map((path) => whole(path.replace(/::self$/, "")))) {
        if (path && open) gives.set(path.at(-1), path);
        else if (path) uses.push(path);
      }
      return "";
    });
    // What a `use` brought in, and what is named in full.
    for (const [, path] of rest.matchAll(/(?<![\w:])([a-z_]+(?:::\w+)+)/g)) {
      const steps = path.split("::");
      const brought = uses.find((use) => use.at(-1) === steps[0]);
      const all = brought ? [...brought, ...steps.slice(1)] : whole(path);
      if (all) uses.push(all);
    }
    Object.assign(modules.get(name(file)), { uses, gives });
  }
  // Which file defines what a path names. A module that is named and not looked into ties nobody.
  const home = (path, seen = []) => {
    for (let n = path.length - 1; n >= 0; n--) {
      const at = path.slice(0, n).join("/");
      if (!modules.has(at)) continue;
      const given = modules.get(at).gives.get(path[n]);
      return given && !seen.includes(given) ? home([...given, ...path.slice(n + 1)], [...seen, given]) : at;
    }
    return undefined;
  };
  const ties = new Map();
  for (const [at, { uses }] of modules) {
    const to = new Map();
    for (const path of uses) {
      const target = modules.has(path.join("/")) ? at : home(path);
      if (target !== undefined && target !== at) to.set(target, [...(to.get(target) ?? []), path.at(-1)]);
    }
    ties.set(at, to);
  }
  return ties;
}

function reach(ties, from) {
  const seen = new Set();
  for (const next = [...ties.get(from).keys()]; next.length > 0;) {
    const at = next.pop();
    if (!seen.has(at)) seen.add(at), next.push(...ties.get(at).keys());
  }
  return seen;
}

for (const root of process.argv.slice(2)) {
  const ties = crate(root);
  const reached = new Map([...ties.keys()].map((at) => [at, reach(ties, at)]));
  for (const [at, to] of ties) {
    for (const [target, names] of to) {
      if (reached.get(target).has(at)) console.log(`${root}/${at || "lib"} -> ${root}/${target || "lib"}: ${[...new Set(names)].join(", ")}`);
    }
  }
}
