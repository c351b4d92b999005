#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
# Proves that each folder includes only what it may know: the arrows of docs/architecture.md. That neither folders
# nor files know each other in a circle, and those of bench/ and host/ do not call each other in one. And that includes
# which break that are told.
set -u
. tests/checks.sh

# A folder, and what its files may include: all of a folder, or one header. A folder below it is another.
# failure.h is how all of them say why something failed.
arrows="\
lib/ lib/
lib/json/ lib/json/ lib/
guest/ guest/
host/ host/ lib/ guest/protocol.h guest/pmu_msrs.h
model/ model/
model/nested/ model/nested/ model/
emulator/ emulator/
machine/ machine/
machine/init/ machine/path.h
bench/ bench/ host/ guest/protocol.h model/ model/nested/ lib/ lib/json/ machine/path.h
bench/main/ bench/ lib/
fuzz/case/ fuzz/case/ model/ lib/
fuzz/engines/ fuzz/engines/ fuzz/case/
fuzz/engines/emulator/ fuzz/engines/emulator/ fuzz/engines/ emulator/
fuzz/engines/live/ fuzz/engines/live/ fuzz/engines/ fuzz/case/ model/ host/ lib/
fuzz/engines/kernel/ fuzz/engines/kernel/ fuzz/engines/ fuzz/case/cpuid.h
fuzz/inputs/ fuzz/inputs/ fuzz/engines/ fuzz/case/ lib/
fuzz/oracle/known/ fuzz/oracle/known/ fuzz/engines/ fuzz/case/ model/ lib/
fuzz/oracle/known/json/ fuzz/oracle/known/ lib/
fuzz/oracle/ fuzz/oracle/ fuzz/oracle/known/ fuzz/engines/ fuzz/case/ model/ lib/
fuzz/report/ fuzz/report/ fuzz/oracle/ fuzz/case/ model/ lib/
fuzz/enumerate/ fuzz/enumerate/ fuzz/report/ fuzz/oracle/ fuzz/case/ model/ lib/
fuzz/survey/ fuzz/survey/ fuzz/enumerate/ fuzz/report/ fuzz/oracle/ fuzz/case/ model/ lib/ lib/json/
fuzz/triage/ fuzz/triage/ fuzz/report/ fuzz/oracle/ fuzz/case/ model/ lib/ lib/json/
fuzz/mutants/ fuzz/mutants/ fuzz/report/ fuzz/oracle/ fuzz/inputs/ fuzz/case/ lib/ lib/json/
fuzz/targets/ fuzz/targets/ fuzz/report/ fuzz/oracle/ fuzz/inputs/ fuzz/case/ lib/
fuzz/cmd/ fuzz/cmd/ fuzz/mutants/ fuzz/triage/ fuzz/survey/ fuzz/enumerate/ fuzz/report/ fuzz/oracle/ fuzz/inputs/ fuzz/case/ lib/ lib/json/
prove/ prove/ model/ fuzz/engines/ fuzz/engines/kernel/ fuzz/oracle/known/ fuzz/case/"

# FILE:LINE:#include ... of the tree $1.
includes()
{
	(cd "$1" && find lib guest host model emulator machine bench fuzz prove -name '*.[chS]' -exec \
		grep -HnE '^[[:space:]]*#[[:space:]]*include' {} +)
}

# Those of the tree $1 that none of the arrows allows. Beside a kernel's headers a file of fuzz/engines/kernel/
# may be named without its folder.
strangers()
{
	includes "$1" | awk -v arrows="$arrows" '
		BEGIN {
			n = split(arrows, line, "\n")
			for (i = 1; i <= n; i++) {
				m = split(line[i], word, " ")
				for (j = 2; j <= m; j++)
					may[word[1], word[j]]
			}
		}
		{
			file = $0
			sub(":.*", "", file)
			sub("[^/]*$", "", file)
			path = $0
			sub("^[^#]*#[ \t]*include[ \t]*", "", path)
			quote = substr(path, 1, 1)
			path = substr(path, 2)
			sub("[\">].*", "", path)
			folder = path
			sub("[^/]*$", "", folder)
			ours = path ~ "^(lib|guest|host|model|emulator|machine|results|bench|fuzz|prove|tests)/"
			good = 0
			if (path ~ "^/|[.][.]/|^[.]/" || quote !~ "[\"<]")
				good = 0
			else if (!ours)
				good = quote == "<" || file == "fuzz/engines/kernel/"
			else
				good = (file, path) in may || (file, folder) in may
			if (!good)
				print
		}'
}

