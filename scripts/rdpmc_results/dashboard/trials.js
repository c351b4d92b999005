// SPDX-License-Identifier: GPL-2.0-or-later
// The fuzzing side: what mutants, surveys, campaigns and older programs' sweeps reported when they last ran.

const FEW_CLASSES = 8;

const WHAT = {
  faults: "Mutants: deliberate defects, set against each driver",
  sweep: "Sweep: every case enumerated, compared with the model",
  survey: "Survey: how an engine differs from the processor",
  campaign: "Campaign: fuzzing without a person",
};

function figureHead(text) {
  return {text, class: "figure"};
}

function tableRow(first, rest) {
  return el("tr", null, rowHead(first), rest.map(value =>
    typeof value === "string" ? cell(value) : cell(number(value), "figure")));
}

function tellMutants({drivers, missed, missed_count: count}) {
  return [table("Defects by driver", ["driver", figureHead("defects"), figureHead("found"),
    figureHead("median executions until found"), figureHead("most"), figureHead("executions"),
    figureHead("time")], drivers.map(([driver, all, found, median, most, executions, took]) =>
    el("tr", null, rowHead(driver), [all, found, median, most, executions].map(value =>
      cell(value === null ? "none" : number(value), "figure")), cell(seconds(took), "figure")))),
  count ? folded(`${plural(count, "defect")} not found by one driver or another`, () =>
    table("Not found", ["defect", "driver", "what is wrong", figureHead("executions"),
      figureHead("time")], missed.map(([name, driver, what, executions, took]) => el("tr", null,
      rowHead(name), cell(driver), cell(what), cell(number(executions), "figure"),
      cell(seconds(took), "figure"))))) : el("p", null, "Every defect was found by every driver.")];
}

function tellSweep({parts, wrong, wrong_count: count}) {
  const [cases, mismatches] = [2, 3].map(at => parts.reduce((sum, part) => sum + part[at], 0));
  return [el("p", null, el("b", null, mismatches ? `${plural(mismatches, "mismatch")
    .replace(/hs$/, "hes")}` : "No mismatch"), ` in ${number(cases)} cases.`),
  table("What was enumerated", ["part", figureHead("configurations"), figureHead("cases"),
    figureHead("mismatches"), figureHead("intercepted without need"), figureHead("time"),
    "complete"],
  parts.map(([part, ...rest]) => el("tr", null, rowHead(part),
    rest.slice(0, 4).map(value => cell(number(value), "figure")),
    cell(seconds(rest[4]), "figure"), cell(rest[5] ? "yes" : "no")))),
  count > 0 && table("Configurations with mismatches", ["configuration", "part",
    figureHead("mismatches"), figureHead("of cases")], wrong.map(([name, ...rest]) =>
    tableRow(name, rest)))];
}

function divergences(caption, rows) {
  return table(caption,
    ["rule", "entry", "oracle", "right", "answer", figureHead("cases"), "known as"],
    rows.map(([rule, ...rest]) => tableRow(rule || "no rule", rest)));
}

function tellSurvey(told) {
  return [el("p", null, el("b", null, told.new ? `${plural(told.new, "new class")
    .replace(/classs$/, "classes")} of divergences` : "Nothing new"),
  ` in ${number(told.reads)} reads of ${number(told.configurations)} configurations in ` +
    `${number(told.states)} states` +
    (told.made ? `, and ${number(told.made)} cases at random` : "") +
    `; ${told.classes ? `${number(told.classes)} classes in all.` : "no divergence at all."}`),
  told.intercepts.length > 0 && el("p", null, "The intercept is ",
    told.intercepts.map(([what, count]) => `${what}: ${number(count)}`).join("; "),
    " (configurations)."),
  told.rows.length > 0 && divergences("Divergences", told.rows.slice(0, FEW_CLASSES)),
  told.rows.length > FEW_CLASSES && folded(`${number(told.classes - FEW_CLASSES)} more classes`,
    () => divergences("More divergences", told.rows.slice(FEW_CLASSES)))];
}

// How each figure came to where it is, as a line and its ends.
function tellOverTime({from, to, lines}) {
  return table(`From ${moment(from)} to ${moment(to)}`, ["what", "result by result", figureHead("first"),
    figureHead("now")], lines.map(([what, values]) => el("tr", null, rowHead(what),
    el("td", null, spark({median: values, at: []}, {steps: []})),
    cell(number(values[0]), "figure"), cell(number(values[values.length - 1]), "figure"))));
}

function tellCampaign(told) {
  return [el("p", null, el("b", null, told.findings_count ? plural(told.findings_count, "finding")
    : "Nothing found"), ` in ${number(told.executions)} executions; ${number(told.cases)} cases ` +
    "kept beside the seeds" + (told.flaky ? `; ${plural(told.flaky, "case")} not seen again` : "") +
    (told.known ? `; ${plural(told.known, "case")} as is known` : "") + `. As of ${moment(told.at)}.`),
  told.over_time.lines.length > 0 && tellOverTime(told.over_time),
  told.coverage.length > 0 && table("What the kept cases reach", ["what", figureHead("reached"),
    figureHead("of")], told.coverage.map(([what, ...rest]) => tableRow(what, rest))),
  told.workers.length > 0 && table("Workers", ["worker", "state", "why", figureHead("executions"),
    figureHead("time"), figureHead("crashes")],
  told.workers.map(([name, state, why, executions, took, deaths]) => el("tr", null, rowHead(name),
    cell(state), cell(why), cell(number(executions), "figure"), cell(seconds(took), "figure"),
    cell(number(deaths), "figure"))))];
}

const TELL = {faults: tellMutants, sweep: tellSweep, survey: tellSurvey, campaign: tellCampaign};

function showTrials() {
  const parts = DATA.trials.map(trial => el("div", {class: "group"},
    el("h3", null, WHAT[trial.kind], trial.engine && `: ${trial.engine}`),
    el("p", {class: "note"}, `${date(trial.started)} UTC, program ${trial.version}`,
      trial.host && `, ${trial.host}`, trial.partial && ", ended early",
      trial.results > 1 && `; the newest of ${number(trial.results)}`, "."),
    trial.told ? TELL[trial.kind](trial.told)
      : el("p", null, `${plural(trial.rows, "row")}, of a kind this page cannot tell more of.`)));
  byId("trials").hidden = !parts.length;
  replace(byId("trials-body"), parts);
}
