// `npm ci` in a checkout runs this: it builds everything. The published package is built already and its
// installation runs no script.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const missing = ["typescript", "@yowasp/clang", "node-api-headers"].filter((name) => {
  try {
    require.resolve(name);
    return false;
  } catch {
    return true;
  }
});

if (missing.length > 0) {
  console.log(`myelin: not built, development dependencies are absent (${missing.join(", ")}).`);
} else {
  const { buildAll } = await import("./build-all.mjs");
  await buildAll();
}
