// SPDX-License-Identifier: GPL-2.0-or-later
// What is said first: is anything worse, where, since when, and what changed there.

const TONES = {worse: "▲", still: "△", good: "✓", unknown: "?"};
const FEW_GROUPS = 4;
const FEW_ROWS = 4;

// The differences, the first ones at once, the rest folded.
function changedList(changed) {
  if (!changed.length)
    return el("p", {class: "changed"}, "Nothing that results tell of their host changed there.");
  const item = ([what, before, after]) => el("li", null, el("b", null, what), " ",
    el("span", {class: "value"}, before), " → ", el("span", {class: "value"}, after));
  return el("div", {class: "changed"}, el("ul", null, changed.slice(0, 4).map(item)),
    changed.length > 4 && folded(`${changed.length - 4} more differences`,
      () => el("ul", null, changed.slice(4).map(item))));
}

function levelsText(host, before, after) {
  return `${figureIn(host.unit, before)} → ${figureIn(host.unit, after)}`;
}

function finding([index, ratio, before, after]) {
  const series = SERIES[index];
  const link = address({host: "", kernel: "", row: "", chart: series.name, on: series.host.name,
                        section: "history"});
  return el("li", null, el("b", {class: "ratio"}, percent(ratio)), " ",
    el("a", {href: link}, broken(series.name)), " ",
    el("span", {class: "levels"}, levelsText(series.host, before, after)));
}

// A busy machine is slower, and that may be all.
function busier([before, after]) {
  return before !== null && after !== null && Math.abs(after - before) >= 0.5 &&
    el("p", {class: "changed"}, el("b", null, "load average"),
      ` ${before.toFixed(1)} → ${after.toFixed(1)}: the machine had other work.`);
}

function group(of) {
  const began = `${of.kind === "drift" ? "drifting " : ""}since ${date(of.since)}`;
  return el("div", {class: "group"},
    el("div", {class: "when"}, el("p", null, el("b", null, HOSTS[of.host].name),
      `, ${began} (${plural(of.points, "result")}):`), changedList(of.changed), busier(of.loads)),
    el("ul", {class: "findings"}, of.rows.slice(0, FEW_ROWS).map(finding)),
    of.rows.length > FEW_ROWS && folded(plural(of.rows.length - FEW_ROWS, "more benchmark"),
      () => el("ul", {class: "findings"}, of.rows.slice(FEW_ROWS).map(finding))));
}

function classOf({class: name, heading, groups}) {
  const count = groups.reduce((sum, each) => sum + each.rows.length, 0);
  const title = `${heading} (${plural(count, "benchmark")})`;
  if (name === "better")
    return folded(title, () => el("div", null, groups.map(group)));
  // Of what is new the headline tells.
  return el("div", {class: `class ${name}`}, name !== "new" && el("h3", null, title),
    groups.slice(0, FEW_GROUPS).map(group),
    groups.length > FEW_GROUPS && folded(plural(groups.length - FEW_GROUPS, "more group"),
      () => el("div", null, groups.slice(FEW_GROUPS).map(group))));
}

function showVerdict() {
  const {tone, headline, lines, classes} = DATA.verdict;
  byId("verdict").hidden = !HOSTS.length;
  replace(byId("verdict"),
    el("h2", {id: "verdict-heading", class: `tone ${tone}`},
      el("span", {class: "sign", "aria-hidden": "true"}, TONES[tone]),
      el("span", null, broken(headline))),
    lines.map(line => el("p", {class: "remark"}, line)),
    exactFindings(),
    classes.map(classOf));
}

function showAbout() {
  if (HOSTS.length) {
    const results = HOSTS.reduce((sum, host) => sum + host.results, 0);
    const last = HOSTS.reduce((a, b) => b.last > a.last ? b : a);
    const first = Math.min(...HOSTS.map(host => host.first));
    const age = Date.now() / 1e3 - last.last;
    replace(byId("about"), `${plural(results, "result")} of ${plural(HOSTS.length, "host")}, `,
      first < last.last && `${date(first)} to `, `${date(last.last)} UTC. The newest is `,
      age < 0 ? "from the future" : el("b", null, `${span(age)} old`),
      HOSTS.length > 1 ? `, of ${last.name}.` : ".");
  } else {
    replace(byId("about"), `${plural(DATA.trials.reduce((sum, each) => sum + each.results, 0), "result")} of fuzzing.`);
  }
  const banners = [];
  if (DATA.synthetic)
    banners.push("Synthetic data: nobody measured this.");
  const emulated = HOSTS.filter(host => host.unit !== "ns").map(host => host.name);
  if (emulated.length)
    banners.push(`Instructions of an emulated processor, not time: ${emulated.join("; ")}.`);
  if (SERIES.some(series => series.setting === "simulated-vpmu"))
    banners.push("Some results are of a simulated PMU: they stand apart below, their times mean " +
                 "nothing.");
  replace(byId("banners"), banners.map(text => el("p", {class: "banner", role: "note"}, text)));
}
