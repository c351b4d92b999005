// SPDX-License-Identifier: GPL-2.0-or-later
// What is said before all else: what fuzzing found, and where its reports are.

// [how many, of what] a result of fuzzing found; mutants that nobody found say nothing of KVM.
const FINDS = {
  campaign: told => [told.findings_count, "finding"],
  survey: told => [told.new, "new class of divergences", "new classes of divergences"],
  sweep: told => [told.wrong_count, "configuration with mismatches", "configurations with mismatches"],
};

function found({kind, told}) {
  const [count, one, more] = FINDS[kind](told);
  return {count, alarms: told.alarms || [], words: more && count !== 1 ? `${number(count)} ${more}` : plural(count, one)};
}

function foundAt({kind, engine, host, told, started}) {
  return [`${kind[0].toUpperCase()}${kind.slice(1)}`, engine && ` of ${engine}`, host && ` on ${host}`,
          `, as of ${told.at ? moment(told.at) : `${date(started)} UTC`}`];
}

function reports({findings, findings_count: count}) {
  return table(findings.length < count ? `The first ${number(findings.length)} of them` : "Findings",
    ["report", "what", figureHead("times"), "first", "last"],
    findings.map(([page, what, times, first, last, report]) => el("tr", null,
      rowHead(report ? el("a", {href: report}, broken(page)) : broken(page)), cell(what),
      cell(number(times), "figure"), cell(moment(first)), cell(moment(last)))), {class: "reports"});
}

function foundBy(trial) {
  const {count, alarms, words} = found(trial);
  const campaign = trial.kind === "campaign";
  return el("div", {class: "group"}, el("p", null, el("b", null, foundAt(trial)), ": ",
    campaign ? `${words} in ${number(trial.told.executions)} executions.` : `${words}. `,
    !campaign && el("a", {href: address({section: "trials"})}, "See below.")),
  alarms.length > 0 && el("ul", {class: "alarms"}, alarms.map(alarm =>
    el("li", null, el("b", null, "Alarm: "), alarm))),
  campaign && count > 0 && reports(trial.told));
}

// What was found in an earlier result and is dealt with since is in no newest one.
function showFindings() {
  const trials = DATA.trials.filter(({kind, told}) => told && kind in FINDS);
  byId("findings").hidden = !trials.length;
  const all = trials.map(found);
  const count = all.reduce((sum, each) => sum + each.count, 0);
  const alarms = all.reduce((sum, each) => sum + each.alarms.length, 0);
  const [tone, sign, words] = count ? ["found", "▲", `Fuzzing has ${plural(count, "finding")}`]
    : alarms ? ["still", "△", `Fuzzing found nothing, but has ${plural(alarms, "alarm")}`]
      : ["good", "✓", "Fuzzing found nothing"];
  replace(byId("findings"), el("h2", {id: "findings-heading", class: `tone ${tone}`, tabindex: "-1"},
    el("span", {class: "sign", "aria-hidden": "true"}, sign), el("span", null, words)),
  trials.sort((a, b) => found(b).count - found(a).count).map(foundBy));
}
