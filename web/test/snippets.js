// Prints the code of each request of a list, read from the standard input as JSON: for tests/test_page_code.py.
//   node snippets.js [KEY] <REQUESTS
import { readFileSync } from "node:fs";
import { build } from "esbuild";

const location = new URL("http://rasters.example.org:8080/");
globalThis.location = location;
globalThis.document = { baseURI: location.href, querySelector: () => ({ content: "50051" }) };
globalThis.sessionStorage = { getItem: () => process.argv[2] ?? null };

const { outputFiles } = await build({
  entryPoints: [new URL("../src/snippets.ts", import.meta.url).pathname],
  bundle: true,
  write: false,
  format: "esm",
});
const { snippets } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
const requests = JSON.parse(readFileSync(0, "utf8"));
console.log(
  JSON.stringify(requests.map((params) => Object.fromEntries(snippets(params).map(({ name, code }) => [name, code])))),
);
