#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, long
# Proves that the Debian package holds what make install installs and nothing that is not Debian's way of it, that
# lintian has no word about it, that it wants no package which a bare Debian lacks, and that its programs run.
set -u
. tests/checks.sh
build=${BUILD:-build}

run() { # program, arguments; sets $status
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
}
done_here() {
	echo "1..$n"
	exit $((failed > 0))
}

run env SETUP=no scripts/setup deb
[ $status -ne 0 ] || run dpkg-checkbuilddeps scripts/debian/control
if [ $status -ne 0 ]; then
	skip "the package" "$(head -n 1 "$dir/err")"
	done_here
fi
run env MAKEFLAGS= make -s BUILD="$build" SETUP=no deb
check "make deb" test $status -eq 0 -a ! -s "$dir/err" -a "$(wc -l <"$dir/out")" -eq 1
package=$(sed -n 's/^made //p' "$dir/out")
[ -f "$package" ] || { not_ok "... a file of the name it says"; done_here; }
check "... the only one in $build" test "$(find "$build" -maxdepth 1 -name '*.deb' | wc -l)" -eq 1

if command -v lintian >/dev/null; then
	# It says so of root, whom a build may well be.
	run lintian --pedantic --display-info "$package"
	grep -v 'running with root privileges' "$dir/err" >>"$dir/out"
	check "lintian has no word about it" test $status -eq 0 -a ! -s "$dir/out"
else
	skip "lintian has no word about it" "no lintian"
fi

mkdir "$dir/package" "$dir/installed"
dpkg-deb -x "$package" "$dir/package"
run env MAKEFLAGS= make -s BUILD="$build" SETUP=no DESTDIR="$dir/installed" PREFIX=/usr install
check "make install, to compare" test $status -eq 0

field() { dpkg-deb -f "$package" "$1"; }
check "version: the build's" test "$(field Version)" = "$(tr - + <"$build/version")"
# What a bare Debian has: the C library, and what apt needs itself.
field Depends | tr -s ', ' '\n' | grep -v '[()]\|^[0-9]' | sort >"$dir/out"
check "wants no package that a bare Debian lacks" test "$(tr '\n' ' ' <"$dir/out")" = "libc6 libudev1 "
check "rdpmc-results' needs are recommended" test "$(field Recommends)" = python3-scipy
check "says what is linked in" test "$(field Built-Using | grep -c '^hwloc (= .*), jansson (= ')" -eq 1

list() { # directory
	(cd "$1" && find . ! -type d | sed -e 's/^\.//' -e 's/\(man1\/.*\)\.gz$/\1/' | sort)
}
list "$dir/installed" >"$dir/wanted"
list "$dir/package" | grep -v '^/usr/share/lintian/\|^/usr/share/doc/rdpmc/c' >"$dir/got"
diff "$dir/wanted" "$dir/got" >"$dir/out"
check "holds what make install installs: $(wc -l <"$dir/got") files" test ! -s "$dir/out" -a -s "$dir/got"
list "$dir/package" | sed -n 's/^\/usr\/share\/doc\/rdpmc\/c/c/p' | tr '\n' ' ' >"$dir/out"
check "... and Debian's own documents" test "$(cat "$dir/out")" = "changelog.gz copyright copyright.hwloc copyright.jansson "

bin=$dir/package/usr/bin
for program in rdpmc-bench rdpmc-diff fuzz-rdpmc-replay; do
	run "$bin/$program" --version
	check "$program runs, of the same version" ends 0 "$program $(cat "$build/version")"
done
run "$bin/fuzz-rdpmc-replay" "$dir/package/usr/share/rdpmc/corpus/seeds"
check "fuzz-rdpmc-replay, all seeds" ends 0 "No finding"
run "$bin/rdpmc-bench" doctor -v
check "rdpmc-bench looks at the host" says clocksource

done_here
