// Entries to pages of Markdown: a page for each file of operations, one for each other folder, and an index.
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { root } from "../compilation.mjs";

const GENERAL = "Tensors, variables, gradients, compiled functions";

/** Folders of pages, in the order of the index. */
const sections = [
  { title: "Operations", folders: ["ops"] },
  { title: GENERAL, folders: ["graph", "engine", "base"] },
  { title: "Layers", folders: ["layers"] },
  { title: "Initializers", folders: ["initializers"] },
  { title: "Losses", folders: ["losses"] },
  { title: "Metrics", folders: ["metrics"] },
  { title: "Optimizers", folders: ["optimizers"] },
  { title: "Schedules", folders: ["schedules"] },
  { title: "Models", folders: ["models", "saving"] },
  { title: "Callbacks", folders: ["callbacks"] },
  { title: "Seeing computations", folders: ["inspect"] },
  { title: "Charts", folders: ["charts"] },
  { title: "Data sets", folders: ["datasets"] },
  { title: "Files", folders: ["formats"] },
];

const HEAD = "<!-- Made by `npm run docs` from the docstrings in src/. -->\n\n";

/** All pages: path below docs/reference → text. */
export function makePages(entries) {
  const pages = new Map();
  const index = [];
  const rest = new Set(entries);
  for (const { title, folders } of sections) {
    const own = folders.flatMap((folder) => entries.filter(({ file }) => file.startsWith(`${folder}/`)));
    for (const entry of own) rest.delete(entry);
    if (own.length === 0) continue;
    index.push(`## ${title}`, "");
    for (const [path, group] of groups(title, own)) {
      setAnchors(group);
      const heading = folders[0] === "ops" ? introduction(group) : title;
      pages.set(path, page(path, heading, group));
      if (folders[0] === "ops") index.push(`**${heading}**`, "");
      index.push("| | |", "|---|---|");
      for (const entry of group)
        index.push(`| [\`${entry.name}\`](${path}#${entry.anchor}) | ${cell(summary(entry))} |`);
      index.push("");
    }
  }
  if (rest.size > 0) throw new Error(`no section for ${[...rest].map(({ file }) => file).join(", ")}`);
  pages.set("README.md", `${HEAD}# Reference\n\n${lead}\n\n${index.join("\n").trimEnd()}\n`);
  return pages;
}

const lead = [
  'Everything that `import … from "myelin"` gives, by subject. Each example was run, on the reference backend, and',
  "what it gives stands below it.",
  "",
  "Operations compute on every backend with the same results, up to the rounding of float32; `float64` exists on the",
  "reference backend only. Those marked as chain methods exist on tensors too: `x.sum(0)` is `sum(x, 0)`.",
].join("\n");

/** The entries of a section by page: operations by source file, or by subfolder where there is one. */
function groups(title, entries) {
  const folder = title === GENERAL ? "general" : entries[0].file.split("/")[0];
  const grouped = new Map();
  for (const entry of entries) {
    const below = entry.file.split("/").slice(1);
    const path =
      folder !== "ops"
        ? `${folder}.md`
        : `ops/${below.length > 1 ? below[0] : basename(entry.file, ".ts")}.md`;
    grouped.set(path, [...(grouped.get(path) ?? []), entry]);
  }
  return [...grouped].sort(([a], [b]) => (a < b ? -1 : 1));
}

const folderTitles = { linalg: "Linear algebra", fft: "Fourier transforms" };

/** What the first comment of a file says it holds: the words before its first stop. */
function introduction(group) {
  const [, below, more] = group[0].file.split("/");
  if (more && folderTitles[below]) return folderTitles[below];
  const text = readFileSync(join(root, "src", group[0].file), "utf8");
  const comment = /^\/\*\*\s*(?:\* )?([^.:;*]+)/.exec(text)?.[1];
  if (!comment) throw new Error(`src/${group[0].file} has no comment that says what it holds`);
  return comment.trim();
}

function page(path, heading, group) {
  const up = dirname(path) === "." ? "README.md" : "../README.md";
  const parts = [`# ${heading}`, `[Reference](${up})`];
  parts.push(group.map((entry) => `[\`${entry.name}\`](#${entry.anchor})`).join(" · "));
  for (const entry of group) parts.push(section(entry));
  return `${HEAD}${parts.join("\n\n")}\n`;
}

/** The anchors of a page's headings as GitHub makes them: equal ones are numbered. */
function setAnchors(group) {
  const times = new Map();
  for (const entry of group) {
    const name = entry.name.toLowerCase().replace(/[^\w-]/g, "");
    const count = times.get(name) ?? 0;
    times.set(name, count + 1);
    entry.anchor = count === 0 ? name : `${name}-${count}`;
  }
}

