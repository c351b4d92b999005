// SPDX-License-Identifier: GPL-2.0-or-later
// Checks of exact rows in the dashboard, for browser.mjs.

const ROW = "rdpmc/metrics/intercepted/cpl0";
const OTHER = "rdpmc/gp-first/intercepted/cpl0";
const EMULATED = "Emulated skylake (Bochs)";

// What the graph shows: of each frame its label, class, width in px, and the words one reads of it.
function frames(page) {
  return page.locator("#exact .frame").evaluateAll(all => all.map(frame => {
    frame.dispatchEvent(new MouseEvent("mouseenter"));
    const words = document.querySelector("#exact .readout").textContent;
    const {width} = frame.querySelector("rect").getBoundingClientRect();
    return {words, name: words.split(": ")[0], label: frame.querySelector("text").textContent,
            kind: frame.getAttribute("class"), width};
  }));
}

async function current(page) {
  return (await page.locator("#exact .readout").innerText()).split(": ")[0];
}

async function press(page, ...keys) {
  for (const key of keys)
    await page.keyboard.press(key);
}

export default function exact({check, same, holds, shown, unfolded, luminance}) {
  check("exact-headline", "exact", async page => {
    const heading = await page.locator("#verdict h2").innerText();
    holds(heading.includes("1 exit path is longer on ") && heading.includes(EMULATED) &&
      heading.endsWith("by up to 34 instructions"), heading);
    const group = await page.locator("#verdict .class.exact").innerText();
    holds(group.includes(`${ROW} +34 instructions (2703 -> 2737), +1 WRMSR 0x38f (5 -> 6)`), group);
    holds(/kernel\s+7\.1 → 7\.2/.test(group), group);
    holds(!(await page.locator("#banners").innerText()).includes("simulated"), "simulated rows where there are none");
  });

  check("exact-rows-stand-apart", "exact", async page => {
    const texts = await page.locator("#overview tbody tr").allTextContents();
    holds(texts.length > 0, "no overview");
    holds(!texts.some(text => text.includes(EMULATED) && (text.includes(ROW) || text.includes(OTHER))),
      "an exact row among those of medians");
    const costs = await page.locator("#costs details", {hasText: EMULATED}).innerText();
    holds(/exact: 2\D?737 instructions, see Exact paths/.test(costs), costs);
    const lines = await page.locator("#exact table.exact tbody tr").allInnerTexts();
    same(lines.length, 2, "exact rows");
    holds(/2\D737\s+27\s+3\s/.test(lines[0]) && lines[0].includes("longer"), lines[0]);
    holds(lines[1].includes("the same in 3 results"), lines[1]);
  });

  check("exact-figures-are-labelled", "exact", async page => {
    const text = await page.locator("#exact").innerText();
    holds(!/\d\s?(ns|µs|ms|s)\b/.test(text), text);
    for (const caption of await page.locator("#exact caption").allInnerTexts())
      holds(caption.toLowerCase().includes("emulated"), caption);
    holds((await page.locator("#exact table.exact thead").innerText()).includes("instructions, emulated"),
      "a figure without its unit");
    for (const {words} of await frames(page))
      holds(words.includes("instructions, emulated"), words);
  });

  check("exact-frames-are-as-wide-as-what-they-count", "exact", async page => {
    const found = await frames(page);
    same(found.length, 12, "frames");
    const exit = found.find(({name}) => name === "exit");
    for (const [name, count] of [["vmx_vcpu_run", 1203], ["kvm_pmu_rdpmc", 161], ["vmx_handle_exit", 161]]) {
      const {width, words} = found.find(frame => frame.name === name);
      const wanted = exit.width * count / 2703;
      holds(Math.abs(width - wanted) < 2, `${name}: ${width} px, not ${wanted}`);
      holds(words.startsWith(`${name}: ${count === 1203 ? "1\u202f203" : count} instructions`), words);
    }
  }, {hash: `#path=${ROW}&from=none&to=1`});

  check("exact-differential", "exact", async page => {
    const by = Object.fromEntries((await frames(page)).map(frame => [frame.name, frame]));
    same([by.exit.kind, by.exit.label], ["frame more current", "exit +34"], "exit");
    same(by.vmx_vcpu_run.kind, "frame same", "what is as it was");
    same(by.kvm_pmu_rdpmc.kind, "frame less", "what is gone");
    holds(by.kvm_pmu_rdpmc.words.includes("161 → 0 (−161)") && by.kvm_pmu_rdpmc.width > 10,
      by.kvm_pmu_rdpmc.words);
    same(by["<b>new</b>"].kind, "frame more", "what is new");
    holds(by["<b>new</b>"].words.includes("0 → 195 (+195)") && by["<b>new</b>"].width > 10,
      by["<b>new</b>"].words);
    same(await page.locator("#exact .flame b").count(), 0, "elements made of names");
  });

  for (const [two, hash] of [["one", `#path=${ROW}&from=none`], ["two", `#path=${ROW}&from=1&to=2`]])
    check(`exact-table-has-the-figures-of-${two}`, "exact", async page => {
      const rows = await (await unfolded(page, "#exact", "as a table")).evaluateAll(lines => lines.map(line =>
        [...line.cells].map(cell => cell.textContent)));
      const found = await frames(page);
      same(rows.length, found.length, "rows");
      for (const {name, words} of found) {
        const [, ...cells] = rows.find(row => row[0] === name);
        const told = [...words.slice(name.length).matchAll(/[+−]?\d[\d\u202f]*/g)].map(([text]) => text);
        // In words A, B and the difference; in the table the difference comes first.
        const figures = two === "one" ? told : [2, 0, 1, 5, 3, 4].map(at => told[at]);
        same(cells, figures, name);
      }
    }, {hash});

  check("exact-by-function", "exact", async page => {
    const rows = await (await unfolded(page, "#exact", "by function")).evaluateAll(lines => lines.map(line =>
      [...line.cells].map(cell => cell.textContent)));
    same(rows, [["<b>new</b>", "+195", "0", "195"], ["kvm_pmu_rdpmc", "−161", "161", "0"]],
      "functions that differ");
  }, {hash: `#path=${ROW}&from=1&to=2`});

  check("exact-keyboard", "exact", async page => {
    for (let presses = 0; presses < 90; presses++) {
      await press(page, "Tab");
      if (await page.evaluate(() => document.activeElement.matches("#exact .flame")))
        break;
    }
    const plot = page.locator("#exact .flame");
    holds(await plot.evaluate(of => of === document.activeElement), "Tab does not reach the graph");
    same(await plot.evaluate(of => getComputedStyle(of).outlineStyle), "solid", "the outline of the focus");
    await press(page, ...Array(6).fill("ArrowUp"));
    same(await current(page), "vmx_vcpu_run", "upwards to the widest");
    same(await page.locator("#exact .current rect").evaluate(of => getComputedStyle(of).strokeWidth), "3px",
      "the frame that the keys are at");
    await press(page, "ArrowLeft");
    same(await current(page), "vmx_handle_exit", "to the left");
    await press(page, "ArrowRight", "ArrowRight");
    same(await current(page), "vmx_vcpu_run", "no further than there is");
    await press(page, "ArrowDown");
    same(await current(page), "vcpu_enter_guest", "downwards");
    await press(page, "ArrowUp", "ArrowLeft", "Enter");
    const {width} = await plot.boundingBox();
    const zoomed = (await frames(page)).find(({name}) => name === "vmx_handle_exit");
    holds(Math.abs(zoomed.width - width) < 3, `zoomed to ${zoomed.width} of ${width} px`);
    same((await frames(page)).some(({name}) => name === "vmx_vcpu_run"), false, "what is beside");
    await press(page, "Escape");
    same(await current(page), "exit");
    holds((await frames(page)).some(({name}) => name === "vmx_vcpu_run"), "Escape does not reset");
    await press(page, "Tab");
    same(await plot.evaluate(of => of === document.activeElement), false, "caught in the graph");
  }, {hash: `#path=${ROW}&from=none&to=1`});

  check("exact-click-zooms", "exact", async page => {
    await page.locator("#exact .frame", {hasText: /^vmx_h/}).click();
    const {width} = await page.locator("#exact .flame").boundingBox();
    const {width: wide} = (await frames(page)).find(({name}) => name === "vmx_handle_exit");
    holds(Math.abs(wide - width) < 3, `${wide} of ${width} px`);
  }, {hash: `#path=${ROW}&from=none&to=1`});

  check("exact-address", "exact", async page => {
    same(await page.locator("#exact h3").innerText().then(text => text.startsWith(OTHER)), true, "the row");
    same(await page.locator("#exact [name=to]").inputValue(), "1");
    same(await page.locator("#exact [name=from]").inputValue(), "0");
    await page.locator("#exact [name=from]").selectOption("none");
    await shown(page);
    holds(new URL(page.url()).hash.includes("from=none"), page.url());
    holds((await page.locator("#exact .flame").getAttribute("aria-label")).startsWith("Flame graph of rdpmc"),
      "still against another");
  }, {hash: `#path=${OTHER}&from=0&to=1`});

  check("exact-unknown-address", "exact", async page => {
    same(await page.locator("#exact .flame svg").count(), 1, "graphs");
  }, {hash: "#path=__proto__&at=constructor&from=toString&to=valueOf"});

  check("exact-kernel-filter", "exact", async page => {
    holds((await page.locator("#exact table.exact tbody").innerText()).match(/2\D703/g).length === 2,
      "figures of another kernel");
  }, {hash: "#kernel=7.1"});

  check("exact-figures", "exact", async page => {
    const rows = await page.locator("#exact table.figures tbody tr").evaluateAll(lines => lines.map(line =>
      [...line.cells].map(cell => cell.textContent.replaceAll("\u202f", ""))));
    const by = Object.fromEntries(rows.map(([name, ...figures]) => [name, figures]));
    same(by["instructions, emulated"], ["2703", "2737", "+34"]);
    same(by["… 0x38f"], ["5", "6", "+1"]);
    same(by["exit reason"], ["15", "15", "0"]);
    same(by["text lines, footprint"], ["214", "214", "0"]);
    same("user lines, footprint" in by, false, "what is 0 in both");
  });

  check("exact-without-profiles", "profileless", async page => {
    const text = await page.locator("#exact").innerText();
    holds(text.includes("This result has no profile"), text);
    same(await page.evaluate(() => typeof d3), "undefined", "the library of flame graphs");
    holds((await page.locator("#verdict h2").innerText()).includes("No exit path is longer"),
      await page.locator("#verdict h2").innerText());
  });

  for (const colorScheme of ["light", "dark"])
    for (const from of ["none", "1"])
      check(`exact-contrast-${colorScheme}-${from === "none" ? "one" : "two"}`, "exact", async page => {
        const colours = await page.locator("#exact .frame").evaluateAll(all => all.map(frame => {
          const rect = getComputedStyle(frame.querySelector("rect"));
          return [getComputedStyle(frame.querySelector("text")).fill, rect.fill, rect.fillOpacity,
                  getComputedStyle(document.body).backgroundColor];
        }));
        holds(colours.length > 8, `${colours.length} frames`);
        for (const [ink, fill, opacity, paper] of colours) {
          const numbers = text => text.match(/[\d.]+/g).map(Number);
          const under = numbers(paper);
          const mixed = numbers(fill).map((part, at) => part * opacity + under[at] * (1 - opacity));
          const [a, b] = [luminance(ink), luminance(mixed.join())].sort((x, y) => y - x);
          holds((a + 0.05) / (b + 0.05) >= 4.5, `${ink} on ${mixed}: ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
        }
      }, {colorScheme, hash: `#path=${ROW}&from=${from}&to=2`});

  check("exact-host-can-be-read", "exact", async page => {
    for (const {width} of await page.locator("td.host").evaluateAll(all => all.map(each => each.getBoundingClientRect())))
      holds(width > 180, `${width} px`);
    same(await page.locator("#tails .plot").count() > 0, true, "percentiles");
  });

  check("exact-in-the-grid", "exact", async page => {
    const cells = await page.locator("#fleet tbody tr", {hasText: EMULATED}).locator("td").allTextContents();
    holds(cells.includes("▲worse") && cells.includes("=same"), cells.join("|"));
    await page.locator("#fleet td.worse a").first().click();
    await shown(page);
    holds((await page.locator("#exact h3").innerText()).startsWith(ROW), "another row");
  });

  check("exact-phone", "exact", async page => {
    same(await page.evaluate(() => document.documentElement.scrollWidth), 390, "the page's width");
    const {x, width} = await page.locator("#exact .flame svg").boundingBox();
    holds(x >= 0 && x + width <= 390, `${x} and ${width} px`);
  }, {viewport: {width: 390, height: 844}});

  check("exact-follows-the-window", "exact", async page => {
    await page.setViewportSize({width: 700, height: 800});
    await page.waitForFunction(() => {
      const plot = document.querySelector("#exact .flame");
      return plot.firstChild.getAttribute("width") === String(plot.clientWidth) && plot.clientWidth < 700;
    }, null, {timeout: 5000});
  });

  check("exact-headings", "exact", async page => {
    const levels = await page.locator("#exact h2, #exact h3, #exact h4").evaluateAll(all =>
      all.map(each => Number(each.tagName[1])));
    same([...new Set(levels)], [2, 3, 4]);
    levels.forEach((level, at) => holds(!at || level <= levels[at - 1] + 1, `h${level} after h${levels[at - 1]}`));
  });
}
