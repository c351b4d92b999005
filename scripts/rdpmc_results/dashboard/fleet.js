// SPDX-License-Identifier: GPL-2.0-or-later
// A fleet at a glance: for each host and row how it stands to its own history.

const FLEET = 40;           // hosts that are shown at once
// [class, sign, word] by verdict; what is not here is unknown.
const STANDS = {
  regression: ["worse", "▲", "worse"], suspicious: ["worse", "⚠", "suspicious"],
  improvement: ["better", "▽", "better"], steady: ["same", "=", "same"],
};
const STANDS_LAST = ["unknown", "–"];

function whyUnknown({verdict, count, host, last}) {
  return last && last[0] < host.newest ? "not in the newest result" : verdict === "short"
    ? last ? neededOf({count}) : "one result" : "perhaps slower, not confirmed yet";
}

// How a row stands, as [class, sign, words, where to look].
function standing(host, name, row) {
  if (!row)
    return [...STANDS_LAST, `not measured: ${reasonOf(host, name)}`];
  const known = (row.last ? row.last[0] >= host.newest : row.current) && STANDS[row.verdict];
  if (!known)
    return ["unknown", "?", `unknown: ${row.last || row.current ? whyUnknown(row) : "not in the newest result"}`];
  const [kind, sign, word] = known;
  if (kind === "same")
    return [kind, sign, word];
  const chart = row.last ? {chart: name, on: host.name, section: "history"}
    : {path: name, at: host.name, from: "", to: "", section: "exact"};
  return [kind, sign, row.last ? `${word}, ${percent(row.ratio)}` : word, address(chart)];
}

function standCell([kind, sign, words, link]) {
  const shown = [el("span", {"aria-hidden": "true"}, sign), el("span", {class: "unseen"}, words)];
  return el("td", {class: `stand ${kind}`, title: words}, link ? el("a", {href: link}, shown) : shown);
}

function showFleet(now) {
  const rows = new Map(shownHosts(now).map(host => [host, new Map(
    [...host.series.filter(series => series.setting !== "simulated-vpmu"), ...EXACT.filter(row => row.host === host)]
      .filter(row => wanted(now, row.name, host)).map(row => [row.name, row]))]));
  const names = [...new Set([...rows.values()].flatMap(of => [...of.keys()]))]
    .sort((a, b) => stemRank(a) - stemRank(b));
  byId("fleet").hidden = rows.size < 2 || !names.length;
  if (byId("fleet").hidden)
    return;
  const lines = [...rows].map(([host, of]) => {
    const cells = names.map(name => standing(host, name, of.get(name)));
    return {host, cells, worse: cells.filter(([kind]) => kind === "worse").length};
  }).sort((a, b) => b.worse - a.worse);
  const grid = (caption, some) => table(caption, ["host", ...names.map(name =>
    ({text: el("span", null, name), class: "up"}))], some.map(({host, cells}) => el("tr", null,
    rowHead(el("a", {href: address({host: host.name})}, host.name)), cells.map(standCell))), {class: "grid"});
  replace(byId("fleet-body"), grid("Each benchmark against its host's own history", lines.slice(0, FLEET)),
    lines.length > FLEET && folded(plural(lines.length - FLEET, "more host"),
      () => grid("The other hosts", lines.slice(FLEET))),
    el("p", {class: "legend"}, "▲ worse, ⚠ fell to half its cost, ▽ better, = no change found, ? unknown (too " +
      "new, not confirmed, or not in the newest result), – not measured"));
}