const summary = ({ doc }) => doc.split(/\n\n/)[0].replaceAll("\n", " ");
const cell = (text) => text.replaceAll("|", "\\|");

function section(entry) {
  const parts = [`## ${entry.name}`];
  if (entry.signatures.length > 0)
    parts.push(
      fence("ts", entry.signatures.map((text) => broken(`${entry.name}${simple(text)}`)).join("\n")),
    );
  parts.push(entry.doc);
  const facts = factsOf(entry);
  if (facts.length > 0) parts.push(facts.map((fact) => `- ${fact}`).join("\n"));
  parts.push(propertyTable("option", entry.options), propertyTable("result", entry.results));
  if (entry.members.length > 0) parts.push(entry.members.map(member).join("\n"));
  for (const { code, shown } of entry.examples) {
    parts.push(fence("ts", withoutNotes(code)));
    if (shown.length > 0) parts.push(fence("", shown.join("\n")));
  }
  return parts.filter((part) => part !== "").join("\n\n");
}

function propertyTable(title, properties) {
  if (properties.length === 0) return "";
  const rows = properties.map(
    ({ name, type, doc }) => `| \`${name}\` | \`${cell(type)}\` | ${cell(inLine(doc))} |`,
  );
  return [`| ${title} | type | |`, "|---|---|---|", ...rows].join("\n");
}

const inLine = (text) => text.replaceAll(/\s*\n\s*/g, " ");

function factsOf(entry) {
  const facts = [];
  for (const { name, text } of entry.tags) {
    const [, first, rest] = /^(\S+)\s+([\s\S]*)$/.exec(text) ?? [];
    if (name === "param" && first) facts.push(`\`${first}\`: ${inLine(rest).replace(/^-\s*/, "")}`);
    if (name === "throws") facts.push(`throws ${inLine(text).replace(/^\{(\w+)\}/, "`$1`")}`);
    if (name === "returns") facts.push(`returns ${inLine(text)}`);
  }
  const policy = /(?:Unary|Binary)Result<"(\w+)"/.exec(entry.signatures[0] ?? "")?.[1];
  if (policy && !/Dtype/.test(entry.doc)) facts.push(`dtype: ${policies[policy]}`);
  if (entry.derivative !== undefined) facts.push(`derivative: ${entry.derivative ? "yes" : "no"}`);
  if (entry.isMethod) facts.push("chain method");
  return facts;
}

const policies = {
  float: "float; bool and integers give float32",
  number: "that of the operands, the wider of two; bool gives int32",
  whole: "integer, that of the operands; bool gives int32",
  integer: "integer or bool, that of the operands",
  any: "that of the operands",
};

/** A signature that is too long for a line, with a line for each parameter. */
function broken(signature) {
  if (signature.length <= 110) return signature;
  const open = signature.indexOf("(");
  const parameters = [];
  let [depth, start, i] = [0, open + 1, open + 1];
  for (; i < signature.length; i++) {
    const c = signature[i];
    if (depth === 0 && (c === "," || c === ")")) {
      parameters.push(signature.slice(start, i).trim());
      start = i + 1;
      if (c === ")") break;
    }
    if ("([{<".includes(c)) depth++;
    else if (")]}".includes(c) || (c === ">" && signature[i - 1] !== "=")) depth--;
  }
  const lines = parameters.map((parameter) => `  ${parameter},\n`).join("");
  return `${signature.slice(0, open + 1)}\n${lines}${signature.slice(i)}`;
}

/** Elementwise operations promise dtypes in types that only a compiler enjoys; the dtype is said in words. */
function simple(signature) {
  const [generics] = /^<(?:[XAB] extends TensorLike(?:, )?)+>/.exec(signature) ?? [];
  if (!generics) return signature;
  return signature
    .slice(generics.length)
    .replace(/: [XAB](?=[,)])/g, ": TensorLike")
    .replace(/(?:Unary|Binary|Float)Result<.*>$/, "Tensor");
}

function member({ name, signatures, doc }) {
  const heads = signatures.length > 0 ? signatures.map((text) => `\`${name}${text}\``) : [`\`${name}\``];
  return `- ${heads.join(", ")}: ${inLine(doc)}`;
}

const fence = (language, text) => `\`\`\`${language}\n${text}\n\`\`\``;

/** The code of an example; its comments are replaced by what it gives, which stands below. */
const withoutNotes = (code) => code.replace(/(^|\s)\/\/ .*$/gm, "").replace(/\n+$/, "");
