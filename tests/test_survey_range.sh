#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, long
# limit 30m
# Proves that scripts/survey-range tells of each commit what it changes for guests, goes on where it was interrupted, and
# makes nothing twice; and that git bisect run with scripts/bisect-case finds the commit that changed a case's outcome.
# The repository is made from Debian's 6.12: KVM's own files, and links to all else.
set -u
cd "$(dirname "$0")/.." || exit 1
range=$(pwd)/scripts/survey-range
bisect=$(pwd)/scripts/bisect-case
. tests/checks.sh
# What is kept is of this program, which another make may change meanwhile.
build=$dir/build
mkdir "$build" && ln -s "$(pwd)/fuzz/oracle/known" "$dir/known" && cp "${BUILD:-build}/rdpmc-diff" "$build/" || exit 1
RDPMC_KNOWN=$dir/known
export RDPMC_KNOWN

run() # arguments of survey-range; sets $status
{
	"$range" --build "$build" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}

wrong_use '--kdir DIR and --from REV, or two trees or more'
wrong_use '--kdir DIR and --from REV, or two trees or more' --kdir "$dir"
wrong_use 'one tree has nothing before it' "$dir"
wrong_use "is no number from 1 to 64" --jobs 0 --kdir "$dir" --from HEAD
run --help
check '--help' test $status -eq 0 -a "$(wc -l <"$dir/out")" -le 40
"$bisect" --help >"$dir/out" 2>"$dir/err"
check 'bisect-case --help' test $? -eq 0 -a "$(wc -l <"$dir/out")" -le 24
"$bisect" "$dir/none" "$dir" >"$dir/out" 2>"$dir/err"
check 'bisect-case: wrong use ends a bisection' test $? -eq 129

# It would be tried for ever.
cat >"$dir/killed.py" <<'END'
import os, sys
sys.dont_write_bytecode = True
sys.path.insert(0, "scripts")
from rdpmc_range import processes, trees
processes.run = lambda command, **options: (137, "")
top = sys.argv[1]
os.makedirs(f"{top}/arch/x86/kvm")
open(f"{top}/arch/x86/kvm/pmu.c", "w").close()
try:
    trees.Engines(top, None).make(trees.Directory(top, top), f"{top}/work")
except trees.Wrong as why:
    print(why)
END
python3 "$dir/killed.py" "$dir/killed" >"$dir/out" 2>"$dir/err"
check 'an engine whose making was killed ends it' grep -q '^killed: kernel-engine ended with 137$' "$dir/out"

if ! command -v git >/dev/null || ! command -v clang >/dev/null; then
	skip 'a range of commits' 'no git, or no clang'
	finish
fi
tree=$(scripts/kernel-tree debian:6.12 2>"$dir/err")
status=$?
if [ $status = 77 ]; then
	skip 'a range of commits' "$(tail -n 1 "$dir/err")"
	finish
fi
check "Debian's 6.12 is there" test $status = 0
[ $status = 0 ] || finish

