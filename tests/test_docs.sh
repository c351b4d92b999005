#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
# Proves that README.md is short, that every relative link and anchor of the pages resolves, that every page is in
# the index, and that the targets and options which their code names exist. And that each mistake of these is refused.
# shellcheck disable=SC2016 # Markdown
set -u
. tests/checks.sh
build=${BUILD:-build}

run() # of the tree $1; sets $status
{
	tests/check_docs.py "$1" "$build" "$dir/help" >"$dir/out" 2>"$dir/err"
	status=$?
}

run .
check "README.md and the pages are as they should be" test $status -eq 0 -a ! -s "$dir/err"
check "... and there was something to look at" \
	test "$(awk '{ print ($1 > 100 && $3 > 100 && $5 > 50) }' "$dir/out")" = 1

# A copy: what is changed is a file of its own, all else a link.
fresh()
{
	rm -rf "$dir/tree"
	mkdir "$dir/tree"
	for file in *; do
		[ "$file" = "${build%%/*}" ] || ln -s "$PWD/$file" "$dir/tree/$file"
	done
	rm "$dir/tree/README.md" "$dir/tree/docs" "$dir/tree/fuzz"
	cp README.md "$dir/tree"
	cp -R docs "$dir/tree"
	mkdir "$dir/tree/fuzz"
	for file in fuzz/*; do
		ln -s "$PWD/$file" "$dir/tree/$file"
	done
	rm "$dir/tree/fuzz/README.md"
	cp fuzz/README.md "$dir/tree/fuzz"
}
refused() { # what, page, what is said of it
	run "$dir/tree"
	check "refused: $1" test $status -eq 1 -a "$(wc -l <"$dir/out")" -eq 1 -a -z "$(grep -vF -e "$3" "$dir/out")" \
		-a "$(cut -d: -f1 "$dir/out")" = "$2" -a ! -s "$dir/err"
}
planted() { # what, page, text that is added, what is said of it
	fresh
	printf '\n%s\n' "$3" >>"$dir/tree/$2"
	refused "$1" "$2" "$4"
}
allowed() { # what, page, text that is added
	fresh
	printf '\n%s\n' "$3" >>"$dir/tree/$2"
	run "$dir/tree"
	check "allowed: $1" test $status -eq 0 -a ! -s "$dir/err"
}

fresh
run "$dir/tree"
check "a copy is as good" test $status -eq 0 -a ! -s "$dir/err"

fresh
yes x | head -n $((151 - $(wc -l <README.md))) >>"$dir/tree/README.md"
refused "a README of 151 lines" README.md "151 lines"
fresh
sed "1s/.*/$(printf '%0120d' 0)/" README.md >"$dir/tree/README.md"
run "$dir/tree"
check "allowed: 120 columns" test $status -eq 0
sed "1s/.*/$(printf '%0121d' 0)/" README.md >"$dir/tree/README.md"
refused "a README of 121 columns" README.md "121 columns"
fresh
sed "1s/.*/$(printf '%0119d' 0)ä/" README.md >"$dir/tree/README.md"
run "$dir/tree"
check "allowed: 120 columns of more bytes" test $status -eq 0

planted "a link to no file" docs/method.md '[x](nowhere.md)' 'nowhere.md: no such file'
planted "... in fuzz/" fuzz/README.md '[x](../docs/nowhere.md)' 'nowhere.md: no such file'
planted "... whose text goes on in the next line" docs/method.md '[one
two](nowhere.md)' 'nowhere.md: no such file'
planted "a picture of no file" docs/method.md '![x](../results/nowhere.png)' 'nowhere.png: no such file'
planted "an anchor of another page" docs/method.md '[x](hosts.md#nowhere)' 'hosts.md#nowhere: no such heading'
planted "an anchor of this page" docs/method.md '[x](#nowhere)' '#nowhere: no such heading'
planted "an anchor that is in code only" docs/method.md '[x](#nowhere)

    # nowhere' '#nowhere: no such heading'
allowed "links" docs/method.md '[x](hosts.md), [y](#the-loop), [z](https://example.org/nowhere), `[x](code.md)`'
allowed "the second of two equal headings" docs/method.md '# The `loop`

[x](#the-loop-1)'

fresh
echo '# New' >"$dir/tree/docs/new.md"
refused "a page that is not in the index" docs/README.md 'new.md is not in the index'

planted "an unknown target" docs/method.md '    make nothing' 'make nothing: no such target'
planted "... behind another command" docs/method.md '    cd x && make -s bench nothing A=B # why' 'make nothing'
planted "... in a fence" docs/method.md '```
make nothing
```' 'make nothing: no such target'
planted "... in a span" README.md 'Say `make nothing`.' 'make nothing: no such target'
allowed "targets" docs/method.md "    make BENCH_ARGS='--quick nothing' bench      # make nothing
    make -C ~/linux nothing"

planted "an unknown option of rdpmc-bench" docs/method.md '    build/rdpmc-bench run --nothing' '--nothing is in no --help'
planted "... that a known one begins with" docs/method.md '    rdpmc-bench run --vcp 8' '--vcp is in no --help'
planted "... that begins with a known one" docs/method.md '    rdpmc-bench run --timed=8' '--timed is in no --help'
planted "... of another command of its own" docs/method.md '    scripts/results trend --margin 2' '--margin is in no --help'
planted "... of rdpmc-diff" docs/method.md '    build/rdpmc-diff run --nothing' 'rdpmc-diff: --nothing is in no --help'
planted "... of a script" docs/method.md '    scripts/machine run --nothing' 'scripts/machine: --nothing is in no --help'
planted "... of a program in a machine" docs/method.md '    scripts/machine run --cpu x -- rdpmc-bench run --nothing' \
	'rdpmc-bench: --nothing'
planted "... in a span" README.md 'Say `rdpmc-diff run --nothing`.' '--nothing is in no --help'
planted "an unknown command" docs/method.md '    build/rdpmc-diff nothing' 'rdpmc-diff nothing: no such command'
allowed "options" docs/method.md '    build/rdpmc-bench run --vcpus 8 | x --nothing; y --nothing'

echo "1..$n"
exit $((failed > 0))
