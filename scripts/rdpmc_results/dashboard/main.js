// SPDX-License-Identifier: GPL-2.0-or-later
// Puts the page together, and again whenever the address changes.

const SECTIONS = [["fleet", "Hosts and rows"], ["history", "History"], ["costs", "Exit cost"], ["tails", "Percentiles"],
                  ["hosts", "Hosts side by side"], ["exact", "Exact paths"], ["absent", "Not measured"], ["simulated", "Simulated"],
                  ["trials", "Fuzzing"], ["files", "Files left out"]];

const form = byId("filters");

function option(value, text) {
  return el("option", {value}, text || value);
}

function fillFilters() {
  const kernels = [...new Set(HOSTS.flatMap(host => host.kernels))];
  const names = [...new Set(REAL.map(series => series.name))];
  replace(form.elements.host, option("", "all"), HOSTS.map(host => option(host.name)));
  replace(form.elements.kernel, option("", "all"), kernels.map(kernel => option(kernel)));
  replace(byId("rows"), names.map(name => option(name)));
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", event => {
    event.preventDefault();
    go({host: "", kernel: "", row: ""});
  });
  form.addEventListener("change", () => {
    // A row named in full is the one to look at.
    const row = form.elements.row.value.trim();
    const exact = REAL.some(series => series.name === row);
    go({host: form.elements.host.value, kernel: form.elements.kernel.value, row,
        ...(exact ? {chart: row, on: form.elements.host.value || state().on} : {})});
  });
}

function shownLabel(now) {
  const shown = shownSeries(now).length;
  return (shown < REAL.length ? `${number(shown)} of ` : "") + plural(REAL.length, "benchmark");
}

function showFilters(now) {
  for (const key of ["host", "kernel", "row"])
    form.elements[key].value = now[key];
  form.elements.shown.value = shownLabel(now);
}

// Sections that have nothing to say are hidden.
function showNav() {
  const there = SECTIONS.filter(([id]) => !byId(id).hidden);
  replace(byId("nav"), there.map(([id, text]) => el("a", {href: address({section: id})}, text)));
  document.querySelector(".skip").href = address({section: there[0]?.[0]});
}

function scrollTo(now) {
  const heading = SECTIONS.some(([id]) => id === now.section) && byId(`${now.section}-heading`);
  if (!heading)
    return;
  heading.parentElement.scrollIntoView();
  heading.focus({preventScroll: true});
}

function complain(error) {
  replace(byId("banners"),
    el("p", {class: "banner", role: "alert"}, String(error.message || error)));
}

// Sections below the first are made once that one is there; each keeps what it shows until then.
let showing = 0;

async function show() {
  const mine = ++showing;
  const now = state();
  try {
    showFilters(now);
    if (HOSTS.length) {
      showFleet(now);
      // A history is of more than one result.
      byId("history").hidden = !REAL.some(series => series.count > 1);
      if (!byId("history").hidden) {
        showOverview(now);
        await showDetail(now);
      }
      performance.mark("first-chart");
      document.documentElement.dataset.drawn = String(mine);
      showAbsent(now);
      for (const make of [showCosts, showHosts]) {
        const place = await make(now);
        if (mine !== showing)
          return;
        place();
      }
      await showTails(now);
      if (EXACT.length)
        await showExact(now);
    }
    showNav();
    scrollTo(now);
    document.documentElement.dataset.shown = String(mine);
  } catch (error) {
    complain(error);
  }
}

function showFooter() {
  replace(byId("footer"), el("p", null, `Made ${date(DATA.made)} UTC.`, HOSTS.length > 0 && " A benchmark is " +
    "slower when its level, the median of some results, rose by more than 2 %, or by its machine's noise " +
    "floor if that is more, within the last 30 results, and three results or more confirm it. Intervals " +
    "are of the median over runs, by order statistics. Charts show figures to 0.003 % of the range of " +
    "their benchmark; newest figures are exact. Charts by uPlot" +
    (EXACT.length ? ", layout of flame graphs by d3-hierarchy." : ".")));
}

function start() {
  byId("bar").hidden = document.querySelector(".skip").hidden = !HOSTS.length;
  byId("exact").hidden = !EXACT.length;
  showAbout();
  showVerdict();
  showSimulated();
  showTrials();
  showFindings();
  showFiles();
  showFooter();
  fillFilters();
  addEventListener("hashchange", show);
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details.host"))
      details.open = true;
  });
  show();
}

start();
