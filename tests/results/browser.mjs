// SPDX-License-Identifier: GPL-2.0-or-later
// Opens dashboards in Chromium and says of each check "ok NAME" or "not ok NAME: why".
// node browser.mjs PLAYWRIGHT-CORE CHROMIUM FOLDER [CHECKS]: FOLDER holds what test_dashboard.py made; CHECKS is
// a module with other checks than these.

import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";
import {readFileSync} from "node:fs";
import path from "node:path";

const [playwright, executablePath, folder, others] = process.argv.slice(2);
const {chromium} = createRequire(import.meta.url)(playwright);
const ROW = "rdpmc/metrics/intercepted/cpl3";
const checks = [];

function check(name, of, run, options) {
  checks.push({name, of, run, options});
}

function same(found, wanted, what) {
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(`${what || "found"} ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
}

function holds(condition, why) {
  if (!condition)
    throw new Error(why);
}

async function shown(page) {
  await page.waitForFunction(() => document.documentElement.dataset.shown ===
    String(showing), null, {timeout: 10000});
}

// Of the history's chart: how many pixels are opaque, how many of the line's colour in the light, how
// many half transparent, as the band is; and the most frequent opaque colour.
function inked(page) {
  return page.evaluate(() => {
    const drawn = document.querySelector("#detail canvas");
    const copy = new OffscreenCanvas(drawn.width, drawn.height).getContext("2d");
    copy.drawImage(drawn, 0, 0);
    const {data} = copy.getImageData(0, 0, drawn.width, drawn.height);
    const seen = new Map();
    let band = 0;
    for (let i = 0; i < data.length; i += 4) {
      band += data[i + 3] > 40 && data[i + 3] < 52;
      if (data[i + 3] === 255) {
        const colour = `${data[i]},${data[i + 1]},${data[i + 2]}`;
        seen.set(colour, (seen.get(colour) || 0) + 1);
      }
    }
    const most = [...seen].sort((a, b) => b[1] - a[1])[0];
    return {pixels: [...seen.values()].reduce((a, b) => a + b, 0), most: most && most[0], band,
            line: seen.get("0,114,178") || 0};
  });
}

async function fill(page, values) {
  for (const [name, value] of Object.entries(values)) {
    const field = page.locator(`#filters [name=${name}]`);
    if (name === "row") {
      await field.fill(value);
      await field.press("Enter");
      await field.blur();
    } else {
      await field.selectOption(value);
    }
  }
  await shown(page);
}

// The rows of what is folded behind @summary in @section: they are made by the event that opening it fires,
// which comes later than the click.
async function unfolded(page, section, summary) {
  const details = page.locator(`${section} details`, {has: page.locator("summary", {hasText: summary})});
  await details.locator("summary").press("Enter");
  const rows = details.locator("tbody tr");
  await rows.first().waitFor();
  return rows;
}

function overview(page) {
  return page.locator("#overview tbody tr").evaluateAll(rows => rows.map(row =>
    [row.cells[0].textContent, row.cells[1].textContent]));
}

async function inView(page, selector) {
  const box = await page.locator(selector).first().boundingBox();
  const {width, height} = page.viewportSize();
  return box && box.x >= 0 && box.y >= 0 && box.x + box.width <= width &&
    box.y + box.height <= height;
}

for (const [name, viewport] of [["desktop", {width: 1280, height: 800}],
                                ["phone", {width: 390, height: 844}]])
  check(`planted-first-${name}`, "planted", async page => {
    const heading = await page.locator("#verdict h2").innerText();
    holds(/2 benchmarks are slower on synthetic-1 than a week ago, by up to [456]\.\d %/.test(heading), heading);
    const first = page.locator("#verdict .findings li").first();
    const text = await first.innerText();
    holds(/^\+(4|5|6)\.\d %/.test(text) && text.includes("rdpmc/metrics/intercepted/cpl"), text);
    holds(await inView(page, "#verdict h2"), "the verdict is out of view");
    holds(await inView(page, "#verdict .findings li"), "the finding is out of view");
    const changed = await page.locator("#verdict .changed").first().innerText();
    holds(/program\s+synthetic-1 → synthetic-2/.test(changed), changed);
  }, {viewport});

