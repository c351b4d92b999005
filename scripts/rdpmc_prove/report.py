# SPDX-License-Identifier: GPL-2.0-or-later
"""What a proof came to: lines, gathered so that the verdict can come first."""

# What our own translation and harness put where no path may come.
UNREACHED = ("untranslated:", "contract:", "undefined function", "no body for", "no candidates",
             "dereferenced function pointer")


class Report:
    """Labelled lines, and what the verdict depends on."""

    def __init__(self):
        self.lines, self.refuted, self.void = [], 0, 0
        self.model = 0  # of those refuted, counterexamples to what the model says of itself

    def say(self, label, text):
        for line in text.splitlines():
            self.lines.append(f"{label:9}{line}".rstrip())
            label = ""

    def costs(self, who, run):
        """PASS-MINIMAL: witnesses of exits for nothing."""
        costly = [each.what.removeprefix("costly: ") for each in run.of("witness")
                  if not each.holds and "costly" in each.what]
        self.say("costs", f"{who}{'; '.join(costly) or 'none'}: intercepted though nothing would show (PASS-MINIMAL)")

    def status(self):
        return 2 if self.void else 1 if self.refuted else 0

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
                self.refuted += 1
                self.say("REFUTED", f"{where}: {each.what}")
        for each in run.of("planted") + run.of("reached"):
            if each.holds:
                self.void += 1
                why = f"the planted fault is not seen: {each.what}" if each.what else "the assertions are not reached"
                self.say("VOID", f"{who}{why}")
