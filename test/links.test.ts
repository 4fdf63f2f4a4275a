import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const pages = [
  ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map((page) => join(root, page)),
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => join(root, "docs", path)),
];

/** The text of a page without its code. */
const prose = (page: string) => readFileSync(page, "utf8").replace(/^```[\s\S]*?^```$/gm, "");

/** Anchors as GitHub makes them from headings: equal ones are numbered. */
function anchorsOf(page: string): Set<string> {
  const times = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, heading] of prose(page).matchAll(/^#+ (.*)$/gm)) {
    const anchor = heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-");
    const count = times.get(anchor) ?? 0;
    times.set(anchor, count + 1);
    anchors.add(count === 0 ? anchor : `${anchor}-${count}`);
  }
  return anchors;
}

it("links between pages lead to files and headings that are there", () => {
  const links = pages.flatMap((page) =>
    [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => ({ page, link: link! })),
  );
  const inside = links.filter(({ link }) => !/^[a-z]+:/.test(link));
  expect(inside.length).toBeGreaterThan(100);
  const dead = inside.filter(({ page, link }) => {
    const [path, anchor] = link.split("#") as [string, string?];
    const target = path === "" ? page : join(dirname(page), path);
    return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).has(anchor));
  });
  expect(dead.map(({ page, link }) => `${relative(root, page)}: ${link}`)).toEqual([]);
});