repository=$dir/linux
cache=$dir/cache
GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM
git_()
{
	git -C "$repository" -c user.name=Test -c user.email=test@example.org "$@" >>"$dir/git" 2>&1
}
# commit SUBJECT EDIT...: by its subject's first word the tag.
commit()
{
	subject=$1
	shift
	[ $# = 0 ] || tests/kernel_edit.py "$repository" "$@" || return
	git_ add -A && git_ commit -m "$subject" && git_ tag "${subject%%[ :]*}"
}
make_repository()
{
	mkdir -p "$repository/arch/x86" "$repository/virt" && cp -rL "$tree/arch/x86/kvm" "$repository/arch/x86/" || return
	for name in Makefile Kbuild include virt/kvm arch/x86/include arch/x86/lib; do
		ln -s "$tree/$name" "$repository/$name" || return
	done
	git_ init && commit 'base of it' &&
		commit 'harmless: two functions in another order' reordered &&
		commit 'wrong: one counter more' bound-off-by-one &&
		commit 'broken: does not compile' does-not-compile &&
		git_ revert --no-edit HEAD && git_ tag builds &&
		git_ checkout harmless -- arch/x86/kvm && commit 'mended: as many as there are' &&
		commit 'unseen: a line of vmx.c' exit-not-run
}
make_repository >"$dir/out" 2>"$dir/err"
status=$?
check 'a repository with six commits' test $status = 0
[ $status = 0 ] || { cat "$dir/git"; finish; }
short()
{
	git -C "$repository" rev-parse --short "$1"
}
survey()
{
	run --cache "$cache" --kdir "$repository" --objects "$tree" --from base --to unseen --configuration skylake "$@"
}

# Interrupted behind the first engine that it makes.
"$range" --build "$build" --cache "$cache" --kdir "$repository" --objects "$tree" --from base --to unseen \
	--configuration skylake >"$dir/out" 2>"$dir/err" </dev/null &
pid=$!
while kill -0 $pid 2>/dev/null && ! grep -q ': built 1 of' "$dir/err"; do
	sleep 0.2
done
kill -TERM $pid
wait $pid
check 'interrupted: status 143' test $? -eq 143
first=$(find "$cache" -maxdepth 1 -name '*.so' | wc -l)
check 'interrupted: an engine is kept' test "$first" -ge 1

survey --markdown "$dir/table.md"
cp "$dir/out" "$dir/table"
cp "$dir/err" "$dir/progress"
check 'a commit made reads wrong: status 1' test $status -eq 1
# Of five contents, one of which does not compile.
check 'it goes on from there' test $((first + $(grep -c ': built' "$dir/progress"))) -eq 5
# Of a commit: the row, and what is below it.
of()
{
	sed -n "/^$(short "$1") /,/^[0-9a-f]* *[0-9.-]/{p}" "$dir/table" | awk 'NR == 1 || /^ /; NR > 1 && !/^ / { exit }'
}
tells() # COMMIT EXPRESSION
{
	of "$1" | tr -s ' \n' ' ' | grep -qE -e "$2" || { of "$1"; return 1; }
}
check 'harmless: nothing' tells harmless '\. \. \. harmless: .* nothing changed'
check 'wrong: which reads' tells wrong '\. 2 \. wrong: .* became wrong: Intel guest: #GP -> value \(rule TYPE-GP\) by exit and emulator, ECX = 0x00000004'
check 'broken: what the compiler says' tells broken '- - - broken: .* does not build: arch/x86/kvm/pmu\.c:1:.* error: '
check 'what builds again is compared with what did' tells builds "\. \. \. Revert .* nothing changed compared with $(short wrong)"
check 'mended: they are right again' tells mended '2 \. \. mended: .* became right: Intel guest: value -> #GP'
check 'unseen: what is not run is named' tells unseen '\. \. \. unseen: .* changed and not run: vmx/vmx\.c: handle_triple_fault\(\)'
check 'the verdict comes first' grep -q '^5 of 6 surveyed: 1 made reads wrong for guests, 1 made reads right, 3 changed nothing' "$dir/table"
check 'as Markdown' grep -q "^| $(short wrong) | \. | 2 | \. | wrong: one counter more<br>became wrong: " "$dir/table.md"

survey
check 'once more: the same, from what is kept' test -s "$dir/table" -a "$(cat "$dir/out")" = "$(cat "$dir/table")"
check '... and nothing is made' test "$status $(grep -c -e ': built' -e ': surveyed' "$dir/err")" = '1 0'
run --cache "$cache" --kdir "$repository" --objects "$tree" --from base --to harmless --configuration skylake
check 'harmless alone: status 0' test $status -eq 0
run --cache "$cache" --kdir "$repository" --objects "$tree" --from wrong --to broken --configuration skylake
check 'nothing to survey: status 2' test $status -eq 2
run --cache "$cache" --kdir "$repository" --objects "$tree" --from base --to nowhere
check 'no such revision: one line' test $status -eq 2 -a "$(wc -l <"$dir/err")" -eq 1

# Which commit changed the outcome of a case?
mkdir "$dir/found"
for engine in "$cache"/*.so; do
	"$build/rdpmc-diff" run --engine "$engine" --random 100K --save "$dir/found" >"$dir/out" 2>&1
	[ $? != 1 ] || break
done
case_file=$(find "$dir/found" -type f | sort | head -n 1)
check 'a case that shows the wrong one' test -n "$case_file"
copy=$dir/bisected
git clone -q "$repository" "$copy" >>"$dir/git" 2>&1
bisected() # BAD GOOD ARGUMENT...: what it found
{
	(cd "$copy" && git bisect reset && git bisect start "$1" "$2") >"$dir/out" 2>&1 || return
	shift 2
	(cd "$copy" && git bisect run "$bisect" --build "$build" "$@" "$case_file" . "$tree") >"$dir/out" 2>&1
}
finds()
{
	wanted=$(git -C "$repository" rev-parse "$1")
	shift
	bisected "$@"
	grep -q "^$wanted is the first bad commit" "$dir/out"
}
check 'bisect: which commit made it wrong' finds wrong builds base
git -C "$copy" checkout -q wrong
"$bisect" --build "$build" --tell "$case_file" "$copy" "$tree" >"$dir/good" 2>"$dir/err"
check 'bisect: the outcome is told' grep -q '^got ' "$dir/good"
check 'bisect: which commit changed it, what was wrong being the good' finds mended mended builds --good "$dir/good"
git -C "$copy" checkout -q broken
"$bisect" --build "$build" "$case_file" "$copy" "$tree" >"$dir/out" 2>"$dir/err"
check 'bisect: what does not build is skipped' test $? -eq 125
finish
