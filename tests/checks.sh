# SPDX-License-Identifier: GPL-2.0-or-later
# Read by test scripts that try programs: a directory that goes, what the last run said in it (out,
# err), and checks that are told as TAP. A script ends with the plan, by n and failed.
# shellcheck shell=sh
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
n=0 failed=0

ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() {
	n=$((n + 1)) failed=$((failed + 1))
	echo "not ok $n - $1"
	head -n 20 "$dir/out" 2>/dev/null | sed 's/^/# out: /'
	head -n 20 "$dir/err" 2>/dev/null | sed 's/^/# err: /'
}
check() { # name, condition...
	name=$1
	shift
	if "$@"; then ok "$name"; else not_ok "$name"; fi
}
finish() { echo "1..$n"; exit $((failed > 0)); }
skip() { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; }
says() { grep -qF -e "$1" "$dir/out"; }
ends() { # status, and what standard output says
	[ $status -eq "$1" ] && says "$2"
}

# By the script's run(), which sets $status. Exit 2, nothing on stdout, exactly one line on stderr that holds the text.
wrong_use() { # text, arguments...
	text=$1
	shift
	run "$@"
	if [ $status -eq 2 ] && [ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/err")" -eq 1 ] &&
		grep -qF -e "$text" "$dir/err"; then
		ok "wrong use: $*"
	else
		echo "# exit status $status, expected 2 and: $text"
		not_ok "wrong use: $*"
	fi
}
