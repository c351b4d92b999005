#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, long
# Proves `rdpmc-diff triage`: one page for each mutant of the catalogue however many cases show it, a page
# that suffices to repeat it, what is flaky or known apart, no page half written.
set -u

cd "$(dirname "$0")/.." || exit 1
. tests/checks.sh
build=${BUILD:-build}
diff=$build/rdpmc-diff

run()
{
	"$diff" triage "$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}

make -s -j"$(nproc)" SETUP=no BUILD="$build" mutants-plain "$diff" >"$dir/out" 2>&1 || {
	not_ok 'the catalogue builds'
	echo "1..$n"
	exit 1
}
mutant() { echo "$build/mutants/$1/plain.so"; }

# What the seeds and some thousand cases show of a mutant, a case of each kind, into $dir/$1. Few are so
# rare that it takes more.
save()
{
	mkdir -p "$dir/$1/seeds"
	"$diff" run -q --engine "$(mutant "$1")" --save "$dir/$1/seeds" corpus/seeds >/dev/null 2>&1
	for cases in 5K 5M; do
		"$diff" run -q --engine "$(mutant "$1")" --random $cases --save "$dir/$1" >/dev/null 2>&1
		[ -z "$(find "$dir/$1" -name 'finding-*')" ] || break
	done
}

# --- one page for each mutant, from all that shows it ---
mutants=0 kinds=0 bad=''
for patch in fuzz/mutants/patches/*.patch; do
	some=$(basename "$patch" .patch)
	save "$some"
	run --engine "$(mutant "$some")" --into "$dir/$some/pages" "$dir/$some"
	pages=$(find "$dir/$some/pages" -mindepth 1 -maxdepth 1 | wc -l)
	[ "$pages" -eq 1 ] && [ $status -eq 1 ] || bad="$bad $some:$pages"
	mutants=$((mutants + 1))
	kinds=$((kinds + $(find "$dir/$some" -name 'finding-*' | wc -l)))
done
echo "# figure: $mutants mutants, $kinds kinds of findings, a page for each mutant"
echo "$bad" >"$dir/out"
check 'each mutant has exactly one page' [ -z "$bad" ]

# --- the page ---
some=v61-fast-bit
page=$(echo "$dir/$some"/pages/*)
cp "$page/finding.md" "$dir/out"
for what in '# got a value, expected #GP (rule NO-FAST)' '| source | SDM' '| reproduced | in 3 of 3 tries |' \
	'expected #GP(0)' '## Who shares it' '## How to repeat it' '| reached by |'; do
	check "the page says: $what" says "$what"
done
sed -n '/for `xxd -r -p`/,/^## /p' "$page/finding.md" | grep -E '^[0-9a-f]+$' | head -n 5 |
	/usr/bin/python3 -c 'import sys
sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' >"$dir/bytes"
check 'its bytes are the case' cmp -s "$dir/bytes" "$page/case"
"$diff" run -q --engine "$(mutant $some)" "$page/case" >"$dir/out" 2>&1
check 'its case repeats it' [ $? -eq 1 ]
forms=$(find "$dir/leaf23-swapped/pages" -name 'form-*' | wc -l)
rows=$(grep -c '^| `form-' "$dir"/leaf23-swapped/pages/*/finding.md)
sections=$(grep -c '^## .*(`form-' "$dir"/leaf23-swapped/pages/*/finding.md)
check 'each form has its row and its section' [ "$forms" -gt 1 -a "$forms" -eq "$rows" -a "$forms" -eq "$sections" ]

# --- again ---
cp -r "$dir/$some/pages" "$dir/before"
run --engine "$(mutant $some)" --into "$dir/$some/pages" "$dir/$some"
check 'a second time nothing is new: exit 0' [ $status -eq 0 ]
check 'and the page is as it was' diff -r "$dir/before" "$dir/$some/pages"
run --engine "$(mutant $some)" --into "$dir/$some/pages" --json "$dir/json" "$page/case"
check 'as JSON: again, seen 3 times of 3' /usr/bin/python3 -c '
import json, sys
row, = json.load(open(sys.argv[1]))
assert (row["verdict"], row["seen"], row["times"]) == ("again", 3, 3), row
assert row["page"] == sys.argv[2].rsplit("/", 1)[1], row' "$dir/json" "$page"

# --- two defects that have nothing to do with each other: two pages ---
run --engine "$(mutant v61-fast-bit)" --into "$dir/two" "$dir/v61-fast-bit"
run --engine "$(mutant pass-metrics)" --into "$dir/two" "$dir/pass-metrics"
check 'another engine'\''s finding has a page of its own' [ "$(find "$dir/two" -name finding.md | wc -l)" -eq 2 ]

# --- a killed triage leaves a page whole or not there ---
mkdir -p "$dir/half"
lost=0
for k in 1 2 3 4 5 6 7 8 9 10; do
	timeout -s KILL "0.00$k" "$diff" triage --engine "$(mutant leaf23-swapped)" --into "$dir/half" \
		"$dir/leaf23-swapped" >/dev/null 2>&1
	for each in "$dir"/half/*/; do
		[ ! -d "$each" ] || { [ -s "$each/finding.md" ] && [ -s "$each/case" ]; } || lost=$((lost + 1))
	done
done
check 'killed at any moment no page is half there' [ $lost -eq 0 ]
run --engine "$(mutant leaf23-swapped)" --into "$dir/half" "$dir/leaf23-swapped"
rows=$(grep -c '^| `form-' "$dir"/half/*/finding.md)
check 'and the next one finishes it' [ "$(find "$dir/half" -name 'form-*' | wc -l)" -eq "$rows" ]

# --- who shares it, what is nothing, what is flaky ---
run --engine "$(mutant width-63)" --engine emulator --engine "$(mutant v61-fast-bit)" --into "$dir/shared" "$dir/width-63"
cat "$dir"/shared/*/finding.md >"$dir/out"
check 'engines that agree are told' says '| `emulator` | answers as expected |'
run --into "$dir/none" corpus/seeds
check 'what shows nothing: exit 0, no page' [ $status -eq 0 -a -z "$(ls "$dir/none")" ]
clang -shared -fPIC -fvisibility=hidden -O1 -I. -D_GNU_SOURCE -std=gnu11 -DFLAKY_EVERY=5 -DFLAKY -DENGINE_NAME='"flaky"' \
	tests/campaign/engine.c -o "$dir/flaky.so" 2>"$dir/err"
head -c 132 /dev/zero >"$dir/zero"
run --engine "$dir/flaky.so" --times 9 --into "$dir/none" "$dir/zero"
check 'what is not seen each time is flaky, and has no page' says ': flaky, seen '
check 'and no page' [ -z "$(ls "$dir/none")" ]

# --- the page's command says how it was found ---
run --engine "$(mutant v61-fast-bit)" --known none --choice metrics-any-index --into "$dir/choice" "$page/case"
cat "$dir"/choice/*/finding.md >"$dir/out"
check 'the command names what is known, and choices' says "plain.so --known none --choice metrics-any-index $dir/choice/"
printf x >"$dir/$(printf 'not-\377-utf8')"
run --engine "$(mutant v61-fast-bit)" --into "$dir/none" "$dir/$(printf 'not-\377-utf8')"
check 'a name that JSON cannot hold: exit 2, one line' [ $status -eq 2 -a "$(wc -l <"$dir/err")" -eq 1 ]

# --- what was found once is kept by a command ---
mkdir "$dir/regressions"
keep()
{
	BUILD=$build scripts/regression --into "$dir/regressions" "$@" >"$dir/out" 2>"$dir/err"
	status=$?
}
keep "$page" "$dir"/leaf23-swapped/pages/*
check 'the cases of pages are kept' [ $status -eq 0 ]
for case in "$page"/case "$dir"/leaf23-swapped/pages/*/case "$dir"/leaf23-swapped/pages/*/form-*; do
	find "$dir/regressions" -type f -exec cmp -s "$case" {} \; -print | grep -q . || status=1
done
check 'each as it is' [ $status -eq 0 ]
count=$(find "$dir/regressions" -type f | wc -l)
check 'with all their forms' [ "$count" -gt 5 ]
cp "$page/case" "$dir/copy"
keep "$page" "$dir/copy"
check 'what is there is not kept twice' [ $status -eq 0 -a "$(find "$dir/regressions" -type f | wc -l)" -eq "$count" ]
for bad in '' nosuch "$dir" "$build/rdpmc-diff"; do
	# shellcheck disable=SC2086 # nothing is no argument
	keep ${bad:+"$bad"}
	check "no case: '$(basename "$bad")': exit 2, one line" [ $status -eq 2 -a "$(wc -l <"$dir/err")" -eq 1 -a ! -s "$dir/out" ]
done
"$diff" run --quiet corpus/regressions >"$dir/out" 2>"$dir/err"
status=$?
check 'corpus/regressions: the emulator agrees' [ $status -eq 0 -a ! -s "$dir/out" ]
check 'and there are some' [ -n "$(find corpus/regressions -type f ! -name '.*')" ]

# --- wrong use ---
wrong_use 'name a FILE'
wrong_use "'maybe' is not a whole number" --times maybe corpus/seeds
wrong_use 'nosuch' --into "$dir/none" nosuch
wrong_use '--into: /dev/null/x' --into /dev/null/x corpus/seeds
wrong_use 'there is no such engine' --engine nosuch corpus/seeds
mkdir "$dir/full"
if mount -t tmpfs -o size=16k none "$dir/full" 2>/dev/null; then
	head -c 16384 /dev/zero >"$dir/full/ballast" 2>/dev/null
	run --engine "$(mutant $some)" --into "$dir/full" "$page/case"
	check 'a full disk: exit 2, and says so' [ $status -eq 2 ]
	check 'nothing is half there' [ -z "$(find "$dir/full" -mindepth 1 ! -name ballast)" ]
	umount "$dir/full"
else
	skip 'a full disk' 'no tmpfs can be mounted here'
fi

echo "1..$n"
[ $failed -eq 0 ]
