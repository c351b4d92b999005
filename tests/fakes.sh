# SPDX-License-Identifier: GPL-2.0-or-later
# Read by tests of scripts that see a PATH of fakes and nothing of this machine: a directory $top that goes, in it
# fakes/ and the $world that they read and write, and what is reported as TAP. A script ends with the plan, by
# count and failures.
# shellcheck shell=sh
top=$(mktemp -d) || exit 1
trap 'rm -rf "$top"' EXIT
trap 'exit 1' INT TERM HUP
world=$top/world
count=0 failures=0 passed=yes
mkdir "$top/fakes"

# Makes a fake of standard input, behind the lines $fake_begins.
fake() # NAME
{
	{
		printf '%s\n' '#!/bin/sh' "$fake_begins"
		cat
	} >"$top/fakes/$1"
	chmod +x "$top/fakes/$1"
}

same() # WHAT WANTED GOT
{
	[ "$2" = "$3" ] && return
	passed=no
	printf '%s\n' "$1: wanted" "$2" "$1: got" "$3" | sed 's/^/# /'
}

# $passed says how it went; $shell_name, where there is one, by which shell.
report() # NAME
{
	count=$((count + 1))
	if [ $passed = yes ]; then
		echo "ok $count - ${shell_name:+$shell_name: }$1"
	else
		echo "not ok $count - ${shell_name:+$shell_name: }$1"
		failures=$((failures + 1))
		sed 's/^/# err: /' "$world/err"
	fi
}