check("detail-is-the-worst", "planted", async page => {
  const text = await page.locator("#detail h3").innerText();
  const finding = await page.locator("#verdict .findings a").first().innerText();
  holds(text.startsWith(finding) && text.endsWith("on synthetic-1"), `${text} is not ${finding}`);
  const steps = await page.locator("#detail .steps li").first().innerText();
  holds(/▲ \+\d\.\d %/.test(steps), steps);
});

check("charts-are-drawn", "planted", async page => {
  const {pixels, line, band} = await inked(page);
  holds(pixels > 1500 && line > 200 && band > 5000, `${pixels}, ${line}, ${band} pixels`);
  await page.locator("#overview").scrollIntoViewIfNeeded();
  await page.locator("#overview .spark polyline").nth(5).waitFor();
  holds(await page.locator("#tails canvas").count() === 1, "no percentiles");
});

check("flat-is-not-worse", "flat", async page => {
  const heading = await page.locator("#verdict h2").innerText();
  holds(heading.includes("Nothing is worse than a week ago"), heading);
  holds(await page.locator(".verdict.regression").count() === 0, "a row is called slower");
});

check("disturbed-is-marked", "disturbed", async page => {
  const legend = await page.locator("#detail .legend").innerText();
  holds(legend.includes("× disturbed"), legend);
  // By how many pixels of the cross's colour there are around the last point, and the one before.
  const [crossed, plain] = await page.evaluate(() => {
    const {chart} = [...CHARTS].find(each => each.plot.closest("#detail"));
    const [red, green, blue] = colour("muted").match(/[0-9a-f]{2}/gi).map(hex => parseInt(hex, 16));
    const {width, height} = chart.ctx.canvas;
    const {data} = chart.ctx.getImageData(0, 0, width, height);
    const half = Math.round(5 * devicePixelRatio);
    return [29, 28].map(at => {
      const x = Math.round(chart.valToPos(chart.data[0][at], "x", true));
      const y = Math.round(chart.valToPos(chart.data[1][at], "y", true));
      let count = 0;
      for (let down = y - half; down <= y + half; down++)
        for (let i = 4 * (down * width + x - half); i <= 4 * (down * width + x + half); i += 4)
          count += Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) +
            Math.abs(data[i + 2] - blue) < 60;
      return count;
    });
  });
  holds(crossed >= 8 && plain < 4, `${crossed} and ${plain} pixels`);
  await page.locator("#detail .plot").focus();
  await page.keyboard.press("End");
  const last = await page.locator("#detail .readout").innerText();
  holds(last.endsWith(", disturbed: other tasks had the CPU for 40 % of the time"), last);
  await page.keyboard.press("ArrowLeft");
  const before = await page.locator("#detail .readout").innerText();
  holds(!before.includes("disturbed"), before);
  const rows = await (await unfolded(page, "#detail", "as a table")).allInnerTexts();
  same(rows.map(row => row.includes("×")).join(" "),
    Array.from({length: 30}, (_, at) => at % 10 === 0).join(" "), "crosses");
});

check("synthetic-is-said", "planted", async page => {
  holds((await page.locator("#banners").innerText()).includes("nobody measured this"), "no banner");
});

check("filters-change-address", "planted", async page => {
  await fill(page, {host: "synthetic-2"});
  holds(new URL(page.url()).hash.includes("host=synthetic-2"), page.url());
  const rows = await overview(page);
  holds(rows.length && rows.every(([, host]) => host === "synthetic-2"), JSON.stringify(rows));
  await fill(page, {row: "passthrough"});
  const few = await overview(page);
  same(few.length, 4, "rows");
  holds(few.every(([name]) => name.includes("passthrough")), JSON.stringify(few));
  holds((await page.locator("#detail h3").innerText()).includes("passthrough"), "another chart");
});

