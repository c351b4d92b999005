// SPDX-License-Identifier: GPL-2.0-or-later
// Exact rows: the path of one exit as an emulated machine recorded it, of one result or of two, and where in
// the kernel its instructions are. No figure here is a time.

const COUNTED = [
  ["instructions", "instructions"], ["user", "… in user space"], ["wrmsr", "WRMSR"], ["rdmsr", "RDMSR"],
  ["vmwrite", "VMWRITE"], ["vmread", "VMREAD"], ["atomic", "atomic operations"], ["indirect", "indirect branches"],
  ["exceptions", "exceptions"],
];
const TOUCHED = ["text", "stack", "data", "user"].flatMap(what =>
  ["lines", "pages"].map(size => [`${what}_${size}`, `${what} ${size}`]));
const EXACT_WORDS = {
  "another exit": ["▲", "another exit"], longer: ["▲", "longer"], mixed: ["▲", "longer and shorter"],
  shorter: ["▽", "shorter"],
};

const EXACT = HOSTS.flatMap(host => host.exact.map(row =>
  ({...row, host, name: DATA.rows[row.row], results: row.results.map(([at, path]) =>
    ({at, path: host.paths[path]}))})));

function exactOf(host, name) {
  return EXACT.find(row => row.host === host && row.name === name);
}

function profilesOf(host) {
  return byId(`profiles-${host.index}`).textContent
    ? once(`profiles-${host.index}`, bytes => JSON.parse(new TextDecoder().decode(bytes))) : null;
}

function resultText(host, at) {
  const [started, kernel, version, file] = host.exact_results[at];
  return `Linux ${kernel}, program ${version}, ${file}, ${date(started)}${host.disturbed[at] ? ", disturbed" : ""}`;
}

// Those that a kernel filter leaves.
function resultsOf(row, now) {
  return row.results.filter(({at}) => !now.kernel || row.host.exact_results[at][1] === now.kernel);
}

function shownExact(now) {
  return EXACT.filter(row => wanted(now, row.name, row.host) && resultsOf(row, now).length)
    .sort((a, b) => (b.verdict === "regression") - (a.verdict === "regression"));
}

function moveWords(verdict) {
  const [sign, words] = EXACT_WORDS[verdict];
  const kind = ["longer", "mixed", "another exit"].includes(verdict) ? "regression" : verdict === "shorter"
    ? "improvement" : "";
  return el("span", {class: `verdict ${kind}`}, el("span", {"aria-hidden": "true"}, sign), sign && " ", words);
}

function moveTold(verdict, words) {
  return verdict === "footprint" ? words : [moveWords(verdict), ` ${words}`];
}

function lastMove(row) {
  const move = row.moves.at(-1);
  if (!move)
    return row.count < 2 ? "one result" : `the same in ${number(row.count)} results`;
  return moveTold(move[2], move[4] || move[3]);
}

function exactTable(rows, now, chosenRow) {
  const columns = [["instructions", "instructions, emulated"], ["wrmsr", "WRMSR"], ["rdmsr", "RDMSR"],
                   ["atomic", "atomic"], ["indirect", "indirect"], ["text_lines", "text lines"],
                   ["data_lines", "data lines"]];
  const many = new Set(rows.map(row => row.host)).size > 1;
  return table("One exit, from VM exit to VM entry: emulated and exact, in the newest result",
    ["row", ...(many ? ["host"] : []), ...columns.map(([, text]) => ({text, class: "figure"})), "last difference"],
    rows.map(row => {
      const {path} = resultsOf(row, now).at(-1);
      return el("tr", row === chosenRow ? {"aria-current": "true"} : null,
        rowHead(el("a", {href: address({path: row.name, at: row.host.name, from: "", to: "", section: "exact"})},
          broken(row.name))), many && cell(row.host.name, "host"),
        columns.map(([figure]) => cell(number(path[figure]), "figure")), el("td", {class: "move"}, lastMove(row)));
    }), {class: "exact"});
}

// The figures of a path, MSRs by register below their total.
function figuresOf(...paths) {
  const registers = access => [...new Set(paths.flatMap(path => Object.keys(path)))]
    .filter(figure => figure.startsWith(`${access} `))
    .sort((a, b) => parseInt(a.split(" ")[1], 16) - parseInt(b.split(" ")[1], 16))
    .map(figure => [figure, `… ${figure.split(" ")[1]}`]);
  return [["reason", "exit reason"],
          ...COUNTED.flatMap(([figure, text]) => [[figure, text], ...registers(figure)]),
          ...TOUCHED.map(([figure, text]) => [figure, `${text}, footprint`])];
}

function figureTable(row, from, to) {
  const paths = from ? [from.path, to.path] : [to.path];
  const heads = from ? ["A", "B", "B − A"] : ["figure"];
  return table(`Figures of one exit of ${row.name}, emulated and exact`,
    ["of one exit", ...heads.map(text => ({text, class: "figure"}))],
    figuresOf(...paths).filter(([figure]) => paths.some(path => path[figure])).map(([figure, text]) => {
      const values = paths.map(path => path[figure] || 0);
      const by = values.at(-1) - values[0];
      return el("tr", {class: by ? "differs" : null},
        rowHead(figure === "instructions" ? `${text}, emulated` : text),
        values.map(value => cell(number(value), "figure")),
        from && cell(figure === "reason" ? (by ? "another" : "0") : signed(by), "figure"));
    }), {class: "figures"});
}

