#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
# Proves that each room includes only what it may know: the arrows of docs/architecture.md. And that
# includes which break them are told.
set -u
. tests/checks.sh

# A room or a file of it; what it may include: rooms end in a slash. The longest name that fits a file decides.
# failure.h is how all of them say why something failed.
arrows="\
guest/ guest/
host/ host/ guest/protocol.h guest/batch.h guest/pmu_msrs.h
model/ model/
emulator/ emulator/
machine/ machine/
results/ results/ host/failure.h
bench/ bench/ host/ guest/protocol.h model/ emulator/ results/ machine/path.h
fuzz/ fuzz/ model/ results/ host/failure.h !fuzz/live/ !fuzz/kernel/
fuzz/engine_emulator fuzz/ model/ emulator/ !fuzz/live/ !fuzz/kernel/
fuzz/live/ fuzz/ model/ host/ !fuzz/kernel/
fuzz/kernel/ fuzz/engine.h fuzz/cpuid.h fuzz/kernel/
prove/ prove/ model/ fuzz/ !fuzz/live/"

# All includes of the tree $1 that none of its arrows allows, one a line. Beside a kernel's headers a
# file of fuzz/kernel/ may be named without its room.
strangers()
{
	(cd "$1" && find guest host model emulator machine results bench fuzz prove -name '*.[chS]' -exec \
		grep -HnE '^[[:space:]]*#[[:space:]]*include' {} +) |
	awk -v arrows="$arrows" '
		BEGIN {
			n = split(arrows, line, "\n")
			for (i = 1; i <= n; i++) {
				name = line[i]
				sub(" .*", "", name)
				may[name] = line[i]
			}
		}
		{
			file = $0
			sub(":.*", "", file)
			path = $0
			sub("^[^#]*#[ \t]*include[ \t]*", "", path)
			quote = substr(path, 1, 1)
			path = substr(path, 2)
			sub("[\">].*", "", path)
			room = ""
			for (name in may)
				if (index(file, name) == 1 && length(name) > length(room))
					room = name
			ours = path ~ "^(guest|host|model|emulator|machine|results|bench|fuzz|prove|tests)/"
			good = 0
			if (path ~ "^/|[.][.]/|^[.]/" || quote !~ "[\"<]")
				good = 0
			else if (!ours)
				good = quote == "<" || room == "fuzz/kernel/"
			else {
				m = split(may[room], known, " ")
				for (i = 2; i <= m; i++) {
					if (known[i] ~ "^!" && index(path, substr(known[i], 2)) == 1)
						good = 0
					else if (known[i] ~ "/$" ? index(path, known[i]) == 1 : path == known[i])
						good = 1
				}
			}
			if (!good)
				print
		}'
}

strangers . >"$dir/out"
check "every include keeps to the arrows" test ! -s "$dir/out"
check "... and there were includes to look at" test "$(arrows='' strangers . | wc -l)" -gt 300

# One include in a tree of its own.
mkdir "$dir/tree"
plant() # FILE INCLUDED; says what strangers() says of it
{
	rm -rf "$dir/tree"
	(mkdir "$dir/tree" && cd "$dir/tree" && mkdir guest host model emulator machine results bench fuzz fuzz/live fuzz/kernel prove)
	printf '/* text */\n%s\n' "#include $2" >"$dir/tree/$1"
	strangers "$dir/tree" >"$dir/out"
}
refused() { # FILE INCLUDED
	plant "$1" "$2"
	check "refused: $1 with $2" test "$(cat "$dir/out")" = "$1:2:#include $2"
}
allowed() {
	plant "$1" "$2"
	check "allowed: $1 with $2" test ! -s "$dir/out"
}
refused model/x.c '"emulator/pmu.h"'
refused model/x.h '"fuzz/case.h"'
refused emulator/x.c '"model/rdpmc.h"'
refused machine/x.c '"model/rdpmc.h"'
refused machine/x.c '"emulator/pmu.h"'
refused machine/x.c '"host/cpuid.h"'
refused machine/x.c '"guest/protocol.h"'
refused machine/x.h '"fuzz/cpuid.h"'
refused machine/x.c '"pmu.h"'
refused model/x.c '"machine/pmu.h"'
refused emulator/x.c '"machine/pmu.h"'
refused fuzz/x.c '"machine/pmu.h"'
refused bench/x.c '"machine/pmu.h"'
refused guest/x.S '"host/vm.h"'
refused guest/x.c '"model/rules.h"'
refused host/x.c '"guest/guest.h"'
refused host/x.h '"bench/cases.h"'
refused host/x.c '"model/pmu.h"'
refused results/x.c '"host/vm.h"'
refused bench/x.c '"fuzz/case.h"'
refused bench/x.c '"guest/guest.h"'
refused fuzz/x.c '"host/vm.h"'
refused fuzz/x.c '"emulator/pmu.h"'
refused fuzz/x.c '"fuzz/live/live.h"'
refused fuzz/x.c '"fuzz/kernel/glue.h"'
refused fuzz/x.c '"bench/stats.h"'
refused fuzz/live/x.c '"emulator/pmu.h"'
refused fuzz/live/x.c '"fuzz/kernel/glue.h"'
refused fuzz/kernel/x.c '"fuzz/trial.h"'
refused fuzz/kernel/x.c '"model/rdpmc.h"'
refused fuzz/kernel/x.c '"host/vm.h"'
refused fuzz/engine_emulator_other.c '"host/vm.h"'
refused bench/x.c '"tests/insn_states.h"'
refused prove/x.c '"emulator/pmu.h"'
refused prove/x.c '"host/vm.h"'
refused prove/x.c '"fuzz/live/live.h"'
refused fuzz/x.c '"prove/prove.h"'
refused model/x.c '"prove/prove.h"'
refused model/x.c '<emulator/pmu.h>'
refused model/x.c '"../emulator/pmu.h"'
refused model/x.c '"pmu.h"'
refused model/x.c 'PMU_HEADER'
allowed machine/x.c '"machine/pmu.h"'
allowed host/x.S '"guest/batch.h"'
allowed bench/x.c '"emulator/emulate.h"'
allowed fuzz/x.c '"results/json_file.h"'
allowed fuzz/live/x.c '"host/vm.h"'
allowed fuzz/engine_emulator_other.c '"emulator/pmu.h"'
allowed fuzz/kernel/x.c '"vmx/vmx.h"'
allowed model/x.c '<sys/types.h>'
allowed prove/x.c '"fuzz/kernel/glue.h"'
plant model/x.c '"model/pmu.h"'
echo '	#	include "host/vm.h" /* why */' >>"$dir/tree/model/x.c"
strangers "$dir/tree" >"$dir/out"
check "refused: with blanks and a comment" test "$(wc -l <"$dir/out")" -eq 1

# What reads results is told of them by files alone.
modules() # DIRECTORY; imports of what is neither a part of it, nor SciPy's, nor Python's
{
	/usr/bin/python3 -c 'import ast, pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.py")):
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \
            [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
        for name in names:
            if name.split(".")[0] not in {*sys.stdlib_module_names, "numpy", "scipy"}:
                print(f"{path}: {name}")' "$1" >"$dir/out" 2>"$dir/err"
}
modules scripts/rdpmc_results
check "rdpmc_results imports itself, Python and SciPy only" test $? -eq 0 -a ! -s "$dir/out"
mkdir "$dir/scripts" && echo 'from rdpmc_campaign import corpus' >"$dir/scripts/x.py"
modules "$dir/scripts"
check "... another module is told" says "x.py: rdpmc_campaign"

echo "1..$n"
exit $((failed > 0))
