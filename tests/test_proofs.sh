#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, long
# Proves that scripts/prove refuses what it cannot do with one line, proves emulator/ and names what it assumes,
# refutes planted defects and a wrong model, does not take a proof of nothing for one, and ends when it is told to.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/checks.sh
BUILD=${BUILD:-build}
programs=$(realpath "$BUILD")
prove=$PWD/scripts/prove

# In the directory $where, that of the tree that is proved.
where=$PWD
run()
{
	status=0
	(cd "$where" && exec nice -n 5 scripts/prove "$@") >"$dir/out" 2>"$dir/err" </dev/null || status=$?
}
count() { grep -c -e "$1" "$dir/out" || :; }
verdict() { [ "$(head -n 1 "$dir/out")" = "$1" ]; }

wrong_use "'0' is no number from 1 to 64" --jobs 0
wrong_use 'unrecognized arguments' nonsense
wrong_use '/nonexistent/rdpmc-diff is not built' --build /nonexistent
wrong_use 'there is no mutant nonsense' --build "$programs" --mutants nonsense
wrong_use 'and no --mutants' --build "$programs" --kernel "$dir" --mutants
wrong_use 'at most one directory of OBJECTS' --build "$programs" --kernel "$dir" "$dir" "$dir"
wrong_use 'is no Linux source tree' --build "$programs" --kernel "$dir"
wrong_use 'is no Linux source tree' --build "$programs" --kernel "$dir/absent"
wrong_use '--against is of --kernel' --build "$programs" --against kernel:none
wrong_use '--vendor is of --kernel' --build "$programs" --vendor intel
wrong_use "invalid choice: 'via'" --build "$programs" --vendor via
wrong_use 'letters, digits and' --build "$programs" --name ../x
run --help
check "--help tells the exit statuses" ends 0 '77 CBMC cannot be'

# An older CBMC is none.
mkdir "$dir/bin" "$dir/cache" "$dir/etc"
printf '#!/bin/sh\necho "5.95.1 (cbmc-5.95.1)"\n' >"$dir/bin/cbmc"
cp "$dir/bin/cbmc" "$dir/bin/goto-cc"
chmod +x "$dir/bin/cbmc" "$dir/bin/goto-cc"
without_cbmc()
{
	unset RDPMC_DEBIAN_MIRROR
	PATH=$dir/bin:$PATH RDPMC_CACHE=$dir/cache MACHINE_APT_ETC=$dir/etc
	export PATH RDPMC_CACHE MACHINE_APT_ETC
	run --build "$programs" "$@"
	[ $status -eq 77 ] && [ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/err")" -eq 1 ] && grep -q 'no Debian mirror' "$dir/err"
}
(without_cbmc)
check "no CBMC to be had: 77, in one line" test $? -eq 0
wrong_without() { (without_cbmc "$@"; [ "$(tail -n 1 "$dir/err")" != "" ] && ! grep -q mirror "$dir/err"); }
check "... and wrong use is reported before that" wrong_without --mutants nonsense

# Packages that were damaged on their way.
mkdir -p "$dir/cache/machine/packages"
for package in cbmc minisat cadical kissat libc6 libstdc++6 libgcc-s1 zlib1g; do
	: >"$dir/cache/machine/packages/${package}_1.deb"
done
damaged()
{
	PATH=$dir/bin:$PATH RDPMC_CACHE=$dir/cache
	export PATH RDPMC_CACHE
	wrong_use 'cannot be unpacked' --build "$programs"
}
(damaged) >"$dir/damaged"
check "packages that cannot be unpacked: one line" grep -q '^ok ' "$dir/damaged"
check "... and no half of a CBMC is left" test -z "$(ls "$dir/cache/prove")"

# A case that is as the model has it natively is the proof's if the proof says so: no trace has the engine's registers.
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=scripts python3 - >"$dir/out" 2>"$dir/err" <<'END'
from rdpmc_prove.cases import Judged
from rdpmc_prove.checker import Property

def same(agrees, **trace):
    judged = Judged("answer 0, error code 0, RAX 0x1, RCX 0x1, RDX 0x2, RIP 0x3, RFLAGS 0x2", agrees, "", [], [])
    return judged.same_as(Property("", "exit, TYPE-GP, another value", "", "", 0, False, trace))

assert same(True, **{"proved_verdict.plain": 0})
assert not same(True, **{"proved_verdict.plain": 4})
assert not same(False, **{"proved_verdict.plain": 0})
assert same(False, **{"proved_verdict.plain": 4})
assert not same(True) and not same(False), "of a trace that does not say"
END
check "what is natively as the model has it, and in the proof" test $? -eq 0

