// Uses the page in Chromium as somebody would, and prints what came of it as JSON. Run by tests/test_page_in_browser.py:
//   node drive.js SCENARIO ADDRESS FOLDER
// Whatever the page asks of another host is refused and told in `elsewhere`; errors of the page are told in `errors`.
import { createServer, request } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [scenario, address, folder] = process.argv.slice(2);
const SCENE = "COPERNICUS/S2_SR/20210109T185751_20210109T185931_T10SEG";
const HANG = 240_000; // milliseconds; a guard, which no slow machine meets
const result = { elsewhere: [], errors: [] };

/** Open a page at the server, or at what stands before it. */
async function open(context, base = address, state = "") {
  const { origin } = new URL(base);
  await context.route("**/*", (route) => {
    const url = route.request().url();
    if (url.startsWith(`${origin}/`) || url.startsWith("blob:") || url.startsWith("data:")) return route.continue();
    result.elsewhere.push(url);
    return route.abort();
  });
  const page = await context.newPage();
  page.setDefaultTimeout(HANG);
  page.on("pageerror", (error) => result.errors.push(String(error)));
  page.on("console", (message) => {
    // a refused request is part of what is tried
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      result.errors.push(message.text());
  });
  await page.goto(`${base}/${state}`);
  return page;
}

async function openScene(context, base = address) {
  const page = await open(context, base);
  await page.getByRole("button", { name: SCENE.split("/").pop() }).click();
  await planned(page);
  return page;
}

/** Wait until the plan is that of the form. */
async function planned(page) {
  await page.waitForSelector('.plan[aria-busy="false"] #filename');
}

/** Change the form, and wait for the plan that follows. */
async function replanned(page, change) {
  const answer = page.waitForResponse(
    (response) => response.url().endsWith("/v1/downloads:plan") && isOfForm(response),
  );
  await change();
  await answer;
  await page.waitForSelector('.plan[aria-busy="false"]');
}

/** Tell the plan of the form from that of tiles. */
const isOfForm = (response) => !JSON.parse(response.request().postData() ?? "{}").dimensions?.includes(256);

async function drawBox(page, from = [0.35, 0.4], to = [0.6, 0.65]) {
  await page.getByRole("toolbar").getByRole("button", { name: "Draw a box" }).click();
  const { x, y, width, height } = await page.locator(".map").boundingBox();
  await replanned(page, async () => {
    await page.mouse.click(x + from[0] * width, y + from[1] * height);
    await page.mouse.move(x + to[0] * width - 5, y + to[1] * height - 5);
    await page.mouse.click(x + to[0] * width, y + to[1] * height);
  });
}