function chooser(label, key, row, results, chosenAt, none) {
  return el("label", null, `${label} `, el("select", {name: key, change: event =>
    go({path: row.name, at: row.host.name, [key]: event.target.value, section: ""})},
  none && option("none", none), results.map(({at}) => el("option", {value: at, selected: at === chosenAt},
    resultText(row.host, at)))));
}

// (A, B) of a row: as the address says, else the newest and the last one that differs from it or has another
// kernel.
function sidesOf(row, now) {
  const results = resultsOf(row, now);
  const named = text => results.find(({at}) => String(at) === text);
  const to = named(now.to) || results.at(-1);
  const from = now.from === "none" ? null : named(now.from) ||
    results.filter(each => each.at < to.at).at(-1) || null;
  return [results, from === to ? null : from, to];
}

function moveList(row) {
  return row.moves.length > 0 && [el("h4", null, "Where it differs from the result before"),
    el("ol", {class: "steps"}, row.moves.toReversed().map(([, after, verdict, words, , changes]) => {
      const [, , , file] = row.host.exact_results[after] || [];
      return el("li", null, moveTold(verdict, words), file && `, first in ${file}`,
        changedList(DATA.changes[changes]));
    }))];
}

let flame = null;
let exactTurn = 0;

async function showFlame(place, row, from, to) {
  const mine = ++exactTurn;
  const found = await profilesOf(row.host);
  if (mine !== exactTurn)
    return;
  flame?.end();
  flame = null;
  const stacks = result => result && found && found.stacks[found.of[row.name]?.[result.at]];
  const [before, after] = [stacks(from), stacks(to)];
  if (!after) {
    replace(place, el("p", {class: "note"}, "This result has no profile: where in the kernel the path is, is " +
      "not known."));
    return;
  }
  const two = Boolean(before);
  const tree = stackTree(before || {}, after);
  const what = two ? "Flame graph of B against A" : "Flame graph";
  replace(place, el("h4", null, what), el("p", {class: "note"},
    "Instructions, emulated, of one exit: callers below, what they call above.",
    two && [" Each frame is as wide as the larger of both. ", el("span", {class: "key more"}), " more in B, ",
            el("span", {class: "key less"}), " less, ", el("span", {class: "key same"}),
            " as in A, outlined where its own differ; by how many stands behind the name."],
    from && !two && " A has no profile, so there is nothing to hold it against."));
  flame = drawFlame(place, tree, two, `${what} of ${row.name}: ${number(tree.total[1])} instructions, emulated` +
    (two ? `, ${signed(change(tree.total))} against A` : "") + ". Arrow keys go from frame to frame, Enter zooms, " +
    "Escape resets; the table below has the figures.");
  put(place, [folded("This flame graph as a table", () => flameTable(tree, two,
    `Instructions, emulated, of ${row.name} by stack`)),
  two && folded("What differs by function, whoever calls it", () => functionTable(tree,
    `Instructions, emulated, of ${row.name} by function`))]);
}

async function showExact(now) {
  const rows = shownExact(now);
  const body = byId("exact-body");
  byId("exact").hidden = !rows.length;
  if (!rows.length) {
    exactTurn++;
    replace(body);
    return;
  }
  const row = rows.find(each => each.name === now.path && each.host.name === now.at) ||
    rows.find(each => each.name === now.path) || rows[0];
  const [results, from, to] = sidesOf(row, now);
  const place = el("div");
  replace(body, el("p", {class: "note"}, "Recorded by an emulated machine: what the host's kernel does for one " +
    "exit, from VM exit to VM entry. Instructions and numbers of times, never time; two computers give the same " +
    "digits, so each difference is one of the kernel. Lines and pages are the footprint, which another layout of " +
    "the same code changes, too."),
  el("h3", null, broken(row.name), " ", el("span", {class: "on"}, `on ${row.host.name}`)),
  el("form", {class: "choice", "aria-label": "Which results", submit: event => event.preventDefault()},
    chooser("A", "from", row, results.filter(each => each !== to), from?.at, "nothing"),
    chooser("B", "to", row, results, to.at)),
  place, el("div", {class: "tables"}, figureTable(row, from, to), el("div", {class: "moves"}, moveList(row))),
  exactTable(rows, now, row));
  if (!from)
    body.querySelector("select[name=from]").value = "none";
  await showFlame(place, row, from, to);
}

// What is said of exact rows at the top of the page.
function exactGroup({host, file, changed, rows}) {
  const on = HOSTS[host];
  return el("div", {class: "group"},
    el("div", {class: "when"}, el("p", null, el("b", null, on.name), `, first in ${file}:`), changedList(changed)),
    el("ul", {class: "findings"}, rows.slice(0, FEW_ROWS).map(([name, words]) => el("li", null,
      el("a", {href: address({host: "", kernel: "", row: "", path: name, at: on.name, from: "", to: "",
                              section: "exact"})}, broken(name)), ` ${words}`))),
    rows.length > FEW_ROWS && el("p", {class: "changed"}, `${plural(rows.length - FEW_ROWS, "more benchmark")} below`));
}

function exactFindings() {
  const {longer, shorter} = DATA.verdict.exact || {longer: [], shorter: []};
  return [
    longer.length > 0 && el("div", {class: "class exact"}, el("h3", null, "Exits that do more than before, emulated and exact"),
      longer.slice(0, FEW_GROUPS).map(exactGroup)),
    shorter.length > 0 && folded(`Shorter exits, emulated and exact (${plural(shorter.reduce((sum, each) =>
      sum + each.rows.length, 0), "benchmark")})`, () => el("div", null, shorter.map(exactGroup))),
  ];
}
