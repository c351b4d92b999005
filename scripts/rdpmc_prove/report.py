# SPDX-License-Identifier: GPL-2.0-or-later
"""What a proof came to: lines, gathered so that the verdict can come first."""

from rdpmc_results.text import counted

# What our own translation and harness put where no path may come.
UNREACHED = ("untranslated:", "contract:", "undefined function", "no body for", "no candidates",
             "dereferenced function pointer")


class Report:
    """Labelled lines, and what the verdict depends on."""

    def __init__(self):
        self.lines, self.refuted, self.void = [], 0, 0
        self.undefined = 0  # places where C does not say what happens
        self.unsaid = 0  # places of which a comparison says nothing
        self.model = 0  # of those refuted, counterexamples to what the model says of itself

    def say(self, label, text):
        for line in text.splitlines():
            self.lines.append(f"{label:9}{line}".rstrip())
            label = ""

    def costs(self, who, run):
        """PASS-MINIMAL: witnesses of exits for nothing."""
        costly = [each.what.removeprefix("costly: ") for each in run.of("witness")
                  if not each.holds and "costly" in each.what]
        self.say("costs", f"{who}intercepted needlessly (PASS-MINIMAL): {'; '.join(costly) or 'never'}")

    def found(self, than):
        """What is refuted, for the first line; "": nothing is."""
        found = [f"differs in {counted(self.refuted, 'class', 'classes')} from {than}"] if self.refuted else []
        found += [f"undefined behaviour at {counted(self.undefined, 'place')}"] if self.undefined else []
        return "; ".join(found)

    def status(self):
        return 2 if self.void else 1 if self.refuted or self.undefined else 2 if self.unsaid else 0

    def broken(self, who, run):
        """What makes a run worth nothing; and what of C goes wrong in what is proved."""
        for each in run.of("check"):
            if each.holds:
                continue
            where = f"{who}{each.file}:{each.line}, {each.function}()"
            if "unwinding assertion" in each.what:
                self.void += 1
                self.say("VOID", f"{where}: this loop is not fully unwound")
            elif each.what.startswith(UNREACHED):
                self.void += 1
                self.say("VOID", f"{where}: reached, and it is not what the code does: {each.what}")
            else:
                self.undefined += 1
                self.say("REFUTED", f"{where}, undefined behaviour: {each.what}")
        if run.undecided:
            self.say("", f"{who}{run.undecided} properties are neither proved nor refuted: those come after it")
        for each in run.of("planted") + run.of("reached"):
            if each.holds:
                self.void += 1
                why = f"the planted fault is not seen: {each.what}" if each.what else "the assertions are not reached"
                self.say("VOID", f"{who}{why}")