# The first use fetches it.
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=scripts python3 - >"$dir/out" 2>"$dir/err" <<'END'
import sys
from rdpmc_machine.failed import Failed
from rdpmc_prove.tools import Tools
try:
    Tools()
except Failed as why:
    print(why, file=sys.stderr)
    sys.exit(why.status)
END
case $? in
0)	;;
77)
	skip "proofs" "$(tail -n 1 "$dir/err")"
	echo "1..$n"
	exit $((failed > 0))
	;;
*)	not_ok "CBMC can be had" ;;
esac

# What is in the directory for cases and is none of an earlier proof's stays.
mkdir "$dir/cases"
touch "$dir/cases/mine" "$dir/cases/read-1"
run --build "$programs" --out "$dir/cases"
check "emulator/ is proved" test $status -eq 0
check "... the first line is the verdict" verdict 'emulator/ answers every RDPMC as model/ does'
check "... four theorems" test "$(count '^proved ')" -eq 4
check "... what is assumed is named" sh -c "grep -q '^assumed  LOCK-NEVER-EXITS: ' '$dir/out' && grep -q '^ *RESERVED-BITS' '$dir/out'"
check "... nothing is refuted or void" test "$(count 'REFUTED\|VOID')" -eq 0
check "... each theorem finds what is planted" says 'finds a fault planted in it'
check "... CBMC's own checks are about emulator/" grep -qE '^checked .* in emulator/: [1-9][0-9]{2,} properties$' "$dir/out"
check "... which rules reads ask" grep -qE '^rules +21 are .* both ways; AMD-NB only no; AMD-L3 only no$' "$dir/out"
check "... cases of an earlier proof are gone, and nothing else" test "$(ls "$dir/cases")" = mine
grep -v '^with ' "$dir/out" >"$dir/asked"
run --build "$programs" --out "$dir/cases"
check "of the same text CBMC is not asked again, and that is said" says 's; 5 of 5 answers are kept, of the same text, the oldest of 2'
check "... the report is the same" sh -c "grep -v '^with ' '$dir/out' | cmp -s - '$dir/asked'"

mkdir "$dir/kept" "$dir/text"
echo '#define ANSWER 1' >"$dir/text/answer.h"
printf '#include "answer.h"\nint answer(void) { return ANSWER; }\n' >"$dir/text/answer.c"
RDPMC_CACHE=$dir/kept PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=scripts python3 - "$dir/text" >"$dir/out" 2>&1 <<'END'
import contextlib, glob, os, sys
from rdpmc_machine.failed import Failed
from rdpmc_prove import answers, checker

class Tools:
    def __init__(self, version): self.number = version
    def version(self): return self.number

directory = sys.argv[1]
run = checker.Run("f", [checker.Property("p", "theorem: x", "f", "answer.c", 1, False, {"proved_case[0]": 255})], 2.5, 1)
asked = []

def question(version="6.4", anew=False, made_of="a", function="f", options=("-x",), flags=(), work=directory):
    kept = answers.Answers(Tools(version), anew, made_of, work)
    program = [f"{work}/kernel.gb", f"{work}/answer.c", "-I", work, *flags]
    before = len(asked)
    found = kept.of(program, function, options, lambda: asked.append(1) or run)
    assert found.properties == run.properties and found.undecided == 1 and found.seconds == 2.5
    assert bool(found.kept) == (len(asked) == before), found.kept
    return len(asked) > before

assert question() and not question(), "the same"
for other in ({"version": "6.5"}, {"made_of": "b"}, {"function": "g"}, {"options": ()}, {"flags": ("-DY",)}):
    # A definition that changes no text changes no answer.
    assert question(**other) == (other != {"flags": ("-DY",)}), other
    assert not question(**other), other
assert question(flags=("-Danswer=reply",)), "a definition that is used"
assert question(anew=True) and not question(), "anew"
with open(f"{directory}/answer.h", "w", encoding="utf-8") as header:
    header.write("#define ANSWER 2\n")
assert question() and not question(), "a header"
os.rename(directory, directory + "2")
assert not question(work=directory + "2"), "the same text elsewhere"
for damage in b"", b"nonsense", b"\x1f\x8b\x08":
    for path in glob.glob(os.environ["RDPMC_CACHE"] + "/prove/answers/*"):
        with open(path, "wb") as file:
            file.write(damage)
    assert question(work=directory + "2") and not question(work=directory + "2"), damage