# "FILE INCLUDED" of the tree $1, for x.c and x.h as one: x.
files()
{
	includes "$1" | sed -n 's/[.].*#[ \t]*include[ \t]*["<]\([^">]*\)[.].*/ \1/p' | awk '$1 != $2'
}
folders()
{
	echo "$arrows" | awk '{ for (i = 2; i <= NF; i++) { sub("[^/]*$", "", $i); if ($1 != $i) print $1, $i } }'
}
# Is there no circle in these? tsort tells it.
acyclic()
{
	tsort >/dev/null 2>"$dir/out"
}

strangers . >"$dir/out"
check "every include keeps to the arrows" test ! -s "$dir/out"
check "... and there were includes to look at" test "$(arrows='' strangers . | wc -l)" -gt 300
folders | acyclic
check "no folders know each other in a circle" test $? -eq 0 -a ! -s "$dir/out"
(arrows="$arrows
model/ fuzz/case/case.h" && folders) | acyclic
check "... a circle of them is told" grep -q '^tsort: fuzz/case/' "$dir/out"
files . | acyclic
check "no files include each other in a circle" test $? -eq 0 -a ! -s "$dir/out"
check "... and there were files to look at" test "$(files . | wc -l)" -gt 300

# "FILE CALLED" of the objects of bench/ and host/: what a header has may be of another file than the one called so.
build=${BUILD:-build}
calls()
{
	for source in bench/*.c host/*.c lib/*.c lib/json/*.c; do
		nm "$build/$source.o" | sed "s|^|${source%.c} |"
	done | awk '
		$2 == "U" { from[++n] = $1; of[n] = $3 }
		$3 ~ /^[TDBR]$/ { file[$4] = $1 }
		END {
			for (i = 1; i <= n; i++)
				if (of[i] in file && file[of[i]] != from[i])
					print from[i], file[of[i]]
		}' | sort -u
}
calls >"$dir/calls" 2>&1
acyclic <"$dir/calls"
check "no files of bench/ and host/ call each other in a circle" test $? -eq 0 -a ! -s "$dir/out"
check "... and there were calls to look at" grep -qx 'bench/runner bench/measure' "$dir/calls"
(cat "$dir/calls" && echo bench/measure bench/runner) | acyclic
check "... a circle of them is told" grep -q '^tsort: bench/' "$dir/out"

# One include in a tree of its own.
mkdir "$dir/tree"
plant() # FILE INCLUDED; says what strangers() says of it
{
	rm -rf "$dir/tree"
	(mkdir "$dir/tree" && cd "$dir/tree" && mkdir -p lib/json guest host model emulator machine bench prove \
		fuzz/case fuzz/cmd fuzz/oracle/known fuzz/survey fuzz/enumerate fuzz/targets fuzz/engines/emulator fuzz/engines/live fuzz/engines/kernel)
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
refused model/x.h '"fuzz/case/case.h"'
refused emulator/x.c '"model/rdpmc.h"'
refused machine/x.c '"model/rdpmc.h"'
refused machine/x.c '"emulator/pmu.h"'
refused machine/x.c '"host/cpuid.h"'
refused machine/x.c '"guest/protocol.h"'
refused machine/x.h '"fuzz/case/cpuid.h"'
refused machine/x.c '"pmu.h"'
refused model/x.c '"machine/pmu.h"'
refused emulator/x.c '"machine/pmu.h"'
refused fuzz/oracle/x.c '"machine/pmu.h"'
refused bench/x.c '"machine/pmu.h"'
refused bench/x.c '"emulator/emulate.h"'
allowed bench/x.c '"model/rdpmc.h"'
refused guest/x.S '"host/vm.h"'
refused guest/x.c '"model/rules.h"'
refused host/x.c '"guest/guest.h"'
refused host/x.h '"bench/cases.h"'
refused host/x.c '"model/pmu.h"'
refused lib/x.c '"host/vm.h"'
refused lib/x.c '"lib/json/json_file.h"'
refused lib/json/x.c '"host/vm.h"'
refused bench/x.c '"fuzz/case/case.h"'
refused bench/x.c '"guest/guest.h"'
refused fuzz/cmd/x.c '"host/vm.h"'
refused fuzz/oracle/x.c '"emulator/pmu.h"'
refused fuzz/oracle/x.c '"fuzz/engines/live/live.h"'
refused fuzz/cmd/x.c '"fuzz/engines/kernel/glue.h"'
refused fuzz/survey/x.c '"bench/stats.h"'
refused fuzz/engines/live/x.c '"emulator/pmu.h"'
refused fuzz/engines/live/x.c '"fuzz/engines/kernel/glue.h"'
refused fuzz/engines/kernel/x.c '"fuzz/oracle/trial.h"'
refused fuzz/engines/kernel/x.c '"model/rdpmc.h"'
refused fuzz/engines/kernel/x.c '"host/vm.h"'
refused fuzz/engines/emulator/x.c '"host/vm.h"'
refused bench/x.c '"tests/insn_states.h"'
refused prove/x.c '"emulator/pmu.h"'
refused prove/x.c '"host/vm.h"'
refused prove/x.c '"fuzz/engines/live/live.h"'
refused fuzz/oracle/x.c '"prove/prove.h"'
refused model/x.c '"prove/prove.h"'
refused model/x.c '<emulator/pmu.h>'
refused model/x.c '"../emulator/pmu.h"'
refused model/x.c '"pmu.h"'
refused model/x.c 'PMU_HEADER'
refused fuzz/case/x.c '"fuzz/engines/engine.h"'
refused fuzz/case/x.c '"fuzz/oracle/trial.h"'
refused fuzz/engines/x.c '"fuzz/engines/live/live.h"'
refused fuzz/oracle/x.c '"fuzz/report/report.h"'
refused fuzz/oracle/known/x.c '"fuzz/oracle/trial.h"'
refused fuzz/survey/x.c '"fuzz/cmd/command.h"'
refused fuzz/targets/x.c '"fuzz/cmd/command.h"'
refused fuzz/targets/x.c '"lib/json/json_file.h"'
refused fuzz/x.c '"fuzz/case/case.h"'
allowed machine/x.c '"machine/pmu.h"'
allowed host/x.S '"guest/protocol.h"'
allowed fuzz/cmd/x.c '"lib/json/json_file.h"'
allowed fuzz/engines/live/x.c '"host/vm.h"'
allowed fuzz/engines/emulator/x.c '"emulator/pmu.h"'
allowed fuzz/engines/kernel/x.c '"vmx/vmx.h"'
allowed model/x.c '<sys/types.h>'
allowed prove/x.c '"fuzz/engines/kernel/glue.h"'
plant model/x.c '"model/pmu.h"'
echo '	#	include "host/vm.h" /* why */' >>"$dir/tree/model/x.c"
strangers "$dir/tree" >"$dir/out"
check "refused: with blanks and a comment" test "$(wc -l <"$dir/out")" -eq 1

# x.c and x.h are one, and what is called so in another folder is not.
plant model/a.h '"model/b.h"'
echo '#include "model/a.h"' >"$dir/tree/model/a.c"
echo '#include "fuzz/case/a.h"' >"$dir/tree/model/b.c"
files "$dir/tree" | acyclic
check "files in no circle" test $? -eq 0 -a ! -s "$dir/out"
echo '#include "model/a.h"' >"$dir/tree/model/b.h"
files "$dir/tree" | acyclic
check "... a circle of them is told" grep -q '^tsort: model/a$' "$dir/out"

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