async function snippets(page) {
  await page.getByRole("button", { name: "Copy as code" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator("#snippet").waitFor(); // the buttons are drawn with it, and listing them waits for nothing
  const found = {};
  for (const name of await dialog.locator(".segments button").allTextContents()) {
    await dialog.getByRole("button", { name, exact: true }).click();
    await dialog.getByRole("button", { name, exact: true, pressed: true }).waitFor(); // drawn with its code
    found[name] = await dialog.locator("#snippet").textContent();
  }
  await dialog.getByRole("button", { name: "Close" }).click();
  return found;
}

async function download(page, name) {
  const [file] = await Promise.all([page.waitForEvent("download"), page.locator("#download").click()]);
  const path = join(folder, name);
  await file.saveAs(path);
  await page.waitForSelector("[data-stage=done]");
  const checksum = (await page.locator(".sum").first().textContent()).split(" ").pop();
  return { path, checksum, filename: file.suggestedFilename() };
}

async function axe(page) {
  const source = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  // a script of the page's own origin would need a door; this one goes past the policy, as a debugger does
  await page.evaluate(await import("node:fs").then(({ readFileSync }) => readFileSync(source, "utf8")));
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

/** Stand before the server, below a prefix; the first file that the page reads ends after some bytes, by `cut`. */
function proxy(length, { knowsRanges = true } = {}) {
  const found = { ranges: [], cut: () => undefined };
  const server = createServer((incoming, answer) => {
    const path = incoming.url.replace(/^\/rasters/, "");
    const { range, ...others } = incoming.headers;
    const headers = knowsRanges ? incoming.headers : others;
    const onward = request(`${address}${path}`, { method: incoming.method, headers }, (back) => {
      answer.writeHead(back.statusCode, back.headers);
      // previews have such addresses too, and are read as pictures
      if (!path.includes(":getPixels") || incoming.headers["sec-fetch-dest"] !== "empty") return back.pipe(answer);
      found.ranges.push(range ?? "");
      if (found.ranges.length > 1) return back.pipe(answer);
      let left = length;
      found.cut = () => {
        onward.destroy();
        answer.destroy();
      };
      return back.on("data", (data) => {
        if (left) answer.write(data.subarray(0, left));
        left -= Math.min(left, data.length);
      });
    });
    onward.on("error", () => answer.destroy());
    incoming.pipe(onward);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      found.base = `http://127.0.0.1:${server.address().port}/rasters`;
      found.close = () => {
        server.close();
        server.closeAllConnections();
      };
      resolve(found);
    });
  });
}

const scenarios = {
  async story(context) {
    const page = await openScene(context);
    await drawBox(page);
    for (const band of ["B4", "B8"])
      await replanned(page, () => page.locator(".chips").getByText(band, { exact: true }).click());
    result.filename = await page.locator("#filename").textContent();
    result.rasters = await page.locator("#rasters li").allTextContents();
    result.snippets = await snippets(page);
    result.download = await download(page, "story.tif");
    const again = await open(await context.browser().newContext(), address, new URL(page.url()).hash);
    await planned(again);
    result.shared = (await snippets(again)).JSON;
  },

  async grids(context) {
    const page = await openScene(context);
    result.cases = [];
    const take = async (name) =>
      result.cases.push({ snippets: await snippets(page), download: await download(page, name) });
    await replanned(page, () => page.locator("#region").fill("-122.09, 37.03, -122.07, 37.05"));
    await replanned(page, () => page.getByRole("button", { name: "Scale" }).click());
    await replanned(page, () => page.locator("#scale").fill("40"));
    await replanned(page, () => page.locator("#crs").fill("EPSG:4326"));
    await replanned(page, () => page.locator("#resampling").selectOption("BILINEAR"));
    await replanned(page, () => page.locator("#format").selectOption("ZIPPED_GEO_TIFF_PER_BAND"));
    await take("scale.zip");
    await page.getByRole("button", { name: "Forget" }).first().click();
    const wkt = "POLYGON ((-122.09 37.03, -122.07 37.035, -122.08 37.05, -122.09 37.03))";
    await replanned(page, () => page.locator("#region").fill(wkt));
    await replanned(page, () => page.getByLabel("Mask what lies outside the polygon").check());
    await replanned(page, () => page.getByRole("button", { name: "Size" }).click());
    await replanned(page, () => page.locator("#dimensions").fill("120"));
    await replanned(page, () => page.locator("#format").selectOption("NPY"));
    await take("size.npy");
  },

  async pointer(context) {
    const page = await openScene(context);
    const { x, y, width, height } = await page.locator(".map").boundingBox();
    result.readings = [];
    for (const [right, down] of [
      [0.5, 0.5],
      [0.4, 0.3],
    ]) {
      await page.mouse.move(x + right * width, y + down * height);
      await page.waitForSelector(".values");
      const texts = await page.locator(".readout > div").allTextContents();
      const [, column, row] = /column (\d+), row (\d+)/.exec(texts[0]);
      const values = await page.locator(".values > span").allTextContents();
      result.readings.push({ column, row, values: Object.fromEntries(values.map((each) => each.split(" "))) });
      await page.mouse.move(x + width / 2, y + 2); // off the image, so that the next values are new
      await page.waitForSelector(".values", { state: "detached" });
    }
  },

  async look(context) {
    const counted = context.waitForEvent("response", (each) => each.url().includes(":histogram"));
    const page = await openScene(context);
    result.histogram = await (await counted).json();
    const handle = page.getByRole("slider", { name: "Max" }).first();
    await handle.waitFor();
    await handle.focus();
    await handle.press("ArrowLeft");
    await page.waitForFunction(() => document.querySelector("#look-max").value !== "");
    result.maxima = await page.locator("#look-max").inputValue();
    await replanned(page, () => page.locator("#format").selectOption("PNG"));
    const found = await snippets(page);
    result.snippets = found;
    result.params = JSON.parse(found.JSON);
    result.download = await download(page, "look.png");
  },

  async snap(context) {
    const page = await openScene(context);
    await drawBox(page);
    await replanned(page, () => page.getByRole("button", { name: "Snap to whole pixels" }).click());
    result.corners = (await page.locator("#region").inputValue()).split(", ").map(Number);
    result.rasters = await page.locator("#rasters li").allTextContents();
  },

  async refusal(context) {
    const page = await openScene(context);
    await replanned(page, () => page.getByRole("button", { name: "Scale" }).click());
    await replanned(page, () => page.locator("#scale").fill("-5"));
    await page.waitForSelector("#scale-violations .violation");
    result.beside = await page.locator("#scale-violations").textContent();
    result.isMarked = await page.locator("#scale").getAttribute("aria-invalid");
    result.describedBy = await page.locator("#scale").getAttribute("aria-describedby");
    result.others = await page.locator(".violation").count();
    result.canDownload = await page.locator("#download").isEnabled();
    await page.locator("#scale").fill("20");
    await planned(page);
    result.after = await page.locator(".violation").count();
  },

  async links(context) {
    result.broken = {};
    for (const part of [
      "look.bands=null",
      "bands=5",
      "bands=[5]",
      "look.bands={}",
      "grid=5",
      "cloudOptimized=7",
      'area={"kind":"box"}',
      'area={"kind":"box","crs":"","corners":[1,2,3,null]}',
      'area={"kind":"shape","crs":"","geometry":{"type":"Polygon","coordinates":[1]}}',
      "area=[",
    ]) {
      const page = await open(context, address, `#image=${SCENE}&${encodeURI(part)}`);
      await planned(page);
      result.broken[part] = (await snippets(page)).JSON;
      await page.close();
    }
    const page = await open(
      context,
      address,
      `#image=${SCENE}&grid=scale&scale=${encodeURIComponent("1;touch owned")}`,
    );
    await page.waitForSelector("#scale-violations .violation");
    result.canCopy = await page.locator("#copy").isEnabled();
    await page.close();
    const asked = [];
    context.on("request", (each) => asked.push(new URL(each.url()).pathname));
    const outside = await open(context, address, `#image=${encodeURIComponent("a/../../downloads")}`);
    result.outside = await outside.locator(".scroll .problem").textContent();
    result.asked = asked.filter((path) => path.startsWith("/v1"));
  },

  async lasting(context) {
    const page = await openScene(context);
    const tries = [];
    await context.route(
      (url) => url.pathname.endsWith(":prepare"),
      (route) => {
        tries.push(route.request().url());
        return route.fulfill({ status: 500, json: { error: { message: "a fault that lasts" } } });
      },
    );
    await page.locator("#download").click();
    result.problem = await page.locator("[data-stage=failed] .violation").textContent();
    result.tries = tries.length;
  },

  async whole(context) {
    const before = await proxy(200_000, { knowsRanges: false });
    await scenarios.cut(context, before);
  },

  async cut(context, given) {
    const before = given ?? (await proxy(200_000));
    const page = await openScene(context, before.base);
    const file = download(page, "cut.tif");
    // a browser forgets what the page has not read when a connection ends
    await page.waitForSelector("[data-stage=reading]");
    before.cut();
    result.download = await file;
    result.ranges = before.ranges;
    before.close();
  },

  async tiles(context) {
    const asked = [];
    context.on("request", (each) => each.url().includes("/tiles/") && asked.push(each.url()));
    const page = await openScene(context);
    await page.waitForSelector('.map[aria-busy="false"]');
    result.tiles = asked.length;
    result.distinct = new Set(asked).size;
    const { width, height } = await page.locator(".map").boundingBox();
    result.seen = (Math.ceil(width / 128) + 1) * (Math.ceil(height / 128) + 1);
  },

  async access(context) {
    const page = await open(context);
    await page.waitForSelector(".images li");
    result.axe = { list: await axe(page) };
    await page.getByRole("button", { name: SCENE.split("/").pop() }).click();
    await planned(page);
    await page.getByRole("button", { name: "Transform" }).click();
    await page.waitForSelector("#transform");
    await drawBox(page);
    result.axe.image = await axe(page);
    await page.getByRole("button", { name: "Native" }).click();
    await planned(page);
    await download(page, "access.tif");
    result.axe.basket = await axe(page);
    await page.getByRole("button", { name: "Dark colours" }).click();
    result.axe.dark = await axe(page);
    await page.getByRole("button", { name: "Copy as code" }).click();
    result.axe.dialog = await axe(page);
  },
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-quic", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
});
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" });
  await scenarios[scenario](context);
  console.log(JSON.stringify(result));
} finally {
  await browser.close();
}
