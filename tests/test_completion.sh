#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
# Proves that bash completes the programs' commands, options and files, by what --help says and nothing else.
set -u
. tests/checks.sh
build=${BUILD:-build}
case $build in /*) ;; *) build=$PWD/$build ;; esac

if ! command -v bash >/dev/null; then
	skip "completion" "no bash"
	echo "1..$n"
	exit 0
fi
mkdir "$dir/bin" "$dir/here" "$dir/here/a folder"
touch "$dir/here/file.json"
for program in rdpmc-bench rdpmc-diff fuzz-rdpmc-replay; do
	ln -s "$build/$program" "$dir/bin/$program"
done
analysis=yes
/usr/bin/python3 -c 'import scipy' 2>/dev/null && ln -s "$PWD/scripts/results" "$dir/bin/rdpmc-results" || analysis=no

# What is offered for the last of some words, one a line; bash makes a word of each "=".
cat >"$dir/offer" <<'OFFER'
. "$0"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
complete -p "$1" | grep -q _rdpmc || exit 1
_rdpmc "$1"
printf '%s\n' "${COMPREPLY[@]}"
OFFER
completion=$PWD/scripts/completion.bash
run() {
	(cd "$dir/here" && PATH=$dir/bin:$PATH && offered=$(bash -c "$(cat "$dir/offer")" "$completion" "$@") && echo "$offered" | sort) \
		>"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
offers() { # what, on one line, words...
	expected=$1
	shift
	run "$@"
	check "$*: $expected" test $status -eq 0 -a ! -s "$dir/err" -a "$(tr '\n' ' ' <"$dir/out")" = "$expected "
}

# All of a help's commands and options, however it is laid out.
commands_are_offered() { # program
	"$dir/bin/$1" --help | sed -n 's/^ \{2,4\}\([a-z]\{2,\}\)\(  .*\)*$/\1/p' | sort >"$dir/commands"
	run "$1" ''
	check "$1: its commands" test -s "$dir/commands" -a "$(grep -v '^-' "$dir/out" | cmp - "$dir/commands" | wc -l)" -eq 0
	while read -r command; do
		"$dir/bin/$1" "$command" --help | grep -oE '^ {2,6}(-[^ ,]( [A-Z]+)?, )?--[a-z-]+' | sed 's/.*--/--/' | sort >"$dir/options"
		run "$1" "$command" --
		check "$1 $command: its options" test -s "$dir/options" -a "$(sed 's/=$//' "$dir/out" | cmp - "$dir/options" | wc -l)" -eq 0
	done <"$dir/commands"
}
commands_are_offered rdpmc-bench
commands_are_offered rdpmc-diff

offers 'doctor' rdpmc-bench d
offers '--help --version' rdpmc-bench -
offers '--vcpus= --vpmu=' rdpmc-bench run --quick --v
offers '--list' rdpmc-bench run --li
offers '' rdpmc-bench run --nothing
offers '' rdpmc-bench nothing --
offers 'user' rdpmc-bench list --vpmu = ''
offers 'user' rdpmc-bench list --vpmu u
offers 'a folder file.json' rdpmc-bench run --json ''
offers 'file.json' rdpmc-bench run --json = f
offers '' rdpmc-bench run --runs ''
offers '' rdpmc-bench run f
offers 'file.json' rdpmc-diff explain f
offers 'a folder' rdpmc-diff run --quiet --save a
offers 'a folder' rdpmc-diff seeds --seed = 3 a
offers '' rdpmc-diff engines f
offers 'file.json' fuzz-rdpmc-replay f
if [ $analysis = yes ]; then
	commands_are_offered rdpmc-results
	offers 'aa ab' rdpmc-results a
	offers 'file.json' rdpmc-results compare --margin 3 f
	offers 'file.json' rdpmc-results trend f
	offers '' rdpmc-results trend --magnitude f
	offers 'file.json' rdpmc-results dashboard --out f
else
	skip "rdpmc-results" "no SciPy"
fi

echo "1..$n"
exit $((failed > 0))
