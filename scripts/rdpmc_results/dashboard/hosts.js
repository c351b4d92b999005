// SPDX-License-Identifier: GPL-2.0-or-later
// Hosts side by side; what was not measured, and why; the simulated PMU, apart.

const FEW_HOSTS = 4;

function timesLeast(median, least) {
  return median > 0 && median < 1e3 * least &&
    el("span", {class: "interval"}, `×${(median / least).toFixed(2)}`);
}

async function showHosts(now) {
  // Instructions of emulated processors are held against nothing.
  const hosts = shownHosts(now).filter(host => host.unit === "ns");
  if (hosts.length < 2)
    return () => {
      byId("hosts").hidden = true;
    };
  const names = [...new Set(shownSeries(now).filter(series => hosts.includes(series.host))
    .map(series => series.name))]
    .sort((a, b) => stemRank(a) - stemRank(b));
  const by = new Map(hosts.map(host => [host, new Map(host.series.filter(series =>
    series.setting !== "simulated-vpmu").map(series => [series.name, series]))]));
  const rows = [];
  for (const name of names) {
    const found = [];
    for (const host of hosts) {
      const series = by.get(host).get(name);
      found.push(series ? await newest(series, now.kernel) : null);
    }
    const least = Math.min(...found.map(each => each?.median > 0 ? each.median : Infinity));
    rows.push(el("tr", null, rowHead(broken(name)), found.map((each, at) => each
      ? el("td", {class: "figure"}, figureIn("ns", each.median), " ", timesLeast(each.median, least),
        cross(hosts[at], each.at))
      : el("td", {class: "reason"}, reasonOf(hosts[at], name)))));
  }
  const caption = "Newest medians, and how many times the cheapest host's";
  return () => {
    byId("hosts").hidden = false;
    replace(byId("hosts-body"), el("p", {class: "note"},
      "Different machines: the ratios say what a read costs where, not that anything is wrong."),
    table(caption, ["benchmark", ...hosts.map(host => ({text: host.name, class: "figure"}))], rows,
      {class: "wide"}));
  };
}

// Hosts that lack the same rows, together.
function alike(hosts) {
  const groups = new Map();
  for (const [host, names] of hosts) {
    const key = names.join("\n");
    groups.set(key, {names, hosts: [...(groups.get(key)?.hosts || []), host]});
  }
  return [...groups.values()];
}

function hostsText(hosts) {
  const [few, rest] = [hosts.slice(0, FEW_HOSTS), hosts.length - FEW_HOSTS];
  return few.map(host => host.name).join("; ") + (rest > 0 ? `; ${plural(rest, "more host")}` : "");
}

function showAbsent(now) {
  const reasons = new Map();
  for (const host of shownHosts(now))
    for (const [name, , status, reason] of host.absent) {
      if (!wanted(now, name, host))
        continue;
      const key = `${status}\n${reason}`;
      if (!reasons.has(key))
        reasons.set(key, {status, reason, hosts: new Map()});
      const names = reasons.get(key).hosts;
      names.set(host, [...(names.get(host) || []), name]);
    }
  const failed = each => each.status === "failed" ? 0 : 1;
  const parts = [...reasons.values()].sort((a, b) => failed(a) - failed(b)).map(each =>
    el("div", {class: "group"},
      el("h3", {class: each.status}, each.status === "failed" && "✗ failed: ", each.reason),
    alike(each.hosts).map(({names, hosts}) => el("p", null, HOSTS.length > 1 && `${hostsText(hosts)}: `,
      `${plural(names.length, "benchmark")}: `, el("span", {class: "names"},
        braced(names).map((name, at) => [at > 0 && " ", el("code", null, broken(name))]))))));
  byId("absent").hidden = !parts.length;
  replace(byId("absent-body"), parts);
}

function showSimulated() {
  const rows = SERIES.filter(series => series.setting === "simulated-vpmu");
  byId("simulated").hidden = !rows.length;
  replace(byId("simulated-body"), el("p", {class: "note"},
    "Answered by the program itself (--vpmu=user), each read by way of user space: these benchmarks " +
    "prove that the guest's side works. Their times mean nothing and are compared with nothing."),
  rows.length > 0 && folded(plural(rows.length, "benchmark"), () => table("Benchmarks of the simulated PMU",
    ["row", "host", {text: "newest", class: "figure"}, {text: "results", class: "figure"}],
    rows.map(series => el("tr", null, rowHead(broken(series.name)), cell(series.host.name),
      cell(figureIn(series.host.unit, series.last[1]), "figure"), cell(number(series.count), "figure"))))));
}

function showFiles() {
  byId("files").hidden = !DATA.skipped.length;
  replace(byId("files-body"), el("p", null,
    `${plural(DATA.skipped.length, "file")} skipped, not counted above:`),
  el("ul", {class: "files"}, DATA.skipped.map(([path, reason]) =>
    el("li", null, el("code", null, broken(path)), `: ${reason}`))));
}
