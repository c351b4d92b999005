#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
# Proves that what is installed works where it is and goes as it came, that the manual pages tell every
# command and option, and that the tarball is the same each time and builds without git.
set -u
build=${BUILD:-build}
programs='rdpmc-bench rdpmc-diff fuzz-rdpmc-replay'
. tests/checks.sh
prefix=/opt/rdpmc
root="$dir/a root"
bin=$root$prefix/bin
data=$root$prefix/share/rdpmc

run() { # program, arguments; sets $status
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
silent() { [ "$status" -eq 0 ] && [ ! -s "$dir/err" ]; }
make_in() { # directory, arguments
	run env MAKEFLAGS= make -s -C "$@" SETUP=no
}

pages=yes
command -v help2man >/dev/null || pages=no
make_in . BUILD="$build" DESTDIR="$root" PREFIX=$prefix MAN=$pages install
check "make install, to a directory with a blank in its name" test $status -eq 0
cat "$dir/err" >"$dir/made"
find "$root" -type f ! -perm 644 ! -path "$bin/*" ! -path "$data/results" >"$dir/out"
find "$bin" -type f ! -perm 755 >>"$dir/out"
check "programs are 755, files 644" test ! -s "$dir/out"

for program in $programs; do
	version=$("$build/$program" --version)
	run "$bin/$program" --version
	check "$program says the version" test "$(cat "$dir/out")" = "$version"
done
run "$bin/rdpmc-diff" engines
check "rdpmc-diff engines" ends 0 "engines can run here"
run "$bin/rdpmc-diff" run "$data/corpus/seeds"
check "rdpmc-diff run, all seeds" ends 0 "$(find corpus/seeds -type f | wc -l) cases"
run "$bin/fuzz-rdpmc-replay" "$data/corpus/seeds"
check "fuzz-rdpmc-replay, all seeds" ends 0 "No finding in what was tried: $(find corpus/seeds -type f | wc -l) cases"
for program in $programs rdpmc-results; do
	run cmp scripts/completion.bash "$root$prefix/share/bash-completion/completions/$program"
	check "completion of $program" silent
done
run cmp scripts/rdpmc-campaign.service "$root$prefix/share/doc/rdpmc/examples/rdpmc-campaign.service"
check "the campaign's unit, as an example" silent
run cmp results/rdpmc-results-2.schema.json "$data/rdpmc-results-2.schema.json"
check "the schema" silent
if "$bin/rdpmc-bench" list >"$dir/out" 2>"$dir/err"; then
	run "$bin/rdpmc-bench" run --time 1 --runs 1 --filter 'control/rdtsc/cpl3' --json "$dir/bench.json"
	check "rdpmc-bench runs" ends 0 "rdtsc/cpl3"
else
	skip "rdpmc-bench runs" "$(cat "$dir/err")"
	cp results/recorded/2026-11-22-pvm-no-pmu.json "$dir/bench.json"
fi
if /usr/bin/python3 -c 'import scipy' 2>/dev/null; then
	run "$bin/rdpmc-results" export --format csv "$dir/bench.json"
	check "rdpmc-results reads what it wrote" ends 0 "control/rdtsc/cpl3"
	run "$bin/rdpmc-results" nonsense
	check "... and calls itself so" test $status -eq 2 -a "$(grep -c '^rdpmc-results: ' "$dir/err")" -eq 1
	run "$bin/rdpmc-results" dashboard --help
	check "... and has its parts" ends 0 usage
	find "$data" -name __pycache__ >"$dir/out"
	check "... and leaves nothing behind" test ! -s "$dir/out"
else
	for name in "rdpmc-results reads what it wrote" "... and calls itself so" "... and has its parts" "... and leaves nothing behind"; do
		skip "$name" "no SciPy"
	done
fi

# Only a kernel's engine has known differences: the emulator says that it is one.
cat >"$dir/kernel.c" <<'END'
#define engine_emulator original
#include "fuzz/engines/emulator/engine_emulator_inlined.c"
__attribute__((visibility("default"))) struct engine rdpmc_engine;
__attribute__((constructor)) static void make(void)
{
	rdpmc_engine = original;
	rdpmc_engine.version = "6.12";
}
END
run "${CC:-gcc}" -I. -D_GNU_SOURCE -std=gnu11 -shared -fPIC -o "$dir/kernel.so" "$dir/kernel.c"
check "an engine as a shared object" test $status -eq 0
unset RDPMC_KNOWN
listed() { tr -s ' \n' ' ' <"$dir/out" | sed -n "s|.* known \([0-9]*\) differences are listed in $1 .*|\1|p"; }
run env RDPMC_KNOWN=fuzz/oracle/known "$bin/rdpmc-diff" survey --engine "$dir/kernel.so" --configuration sapphire-rapids
all=$(listed fuzz/oracle/known)
run "$bin/rdpmc-diff" survey --engine "$dir/kernel.so" --configuration sapphire-rapids
check "known differences are found where they are installed" test $status -eq 0 -a ! -s "$dir/err" -a \
	"$(listed share/rdpmc/known)" = "${all:-none}"
mv "$data/known" "$data/elsewhere"
run "$bin/rdpmc-diff" run --engine "$dir/kernel.so" "$data/corpus/seeds"
check "... and not in the tree" grep -q '^rdpmc-diff: no known differences found' "$dir/err"
run env RDPMC_KNOWN="$data/elsewhere" "$bin/rdpmc-diff" run --engine "$dir/kernel.so" "$data/corpus/seeds"
check "... but where RDPMC_KNOWN says" silent
mv "$data/elsewhere" "$data/known"
mkdir -p "$root$prefix/fuzz/oracle/known" && echo '["of the tree"]' >"$root$prefix/fuzz/oracle/known/a.json"
run "$bin/rdpmc-diff" run --engine "$dir/kernel.so" "$data/corpus/seeds"
check "... after those of a tree" grep -qF "fuzz/oracle/known/a.json: the file:" "$dir/err"
rm -r "$root$prefix/fuzz"

# What a journal is kept for: a program that does not end by itself. Not beside an installed program.
journal_in() # directory
{
	HOME=$dir/home "$bin/rdpmc-diff" run --engine kvm --random 100M >"$dir/out" 2>"$dir/err" &
	tries=200
	until [ -n "$(find "$1" -name 'journal.*' -size +4k 2>/dev/null)" ] || [ $tries -eq 0 ]; do
		tries=$((tries - 1))
		sleep 0.05
	done
	kill -9 $!
	wait $! 2>/dev/null
	run env HOME="$dir/home" "$bin/rdpmc-diff" run --engine kvm --random 10
	[ $status -eq 0 ] && grep -qF "an earlier run did not end: $1/journal." "$dir/err"
}
# Asked of the program: the test may run as another host.
if HOME=$dir/home "$bin/rdpmc-diff" run --engine kvm --random 1 >/dev/null 2>&1; then
	check "an installed program's journal is in the user's state" journal_in "$dir/home/.local/state/rdpmc"
	export XDG_STATE_HOME="$dir/state"
	check "... where XDG_STATE_HOME says" journal_in "$dir/state/rdpmc"
	unset XDG_STATE_HOME
	check "... and not beside it" test "$(find "$root" -name 'journal*' | wc -l)" -eq 0
else
	for name in "an installed program's journal is in the user's state" "... where XDG_STATE_HOME says" \
		"... and not beside it"; do skip "$name" "the engine kvm cannot run here"; done
fi

# The page as text, without what the hyphens and bold letters of a terminal do.
text() { MANWIDTH=1000 man -l "$man/$program.1" 2>/dev/null | col -bx; }
man=$root$prefix/share/man/man1
if [ $pages = no ]; then
	for name in $programs; do skip "page: $name" "no help2man"; done
else
	for program in $programs rdpmc-results; do
		if [ $program = rdpmc-results ] && [ ! -e "$man/$program.1" ]; then
			check "page: $program, none without SciPy" grep -qF "SciPy is missing" "$dir/made"
			continue
		fi
		if ! command -v man >/dev/null; then
			skip "page: $program" "no man"
			continue
		fi
		run man -l --warnings "$man/$program.1"
		check "page: $program, man has no warning" silent
		text >"$dir/text"
		sections="NAME SYNOPSIS DESCRIPTION EXIT.STATUS ENVIRONMENT FILES SEE.ALSO"
		[ $program != rdpmc-results ] || sections="NAME SYNOPSIS DESCRIPTION COMMANDS SEE.ALSO"
		for section in $sections; do
			grep -qx "$section" "$dir/text" || echo "no section $section"
		done >"$dir/out"
		"$bin/$program" --help | sed -n 's/^ \{2,4\}\([a-z]\{1,\}\)\(  .*\)*$/\1/p' >"$dir/commands"
		while read -r command; do
			# From the command's heading to the next.
			awk -v from="   $command" '$0 == from { on = 1; next } on && /^[^ ]|^   [^ ]/ { exit } on' \
				"$dir/text" >"$dir/part"
			[ -s "$dir/part" ] || echo "no command $command"
			"$bin/$program" "$command" --help | sed -n 's/^ \{2,6\}\(-[^,]*, \)\{0,1\}\(--[a-z-]*\).*/\2/p' |
				grep -vx -e --help -e --usage |
				while read -r option; do
					grep -qE -e "^ +(-., )?$option([=, ]|\$)" "$dir/part" || echo "$command: no $option"
				done
		done <"$dir/commands" >>"$dir/out"
		check "page: $program has its sections, commands and options" test ! -s "$dir/out"
		# shellcheck disable=SC2013 # words
		for name in $(grep -rohE --include='*.c' 'getenv[(]"[A-Z_]+"' bench fuzz lib | grep -oE '[A-Z_]{3,}' | sort -u); do
			grep -qwe "$name" "$dir"/text.* "$dir/text" 2>/dev/null || echo "$name"
		done >"$dir/unnamed"
		mv "$dir/text" "$dir/text.$program"
	done
	mv "$dir/unnamed" "$dir/out"
	check "pages: every variable that a program asks for" test ! -s "$dir/out" -a -s "$dir/text.rdpmc-diff"
	if command -v mandoc >/dev/null; then
		# help2man writes the date by its month.
		(cd "$man" && mandoc -T lint -W warning ./*.1) | grep -v 'cannot parse date' >"$dir/out"
		check "pages: mandoc has no warning" test ! -s "$dir/out"
	else
		skip "pages: mandoc has no warning" "no mandoc"
	fi
fi

echo mine >"$data/known/mine.json"
make_in . BUILD="$build" DESTDIR="$root" PREFIX=$prefix uninstall
check "make uninstall" silent
find "$root" ! -type d >"$dir/out"
check "... leaves nothing but what was not installed" test "$(cat "$dir/out")" = "$data/known/mine.json"
rm "$data/known/mine.json"
make_in . BUILD="$build" DESTDIR="$root" PREFIX=$prefix uninstall
check "... a second time, and no directory of ours" test $status -eq 0 -a ! -e "$data" -a ! -e "$root$prefix/share/doc/rdpmc"

# A repository of the tree as it is here: what is committed, what is not, and nothing that git ignores.
if ! command -v git >/dev/null || ! command -v xz >/dev/null; then
	skip "the tarball" "no git, or no xz"
	echo "1..$n"
	exit $((failed > 0))
fi
git_in() { # directory, arguments
	in=$1
	shift
	HOME=$dir GIT_CONFIG_NOSYSTEM=1 git -C "$in" -c user.name=nobody -c user.email=nobody@localhost \
		-c commit.gpgsign=false "$@"
}
value() { printf 'show:\n\t@echo "$(%s)"\n' VERSION | make -s -C "$1" -f Makefile -f - show; } # directory
tree=$dir/tree
mkdir "$tree"
if git -c safe.directory='*' ls-files -coz --exclude-standard >"$dir/files" 2>/dev/null; then
	tar --null --ignore-failed-read -T "$dir/files" -c 2>/dev/null | tar -x -C "$tree"
else
	tar --exclude='./build*' -c . | tar -x -C "$tree"
	read -r number commit <VERSION
	[ "$commit" = "${commit#*:}" ] && echo "$number \$Format:%h\$" >"$tree/VERSION"
fi
read -r number _ <VERSION
check "version: one number, without git" test "$(value "$tree")" = "$number"
(git_in "$tree" init -q && git_in "$tree" add -A && git_in "$tree" commit -qm tree) >/dev/null 2>&1
commit=$(git_in "$tree" rev-parse --short=7 HEAD)
check "version: with the commit" test "$(value "$tree")" = "$number+g$commit"
echo >>"$tree/README.md"
check "version: with changes" test "$(value "$tree")" = "$number+g$commit-dirty"
archive=rdpmc-$number+g$commit
make_in "$tree" BUILD="$dir/one" dist
check "make dist" ends 0 "$dir/one/$archive.tar.xz"
(umask 077 && sleep 1 && touch "$tree"/*/* && make -s -C "$tree" SETUP=no BUILD="$dir/other" dist) >/dev/null 2>&1
check "... again: the same bytes" cmp -s "$dir/one/$archive.tar.xz" "$dir/other/$archive.tar.xz"
# Inside of another repository, which is nobody to ask.
tar -xf "$dir/one/$archive.tar.xz" -C "$tree" 2>"$dir/err"
tree=$tree/$archive
check "... what is committed, in one directory" test -f "$tree/Makefile" -a ! -e "$tree/.git" -a \
	"$(tail -c 1 "$tree/README.md" | wc -l)" -eq 1 -a "$(wc -l <"$tree/README.md")" -eq "$(wc -l <README.md)"
run env MAKEFLAGS= make -s -C "$tree" SETUP=no BUILD=build ${CC:+CC="$CC"} CFLAGS=-O1 -j "$(nproc)" \
	build/rdpmc-diff build/fuzz-rdpmc-replay
check "... builds" test $status -eq 0
for program in rdpmc-diff fuzz-rdpmc-replay; do
	run "$tree/build/$program" --version
	check "... $program says the version" test "$(cat "$dir/out")" = "$program $number+g$commit"
	# shellcheck disable=SC2046 # a word, or none
	run "$tree/build/$program" $(echo "$program" | sed -n "s/rdpmc-diff/run/p") "$tree/corpus/seeds"
	check "... $program runs" ends 0 "No finding"
done

echo "1..$n"
exit $((failed > 0))