check("filter-by-kernel", "planted", async page => {
  await fill(page, {kernel: "6.12.2-synthetic"});
  const text = await page.locator("#detail .note").first().innerText();
  holds(text.includes("20 results with 6.12.2-synthetic"), text);
  const label = await page.locator("#detail .plot").getAttribute("aria-label");
  holds(label.includes("20 medians"), label);
});

check("older-kernel-everywhere", "planted", async page => {
  // The newest result of the older kernel is before the step: no row of a table may show it.
  const figure = () => page.locator("#costs tbody tr", {hasText: "metrics/cpl3"}).first()
    .locator("td").first().innerText();
  const now = parseFloat(await figure());
  await fill(page, {kernel: "6.12.1-synthetic"});
  const before = parseFloat(await figure());
  holds(before < now * 0.97, `${before} and ${now}`);
});

check("address-restores", "planted", async page => {
  same(await page.locator("#filters [name=kernel]").inputValue(), "6.12.2-synthetic");
  same(await page.locator("#filters [name=row]").inputValue(), "fixed0");
  same(await page.locator("#detail h3").innerText(),
    "rdpmc/fixed0/passthrough/cpl3 on synthetic-3");
}, {hash: "#kernel=6.12.2-synthetic&row=fixed0&chart=rdpmc/fixed0/passthrough/cpl3&on=synthetic-3"});

check("back-goes-back", "planted", async page => {
  await fill(page, {host: "synthetic-2"});
  await fill(page, {host: "synthetic-3"});
  await page.goBack();
  await shown(page);
  same(await page.locator("#filters [name=host]").inputValue(), "synthetic-2");
  await page.locator("#overview a").nth(1).click();
  await shown(page);
  await page.goBack();
  await shown(page);
  same(await page.locator("#filters [name=host]").inputValue(), "synthetic-2");
});

check("unknown-address", "planted", async page => {
  holds(await page.locator("#detail canvas").count() === 1, "no chart");
  same(await page.locator("#filters [name=host]").inputValue(), "");
}, {hash: "#host=__proto__&kernel=constructor&chart=toString&on=x&section=hasOwnProperty"});

check("nothing-left", "planted", async page => {
  await fill(page, {row: "no such row"});
  const text = await page.locator("#detail").innerText();
  holds(text.includes("No benchmark is left"), text);
});

check("keyboard-reads-the-chart", "planted", async page => {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(() => document.activeElement.matches("#detail .plot")))
      break;
  }
  holds(await page.evaluate(() => document.activeElement.matches("#detail .plot")),
    "Tab does not reach the chart");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  same(outline, "solid", "the outline of the focus");
  const readout = page.locator("#detail .readout");
  await page.keyboard.press("End");
  const last = await readout.innerText();
  holds(/^2026-02-13 02:00 UTC: 1\.\d+ µs \[.*, program synthetic-2, kernel 6\.12\.2/
    .test(last), last);
  await page.keyboard.press("ArrowLeft");
  const before = await readout.innerText();
  holds(before.startsWith("2026-02-12 02:00"), before);
  await page.keyboard.press("Home");
  holds((await readout.innerText()).startsWith("2026-01-05 02:00"), await readout.innerText());
});