answers.MOST = 2
for function in "ghijk":
    question(function=function, work=directory + "2")
assert len(os.listdir(os.environ["RDPMC_CACHE"] + "/prove/answers")) == 2, "those that were used last stay"
with open(f"{directory}2/answer.c", "a", encoding="utf-8") as source:
    source.write('#include "absent.h"\n')
with contextlib.suppress(Failed):
    question(work=directory + "2")
    raise AssertionError("what cannot be preprocessed")
END
check "an answer is kept for the text that it is of, the options and the version, and for no other" test $? -eq 0

# The engines of the catalogue repeat what is found.
mutants='priv-cpl-1 pass-gp-mask rcx-64-bit'
for mutant in $mutants; do
	[ -e "$programs/mutants/$mutant/plain.so" ] || { not_ok "$mutant is built"; mutants=; break; }
done
if [ "$mutants" ]; then
	# shellcheck disable=SC2086 # names
	run --build "$programs" --mutants $mutants
	check "planted defects are refuted" ends 0 '3 of 3 refuted, 3 by the right rule'
	check "... each by its own" sh -c "grep -qE '^priv-cpl-1 .* PRIV' '$dir/out' &&
		grep -qE '^pass-gp-mask .* s  PASS-SOUND$' '$dir/out' && grep -qE '^rcx-64-bit .* s  ECX32$' '$dir/out'"
fi

# Trees that are proved wrongly.
copy() # NAME FILE SED: a copy in which that makes a difference
{
	where=$dir/$1
	mkdir "$where"
	cp -r prove model emulator fuzz scripts "$where"
	sed -i "$3" "$where/$2"
	! cmp -s "$2" "$where/$2"
}
check "a proof of nothing can be made" copy vacuous prove/engine_emulator.c 's/return true;/return false;/'
run --build "$programs" --out "$dir/cases"
check "... it is told" test $status -eq 2
check "... in the first line" sh -c "head -n 1 '$dir/out' | grep -q '^NOTHING IS PROVED: '"
check "... of each theorem that it is not reached" test "$(count '^VOID .*are not reached$')" -eq 4
check "... nor finds what is planted" test "$(count '^VOID .*planted fault is not seen: ')" -eq 4
check "... and none is called proved" test "$(count '^proved ')" -eq 0
check "... and nothing says that they do" test "$(count 'each theorem')" -eq 0

check "a wrong model can be made" copy wrong model/intercept.c 's/ && host->width\[class\] != guest->width\[class\]/ \&\& 0/'
# One ECX shows it, for three quarters of the time that all take.
sed -i 's/return true;/return (uint32_t)inputs->decoded.state.regs.rcx == PROVE_PLANTED;/' "$where/prove/engine_emulator.c"
run --build "$programs" --out "$dir/cases"
check "... it is refuted" test $status -eq 1
check "... in the first line" sh -c "head -n 1 '$dir/out' | grep -q '^model/ contradicts itself: '"
check "... by the two theorems about it" test "$(count '^proved '),$(count '^REFUTED  where ')" = 2,2
check "... with a case" sh -c "'$programs/rdpmc-diff' run --quiet --engine emulator '$dir/cases/may_pass-1'"
check "... and nothing is void" test "$(count VOID)" -eq 0
where=$PWD

# Told to end.
trap 'kill $child 2>/dev/null; rm -rf "$dir"' EXIT
child=
for arguments in '--jobs 2' '--jobs 2 --mutants'; do
	# shellcheck disable=SC2086 # words
	"$prove" --build "$programs" --out "$dir/cases" --anew $arguments >"$dir/out" 2>"$dir/err" </dev/null &
	child=$!
	# With a catalogue of hundreds there is more to begin.
	tries=600 running=
	until running=$(pgrep -P $child -f 'theorem_|refute_') && [ "$(echo "$running" | wc -l)" -eq 2 ] || [ $tries = 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
	began=$(date +%s)
	kill -TERM $child
	wait $child
	check "SIGTERM, $arguments: 143" test $? -eq 143
	check "... within seconds" test $(($(date +%s) - began)) -le 8
	check "... two runs of CBMC had begun" test "$(echo "$running" | wc -w)" -eq 2
	left=
	for process in $running; do
		kill -0 "$process" 2>/dev/null && left="$left $process"
	done
	check "... and are gone" test -z "$left"
	check "... nothing is said of it" test ! -s "$dir/err" -o "$(grep -c Traceback "$dir/err")" -eq 0
done
echo "1..$n"
[ $failed -eq 0 ]
