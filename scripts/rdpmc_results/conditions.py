# SPDX-License-Identifier: GPL-2.0-or-later
"""The conditions of a result that may explain a change: what differs between two of them."""

from collections import Counter

from .files import part, text

UNKNOWN = "unknown"
MIN_CPU_SHARE = 0.97          # as rdpmc-bench warns: bench/report.c
CLOCK_RATIOS = (0.9, 1.01)


def said(value):
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "yes" if value else "no"
    return text(value) if isinstance(value, str) else text(str(value))


def conditions(result):
    """{what: how it was}, both as texts; in the order in which a person would look at them."""
    context = result.context
    kernel = part(context, "kernel")
    cpu = part(context, "cpu")
    found = {
        "program": result.version,
        "compiler": result.compiler,
        "flags": result.flags,
        "kernel": said(kernel.get("release")),
        "kernel build": said(kernel.get("version")),
        "kernel command line": said(kernel.get("cmdline")),
        "microcode": said(cpu.get("microcode")),
        "hypervisor": said(cpu.get("hypervisor_vendor")),
        "governor": said(context.get("governor")),
        "turbo": said(context.get("turbo")),
        "SMT": said(part(context, "smt").get("control")),
        "idle driver": said(part(context, "cpuidle").get("driver")),
        "clock source": said(context.get("clocksource")),
        "huge pages": said(context.get("transparent_hugepage")),
        "NMI watchdog": said(context.get("nmi_watchdog")),
        "isolated CPUs": said(context.get("isolated_cpus")),
        "intercepted by": said(part(context, "intercepted").get("means_text")),
        "measured on CPU": said(part(context, "placement").get("cpu")),
    }
    for module, parameters in sorted(part(context, "kvm_modules").items()):
        if isinstance(parameters, dict):
            for name, value in sorted(parameters.items()):
                found[text(f"parameter {module}.{name}")] = said(value)
    for name, value in sorted(part(context, "mitigations").items()):
        found[text(f"mitigation {name}")] = said(value)
    return found


def likeliest_first(found):
    """What of KVM's PMU was set otherwise comes before all else: by that alone an exit is five times as long, or none."""
    return sorted(found, key=lambda each: not (each[0].startswith("parameter kvm") and "pmu" in each[0]))


def differences(before, after):
    """[(what, before, after)] of two conditions(); what one side does not have is 'absent', and
    what it does not know is no difference."""
    return likeliest_first((what, before.get(what, "absent"), after.get(what, "absent"))
                           for what in {**before, **after}
                           if before.get(what) != after.get(what)
                           and UNKNOWN not in (before.get(what), after.get(what)))


def prevailing(of, what):
    """How it was in two of three or more of several conditions(); None: now this, now that."""
    value, count = Counter(each.get(what, "absent") for each in of).most_common(1)[0]
    return value if 3 * count >= 2 * len(of) else None


def shift(before, after):
    """differences() between two lists of conditions(), of what prevailed in each: what is now this,
    now that explains nothing, and a change that is noticed a result too late is still seen."""
    found = [(what, prevailing(before, what), prevailing(after, what))
             for what in dict.fromkeys(what for each in before + after for what in each)]
    return likeliest_first((what, was, now) for what, was, now in found
                           if was != now and not {None, UNKNOWN} & {was, now})


def disturbed(results):
    """[(share of the time that others had the CPU, the guest's clock over the host's)] of the
    results of which rdpmc-bench warned; None for what is good or unknown there."""
    def figure(noise, key, good):
        value = noise.get(key)
        known = type(value) in (int, float) and 0 <= value < 1e9
        return value if known and not good(value) else None

    least, most = CLOCK_RATIOS
    found = []
    for result in results:
        noise = part(result.context, "noise")
        share = figure(noise, "cpu_share", lambda share: share >= MIN_CPU_SHARE)
        clock = figure(noise, "clock_ratio", lambda ratio: least <= ratio <= most)
        if share is not None or clock is not None:
            found.append((None if share is None else 1 - share, clock))
    return found


def disturbance(bad):
    """Several of disturbed() in words, the worst of each kind."""
    several = sum(share is not None for share, _ in bad) > 1
    up_to = "up to " if several else ""
    shares = [share for share, _ in bad if share is not None]
    clocks = [clock for _, clock in bad if clock is not None]
    found = []
    if shares:
        found.append(f"other tasks had the CPU for {up_to}{100 * max(shares):.0f} % of the time")
    if clocks:
        worst = max(clocks, key=lambda clock: abs(clock - 1))
        found.append(f"the guest's clock ran at {worst:.3f} of the host's")
    return ", ".join(found)