check("table-has-the-figures", "planted", async page => {
  const rows = await unfolded(page, "#detail", "as a table");
  same(await rows.count(), 40, "rows");
  holds(/^2026-02-13 02:00\s+1\.\d+ µs\s+\[/.test(await rows.first().innerText()),
    await rows.first().innerText());
});

check("costs-are-differences", "planted", async page => {
  const cells = await page.locator("#costs tbody tr", {hasText: "metrics/cpl3"}).first()
    .locator("td").allInnerTexts();
  const [dear, cheap, cost] = cells.map(text => parseFloat(text) * (text.includes("µs") ? 1e3 : 1));
  holds(Math.abs(dear - cheap - cost) < 3, cells.join(" | "));
});

check("a-reason-where-no-figure", "lacking", async page => {
  const text = await page.locator("#costs").innerText();
  holds(text.includes("kvm_pvm has no mediated PMU; needs a host"), text);
  holds(text.includes("unknown: needs the passthrough read"), text);
  const empty = await page.locator("#costs td").evaluateAll(cells =>
    cells.filter(cell => !cell.textContent.trim()).length);
  same(empty, 0, "empty cells");
  const absent = await page.locator("#absent").innerText();
  holds(absent.includes("rdpmc/metrics/passthrough/{cpl0,cpl3}"), absent);
});

check("hostile-texts-are-texts", "hostile", async page => {
  same(await page.evaluate(() => window.pwned), undefined, "pwned");
  const about = await page.locator("#filters [name=host]").innerText();
  holds(about.includes("<script>window.pwned=1</script>"), about);
  same(await page.locator("main img, main script, header img").count(), 0, "elements made of texts");
  const html = await page.locator("body").innerText();
  for (const text of ["</script><b>version", "<i>kernel", "<u>reason", "__proto__"])
    holds(html.includes(text), `${text} is not shown`);
  holds(await page.locator("#detail canvas").count() === 1, "no chart");
});

check("simulated-stands-apart", "simulated", async page => {
  holds((await page.locator("#banners").innerText()).includes("simulated PMU"), "no banner");
  const text = await page.locator("#simulated").innerText();
  holds(text.includes("times mean nothing"), text);
  const rows = await overview(page);
  holds(!rows.some(([name]) => name.includes("simulated")), "simulated among the others");
  holds(!(await page.locator("#costs, #hosts, #tails").allInnerTexts()).join().includes("77.7"),
    "a simulated time among real ones");
});

check("emulated-is-labelled", "emulated", async page => {
  const host = "Emulated skylake (Bochs)";
  const banner = await page.locator("#banners").innerText();
  holds(banner.includes("Instructions of an emulated processor, not time") && banner.includes(host), banner);
  const lines = await page.locator("#overview tbody tr").allTextContents();
  holds(lines.some(line => line.includes(host)), "no row of the emulated host");
  for (const line of lines)
    same(line.includes(" instructions"), line.includes(host), line);
  holds(!(await page.locator("#hosts").innerText()).includes(host), "held against a real host");
  for (const unit of ["ns", "instructions"]) {
    const name = await page.evaluate(wanted => HOSTS.find(each => each.unit === wanted).name, unit);
    await page.evaluate(([row, on]) => go({chart: row, on}), [ROW, name]);
    await page.waitForTimeout(50);
    await shown(page);
    for (const place of ["#detail", "#tails"]) {
      const text = (await page.locator(place).innerText()).replaceAll("\n", " ") +
        await page.locator(`${place} .plot`).getAttribute("aria-label");
      same([text.includes(host), /\d (ns|µs|ms)/.test(text)], [unit !== "ns", unit === "ns"], text);
    }
    same((await page.locator("#tails").innerText()).includes(" instructions"), unit !== "ns", name);
  }
});

check("trials-alone", "trials", async page => {
  const text = await page.locator("main").innerText();
  for (const wanted of ["Every defect was found", "1 mismatch", "1 new class", "<b>rule</b>"])
    holds(text.includes(wanted), `${wanted} is not in: ${text}`);
  same(await page.locator("#history").isVisible(), false, "a history");
  const heading = await page.locator("#findings h2").innerText();
  holds(heading.includes("Fuzzing has 3 findings"), heading);
  for (const wanted of ["1 new class of divergences", "1 configuration with mismatches"])
    holds((await page.locator("#findings").innerText()).includes(wanted), wanted);
});

for (const of of ["campaign", "both"])
  check(`findings-first-in-${of}`, of, async page => {
    const first = await page.locator("main > section").evaluateAll(all =>
      all.find(each => each.checkVisibility()).id);
    same(first, "findings", "the first section");
    const heading = page.locator("#findings h2");
    holds((await heading.innerText()).includes("Fuzzing has 1 finding"), await heading.innerText());
    same(await heading.evaluate(each => [getComputedStyle(each).color, colour("found")]),
      ["rgb(176, 0, 32)", "#b00020"], "its colour");
    const text = await page.locator("#findings").innerText();
    for (const wanted of ["Alarm: live-kvm dead: no <b>luck</b> today", "#GP by <i>NO-FAST</i>, here value",
                          "2026-01-03 00:00 UTC", "7"])
      holds(text.includes(wanted), `${wanted} is not in: ${text}`);
    holds(await inView(page, "#findings tbody tr"), "the finding is out of view");
    const main = await page.locator("body").innerText();
    same([main.includes("No benchmark results"), main.includes("`")], [false, false], "words of benchmarks");
    same(await page.locator("#verdict").isVisible(), of === "both", "a verdict on benchmarks");
    same(main.includes("A benchmark is slower"), of === "both", "the rule of benchmarks");
    const links = await page.locator("#findings tbody a").evaluateAll(all => all.map(each =>
      [each.textContent, each.getAttribute("href")]));
    same(links, of === "both" ? []
      : [["outcome-no-fast-0123", "./findings/outcome-no-fast-0123/finding.md"]], "links to reports");
  });

check("finding-opens", "campaign", async page => {
  const href = await page.locator("#findings tbody a").evaluate(each => each.href);
  holds(readFileSync(new URL(href), "utf8").startsWith("# The report"), href);
});

check("no-finding-is-no-alarm", "quiet", async page => {
  const heading = page.locator("#findings h2");
  const text = await heading.innerText();
  holds(text.includes("Fuzzing found nothing"), text);
  same(await heading.evaluate(each => each.classList.contains("found")), false, "red");
  holds((await page.locator("#findings").innerText()).includes("2\u202f000 executions"), "of how much");
});

check("no-fuzzing-no-word-of-it", "flat", async page => {
  for (const id of ["findings", "trials"])
    same(await page.locator(`#${id}`).isVisible(), false, id);
});

check("trials-campaign", "trials", async page => {
  const text = await page.locator("#trials").innerText();
  for (const wanted of ["1 finding in 3", "2026-01-01 00:00 UTC to 2026-01-03",
                        "emulator, lines, %", "cases kept", "libfuzzer-emulator", "292"])
    holds(text.includes(wanted), `${wanted} is not in: ${text}`);
  holds(await page.locator("#trials svg.spark polyline").count() >= 4, "no lines over time");
});

check("what-has-nothing-to-say-is-hidden", "one", async page => {
  for (const [id, there] of [["fleet", false], ["history", false], ["costs", true], ["tails", true],
                             ["hosts", false], ["absent", true], ["exact", false], ["trials", false]])
    same(await page.locator(`#${id}`).isVisible(), there, id);
  same(await page.locator("#nav a").allInnerTexts(), ["Exit cost", "Percentiles", "Not measured"], "the links");
  for (const note of await page.locator("main > section:visible").allInnerTexts())
    holds(note.split("\n").filter(Boolean).length > 1, `nothing but a heading: ${note}`);
  holds((await page.locator(".skip").getAttribute("href")).endsWith("section=costs"), "Skip leads nowhere");
});

check("how-many-results-are-needed", "one", async page => {
  const heading = await page.locator("#verdict h2").innerText();
  holds(heading.includes("No verdict yet: 1 of 10 results needed"), heading);
  holds(!/too few/i.test(await page.locator("body").innerText()), "too few");
});

check("how-many-of-each-row", "few", async page => {
  const verdicts = await page.locator("#overview tbody tr td:last-child").allInnerTexts();
  same([...new Set(verdicts)], ["4 of 10 results needed"], "verdicts");
});

check("rows-without-a-figure-are-one", "one", async page => {
  const rows = page.locator("#costs table", {hasText: "Reads that answer"}).locator("tbody tr");
  same(await rows.count(), 1, "rows");
  const text = await rows.first().innerText();
  for (const wanted of ["metrics/cpl0", "fixed0/cpl3", "the host has no PMU", "unknown: needs both"])
    holds(text.includes(wanted), `${wanted} is not in: ${text}`);
});

check("axes-have-words", "planted", async page => {
  const labels = () => page.evaluate(() => [...CHARTS].map(({chart}) => chart.axes.map(each => each.label)));
  same(await labels(), [["time, UTC", "per read, µs"],
                        ["share of the reads that take at most so long", "per read"]], "labels");    // each figure has its unit
  await page.evaluate(() => go({chart: "control/cpuid/cpl0", on: "synthetic-1"}));
  await page.waitForTimeout(50);
  await shown(page);
  same((await labels())[0][1], "per iteration, µs", "of a control row");
});

check("kernels-are-marked", "planted", async page => {
  holds((await page.locator("#detail .legend").innerText()).includes("another kernel"), "no legend");
  holds((await page.locator("#detail .plot").getAttribute("aria-label")).includes("1 change of kernel"), "no words");
  // Pixels of the mark's colour in the columns of two points.
  const [marked, before] = await page.evaluate(() => {
    const {chart} = [...CHARTS].find(each => each.plot.closest("#detail"));
    const wanted = colour("kernel").match(/[0-9a-f]{2}/gi).map(hex => parseInt(hex, 16));
    const {width, height} = chart.ctx.canvas;
    const {data} = chart.ctx.getImageData(0, 0, width, height);
    return [20, 19].map(at => {
      const x = Math.round(chart.valToPos(chart.data[0][at], "x", true));
      let found = 0;
      for (let y = 0; y < height; y++)
        for (let byte = 4 * (y * width + x - 1); byte <= 4 * (y * width + x + 1); byte += 4)
          found += wanted.every((part, n) => Math.abs(part - data[byte + n]) < 40);
      return found;
    });
  });
  holds(marked > 40 && before < 5, `${marked} and ${before} pixels`);
});

check("kernels-are-not-marked-where-there-is-one", "flat", async page => {
  holds(!(await page.locator("#detail .legend").innerText()).includes("kernel"), "a legend");
});

check("disturbed-newest-is-said", "disturbed", async page => {
  const said = await page.locator("#verdict").innerText();
  holds(said.includes("The newest result of synthetic was disturbed: other tasks had the CPU for 40 %"), said);
  for (const place of ["#overview tbody td.figure", "#costs td.figure:has(.interval)", "#tails tbody th"])
    for (const text of await page.locator(place).allInnerTexts())
      holds(text.includes("×"), `${place}: ${text}`);
  holds((await page.locator("#costs summary").innerText()).includes("disturbed: other tasks"), "no word of it");
  holds(await page.locator("#overview .spark path.cross").count() > 0, "no cross in a small chart");
});

check("fleet-at-a-glance", "fleet", async page => {
  const first = await page.locator("main > section").evaluateAll(all =>
    all.filter(each => each.checkVisibility()).map(each => each.id).slice(0, 2));
  same(first, ["verdict", "fleet"], "the first sections");
  const rows = await page.locator("#fleet tbody tr").evaluateAll(all => all.map(row =>
    [...row.cells].map(each => [each.textContent, each.classList[1]])));
  same(rows.length, 12, "hosts");
  const by = Object.fromEntries(rows.map(([[name], ...cells]) => [name, cells]));
  same(rows[0][0][0], "synthetic-7", "the first host");
  same(by["synthetic-7"].filter(([, kind]) => kind === "worse").length, 4, "worse: two reads and their exit costs");
  holds(by["synthetic-7"].some(([text]) => /^▲worse, \+[67]\.\d %$/.test(text)), JSON.stringify(by["synthetic-7"]));
  same([...new Set(by["synthetic-4"].map(([text]) => text))], ["?unknown: 4 of 10 results needed"], "too new");
  holds(by["synthetic-9"].some(([text, kind]) => kind === "better" && text.startsWith("▽better")), "none better");
  same([...new Set(by["synthetic-2"].map(([text]) => text))], ["=same"], "the same");
  holds(by["synthetic-11"].some(([text]) => text.startsWith("–not measured: ")), JSON.stringify(by["synthetic-11"]));
  await page.locator("#fleet td.worse a").first().click();
  await shown(page);
  holds((await page.locator("#detail h3").innerText()).endsWith("on synthetic-7"), "another chart");
});

check("hosts-that-lack-the-same-are-together", "fleet", async page => {
  const lines = await page.locator("#absent p").allInnerTexts();
  holds(lines.some(line => line.includes("synthetic-1; synthetic-10; ") && /\d more hosts: /.test(line)), lines.join("|"));
});

check("skipped-files-are-named", "lacking", async page => {
  const text = await page.locator("#files").innerText();
  holds(text.includes("damaged.json") && text.includes("truncated"), text);
});

check("dark", "planted", async page => {
  const light = await inked(page);
  await page.emulateMedia({colorScheme: "dark"});
  let dark = light;
  for (let tries = 0; tries < 30 && dark.most === light.most; tries++) {
    await page.waitForTimeout(50);
    dark = await inked(page);
  }
  holds(light.most !== dark.most, `the chart stays ${light.most}`);
  const [paper, ink] = await page.evaluate(() => [getComputedStyle(document.body).backgroundColor,
                                                  getComputedStyle(document.body).color]);
  holds(luminance(paper) < 0.05 && luminance(ink) > 0.6, `${ink} on ${paper}`);
});

function luminance(colour) {
  const [r, g, b] = colour.match(/[\d.]+/g).map(Number).map(value => value / 255)
    .map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

for (const [of, colorScheme] of ["planted", "campaign", "fleet"].flatMap(name => [[name, "light"], [name, "dark"]]))
  check(`contrast-${of}-${colorScheme}`, of, async page => {
    const pairs = await page.evaluate(() => {
      const found = new Map();
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const parent = node.parentElement;
        if (!node.data.trim() || parent.closest("script, .u-axis") || !parent.checkVisibility())
          continue;
        let back = parent;
        while (back.parentElement && getComputedStyle(back).backgroundColor === "rgba(0, 0, 0, 0)")
          back = back.parentElement;
        found.set(`${getComputedStyle(parent).color}|${getComputedStyle(back).backgroundColor}`,
          node.data.trim().slice(0, 30));
      }
      return [...found];
    });
    holds(pairs.length > 3, "hardly any text");
    for (const [pair, text] of pairs) {
      const [a, b] = pair.split("|").map(luminance).sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      holds(ratio >= 4.5, `${text}: ${ratio.toFixed(2)} (${pair})`);
    }
  }, {colorScheme});

check("print", "planted", async page => {
  // In a real print there is no ResizeObserver: what was drawn for the screen would be printed.
  await page.evaluate(() => {
    window.drawn = [];
    for (const {chart} of CHARTS)
      (chart.hooks.draw ||= []).push(of => window.drawn.push([of.width, colour("paper")]));
  });
  holds((await page.pdf()).length > 30000, "an empty PDF");
  const drawn = await page.evaluate(() => window.drawn);
  same(drawn[0], [660, "#ffffff"], "width and paper of the printed chart");
  same(drawn.at(-1)[1], "#14171a", "the paper afterwards");
  await page.emulateMedia({media: "print", colorScheme: "dark"});
  await page.waitForTimeout(100);
  const paper = await page.evaluate(() => getComputedStyle(document.documentElement)
    .getPropertyValue("--paper"));
  same(paper.trim(), "#ffffff", "the paper");
  const {pixels} = await inked(page);
  holds(pixels > 1500, `${pixels} pixels in the history`);
  const {width} = await page.locator("#detail canvas").boundingBox();
  holds(width < 700, `${width} px wide`);
  for (const id of ["costs", "tails", "hosts", "absent"])
    holds(await page.locator(`#${id} h2`).isVisible(), `${id} is not printed`);
}, {colorScheme: "dark"});

for (const name of ["planted", "lacking", "hostile", "trials", "simulated", "emulated", "campaign",
                    "quiet", "both", "fleet", "one", "disturbed"])
  check(`phone-${name}`, name, async page => {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    same(wide, 390, "the page's width");
    // No column so narrow that a name goes down it letter by letter.
    for (const row of await page.locator("#overview tbody tr").evaluateAll(all => all.map(each =>
      [each.getBoundingClientRect().height, each.textContent])))
      holds(row[0] < 150, `${row[0]} px: ${row[1]}`);
  }, {viewport: {width: 390, height: 844}});

check("order-of-headings", "planted", async page => {
  const levels = await page.locator("h1, h2, h3, h4").evaluateAll(headings =>
    headings.filter(each => each.checkVisibility()).map(each => Number(each.tagName[1])));
  levels.forEach((level, at) => holds(at ? level <= levels[at - 1] + 1 : level === 1,
    `h${level} after h${levels[at - 1]}`));
  for (const role of ["main", "header", "footer", "nav", "form[role=search]"])
    same(await page.locator(role).count(), 1, role);
  same(await page.locator("html").getAttribute("lang"), "en");
});

check("section-is-reached", "planted", async page => {
  await page.locator("#nav a", {hasText: "Percentiles"}).press("Enter");
  await shown(page);
  await page.locator("#tails-heading:focus").waitFor();
  holds(await inView(page, "#tails-heading"), "the section is out of view");
});

check("no-unpacking", "planted", async page => {
  const text = await page.locator("#banners").innerText();
  holds(text.includes("too old"), text);
}, {init: () => delete window.DecompressionStream});

async function prove(browser, {name, of, run, options = {}}) {
  const {hash = "", init, ...more} = options;
  const context = await browser.newContext({viewport: {width: 1280, height: 800},
    reducedMotion: "reduce", colorScheme: "light", ...more});
  const wrong = [];
  try {
    const page = await context.newPage();
    const url = pathToFileURL(path.join(folder, `${of}.html`)).href;
    await context.route("**/*", route =>
      route.request().url().split("#")[0] === url ? route.continue() : route.abort());
    page.on("request", request => {
      const asked = request.url().split("#")[0];
      if (asked !== url && asked !== "data:,")
        wrong.push(`asks for ${asked}`);
    });
    page.on("console", message => {
      if (["error", "warning"].includes(message.type()))
        wrong.push(`console: ${message.text()}`);
    });
    page.on("pageerror", error => wrong.push(`error: ${error.message}`));
    if (init)
      await page.addInitScript(init);
    await page.goto(url + hash);
    if (init)
      await page.waitForSelector("#banners [role=alert]");
    else
      await shown(page);
    await run(page);
  } catch (error) {
    wrong.push(error.message.split("\n")[0]);
  } finally {
    await context.close();
  }
  console.log(wrong.length ? `not ok ${name}: ${wrong.join("; ").replace(/\s+/g, " ")}`
    : `ok ${name}`);
}

if (others) {
  checks.length = 0;
  (await import(pathToFileURL(others).href)).default({check, same, holds, shown, unfolded, luminance});
}
// Without a process that draws on a GPU that is emulated: what is drawn is the same, for a sixth less time.
const browser = await chromium.launch({executablePath, args: ["--no-sandbox", "--disable-gpu"]});
const lane = async () => {
  while (checks.length)
    await prove(browser, checks.shift());
};
await Promise.all([lane(), lane(), lane()]);
await browser.close();
