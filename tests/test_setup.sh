#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
#
# Proves that scripts/setup asks for what is missing and nothing else, and takes each of its ways
# out as documented. It sees a PATH of fakes only, so nothing is installed on this machine.
set -u

setup=$(cd "$(dirname "$0")/.." && pwd)/scripts/setup
. "$(dirname "$0")/fakes.sh"

# The fakes. Each reads the world it is in: has/ holds libraries, headers and modules, user the
# user id, mode what apt-get does (slow: takes until another setup has said something).
fake_begins="world='$world' fakes='$top/fakes' tools='$PATH'"

for name in make patch afl-fuzz llvm-cov flex bison bc xz ccache g++ strip zstd npm chromium help2man zip dh lintian; do
	fake $name </dev/null
done
for name in gcc clang clang-14; do
	fake $name <<'END'
case $* in
*-fsanitize=fuzzer*)	[ -e "$world/has/libfuzzer" ] ;;
-E*)			[ -e "$world/has/libelf" ] ;;
*)			[ -e "$world/has/libc" ] ;;
esac
END
done
fake pkg-config <<'END'
[ "$1" = --exists ] && [ -e "$world/has/$2" ]
END
fake python3 <<'END'
for module; do :; done
[ -e "$world/has/$module" ]
END
fake id <<'END'
[ "$*" = -u ] && read -r user <"$world/user" && echo "$user"
END
fake sleep <<'END'
echo "sleep $*" >>"$world/log"
END
fake sudo <<'END'
echo "sudo $*" >>"$world/log"
END
fake supply <<'END'
PATH=$tools
for package; do
	case $package in
	libc6-dev)		touch "$world/has/libc" ;;
	libhwloc-dev)		touch "$world/has/hwloc" ;;
	libjansson-dev)		touch "$world/has/jansson" ;;
	libcmocka-dev)		touch "$world/has/cmocka" ;;
	libclang-rt-dev)	touch "$world/has/libfuzzer" ;;
	llvm)			cp "$fakes/llvm-cov" "$world/bin/llvm-cov" ;;
	libelf-dev)		touch "$world/has/libelf" ;;
	binutils)		cp "$fakes/strip" "$world/bin/strip" ;;
	debhelper)		cp "$fakes/dh" "$world/bin/dh" ;;
	xz-utils)		cp "$fakes/xz" "$world/bin/xz" ;;
	afl++)			cp "$fakes/afl-fuzz" "$world/bin/afl-fuzz" ;;
	python3-*)		touch "$world/has/${package#python3-}" ;;
	python3)		cp "$fakes/python3" "$world/python3" ;;
	*)			cp "$fakes/$package" "$world/bin/$package" ;;
	esac
done
END
fake apt-get <<'END'
PATH=$tools
fail()
{
	echo "$@"
	exit 100
}
mkdir "$world/busy" || echo 'two at once' >>"$world/log"
trap 'rmdir "$world/busy"' EXIT
[ "$DEBIAN_FRONTEND" = noninteractive ] || fail 'would have prompted'
[ "$1 $2" = '-o DPkg::Lock::Timeout=120' ] || fail 'would not have waited'
(: <&9) 2>/dev/null && fail 'would have handed on the lock'
shift 2
echo "$@" >>"$world/log"
read -r mode <"$world/mode"
case $mode:$1 in
broken:install)		fail 'E: You have held broken packages.' ;;
offline:update)		fail 'E: The repository is out of reach.' ;;
locked:update)
	echo stale >"$world/mode"
	fail 'E: Could not get lock /var/lib/apt/lists/lock.' ;;
offline:* | locked:* | stale:install)
	fail 'E: Unable to locate package' ;;
stale:update)		echo ready >"$world/mode" ;;
lying:*)		;;
slow:install)
	tries=100
	while [ ! -s "$world/err" ] && [ $tries -gt 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
	sleep 0.5 ;;
esac
[ "$1" = install ] || exit 0
shift 3
[ "$mode" = lying ] || "$fakes/supply" "$@"
END

build='gcc libc6-dev make pkg-config libhwloc-dev libjansson-dev'
fuzz='clang libclang-rt-dev llvm afl++ patch python3'
kernel='flex bison bc xz-utils ccache'
analysis='python3 python3-scipy npm'
tests='libcmocka-dev debhelper help2man lintian python3-jsonschema python3-pytest chromium python3-yaml zip'
machine='gcc libc6-dev make python3 flex bison bc libelf-dev g++ binutils zstd'
extra="$fuzz $kernel libelf-dev g++ binutils zstd ${analysis#* } $tests"

# A world with the packages $@: root's, with an apt-get that works.
world_with()
{
	rm -rf "$world"
	mkdir "$world" "$world/bin" "$world/has" "$world/tmp"
	for tool in cat flock grep mktemp rm tail; do
		path=$(command -v $tool) && ln -s "$path" "$world/bin/$tool"
	done
	for tool in id sleep sudo apt-get; do
		cp "$top/fakes/$tool" "$world/bin"
	done
	echo 0 >"$world/user"
	echo ready >"$world/mode"
	: >"$world/log"
	"$top/fakes/supply" "$@"
}

# Runs setup in the world: [VARIABLE=VALUE...] setup [ARGUMENT...]
run()
{
	variables=
	while [ "$1" != setup ]; do
		variables="$variables $1"
		shift
	done
	shift
	# shellcheck disable=SC2086 # one argument per variable
	(cd / && exec env -i PATH="$world/bin" TMPDIR="$world/tmp" SETUP_PYTHON="$world/python3" \
		$variables "$shell" "$setup" "$@") >"$world/out" 2>"$world/err"
	status=$?
}

# The last run exited with STATUS and said STDERR, nothing on stdout; LOG is what apt-get was told.
expect() # NAME STATUS STDERR LOG
{
	passed=yes
	same status "$2" "$status"
	same stderr "$3" "$(cat "$world/err")"
	same stdout '' "$(cat "$world/out")"
	same apt-get "$4" "$(cat "$world/log")"
	same 'left behind' '' "$(ls "$world/tmp")"
	report "$1"
}

install='install -y --no-install-recommends'
update='update -o APT::Update::Error-Mode=any'
names_are_debians="setup: these are Debian's names; other distributions have the same by their own"
bare_needs='compiler libc make pkg-config hwloc jansson clang libfuzzer llvm-cov afl-fuzz patch python flex bison bc xz ccache libelf g++ strip zstd scipy npm cmocka dh help2man lintian jsonschema pytest chromium yaml zip'

# shellcheck disable=SC2086 # $build and $extra are lists
test_nothing_missing()
{
	world_with $build
	run setup
	expect 'build is the default and does not ask for what only tests need' 0 '' ''
	run setup build
	expect 'nothing missing for build: silent' 0 '' ''
	world_with $build $fuzz
	run setup fuzz
	expect 'nothing missing for fuzz: silent' 0 '' ''
	world_with $build $fuzz $kernel
	run setup kernel
	expect 'nothing missing for kernel: silent' 0 '' ''
	world_with $analysis
	run setup analysis
	expect 'nothing missing for analysis, though there is no compiler: silent' 0 '' ''
	world_with $build $extra
	run setup test
	expect 'nothing missing for test: silent' 0 '' ''
	run SETUP=no setup build test
	expect 'nothing missing, SETUP=no: silent' 0 '' ''
	world_with clang libc6-dev make pkg-config libhwloc-dev libjansson-dev
	run CC=clang setup
	expect 'CC=clang: gcc is not asked for' 0 '' ''
}

# shellcheck disable=SC2086
test_only_says()
{
	world_with ${build% *}
	forbidden='setup: missing: jansson; SETUP=no forbids installing. To install:'
	run SETUP=no setup build
	expect 'SETUP=no: the exact command' 2 "$forbidden
  apt-get $install libjansson-dev" ''
	echo 1000 >"$world/user"
	run SETUP=no setup build
	expect 'SETUP=no, not root: the exact command with sudo' 2 "$forbidden
  sudo apt-get $install libjansson-dev" ''
	world_with ${build% *}
	run SETUP=0 setup build
	expect 'SETUP=0 forbids as well' 2 \
		"setup: missing: jansson; SETUP=0 forbids installing. To install:
  apt-get $install libjansson-dev" ''

	world_with ${build% *}
	run SETUP=ask setup build
	expect 'SETUP=ask: how to install' 2 \
		"setup: missing: jansson; \`make setup\` installs what all targets need. To install:
  apt-get $install libjansson-dev" ''

	world_with gcc libc6-dev make pkg-config libjansson-dev
	echo 1000 >"$world/user"
	run setup
	expect 'not root: the command, and sudo is not called' 2 \
		"setup: missing: hwloc; installing takes root. To install:
  sudo apt-get $install libhwloc-dev" ''
	echo 0 >"$world/user"
	rm "$world/bin/apt-get"
	run setup
	expect "no apt-get: what Debian calls it" 2 \
		"setup: missing: hwloc; no apt-get here. To install:
  apt-get $install libhwloc-dev
$names_are_debians" ''
	run SETUP=no setup
	expect "SETUP=no, no apt-get: what Debian calls it" 2 \
		"setup: missing: hwloc; SETUP=no forbids installing. To install:
  apt-get $install libhwloc-dev
$names_are_debians" ''

	world_with
	rm "$world/bin/apt-get"
	run setup test
	expect 'a bare system: every package' 2 \
		"setup: missing: $bare_needs; no apt-get here. To install:
  apt-get $install $build $extra
$names_are_debians" ''
}

# In a world with the packages HAS, setup ARGUMENTS installs exactly NAMES, once.
installs() # NAME HAS NAMES [VARIABLE=VALUE] setup [ARGUMENT...]
{
	name=$1
	# shellcheck disable=SC2086 # a list
	world_with $2
	wanted=$3
	shift 3
	run "$@"
	expect "$name" 0 "setup: installing $wanted (apt-get)" "$install $wanted"
	run "$@"
	expect "$name: silent the second time" 0 '' "$install $wanted"
}

test_installs()
{
	installs 'installs a missing library' "${build% *}" libjansson-dev setup
	installs 'installs two of them' "${build% * *}" 'libhwloc-dev libjansson-dev' setup build
	installs 'installs everything' '' "$build $extra" setup test
	installs 'test takes build as well' "${build% *} $extra" libjansson-dev setup test
	installs 'analysis asks for no compiler' python3 'python3-scipy npm' setup analysis
	installs 'deb takes build as well' "${build% *}" 'libjansson-dev python3 python3-scipy debhelper help2man' setup deb
	installs 'machine asks for a C++ compiler and no library' '' "$machine" setup machine
	installs 'kernel takes fuzz as well' "$build ${fuzz% *}" "python3 $kernel" setup kernel
	installs 'a compiler without libc is missing libc' "gcc ${build#* * }" libc6-dev setup
	installs 'make is a need' 'gcc libc6-dev pkg-config libhwloc-dev libjansson-dev' \
		make setup
	installs 'without pkg-config its libraries are asked for too' 'gcc libc6-dev make' \
		'pkg-config libhwloc-dev libjansson-dev' setup
	installs 'CC=clang: the package clang' "${build#* }" \
		'clang libc6-dev' CC=clang setup
	installs 'CC=clang-14: that version' "${build#* }" \
		'clang-14 libc6-dev' CC=clang-14 setup

	# shellcheck disable=SC2086 # a list
	world_with $build ${fuzz% *} $kernel libelf-dev g++ binutils zstd ${analysis#* } $tests
	cp "$top/fakes/python3" "$world/bin/python3"
	run setup test
	expect 'a python3 on PATH is not the one used' 0 \
		"setup: installing python3 python3-scipy python3-jsonschema python3-pytest python3-yaml (apt-get)" \
		"$install python3 python3-scipy python3-jsonschema python3-pytest python3-yaml"
}

# shellcheck disable=SC2086
test_apt_troubles()
{
	names=libjansson-dev
	installing="setup: installing $names (apt-get)"
	failed="setup: apt-get failed; the command was: apt-get $install $names"

	world_with ${build% *}
	echo stale >"$world/mode"
	run setup
	expect 'stale package lists: updates, installs again' 0 "$installing" "$install $names
$update
$install $names"
	world_with ${build% *}
	echo locked >"$world/mode"
	run setup
	expect 'package lists locked: waits' 0 "$installing" "$install $names
$update
sleep 5
$update
$install $names"
	world_with ${build% *}
	echo broken >"$world/mode"
	run setup
	expect 'apt-get fails: its message' 2 "$installing
E: You have held broken packages.
$failed" "$install $names
$update
$install $names"
	world_with ${build% *}
	echo offline >"$world/mode"
	run setup
	expect 'apt-get update fails: both messages' 2 "$installing
E: The repository is out of reach.
E: Unable to locate package
$failed" "$install $names
$update
$install $names"
	world_with ${build% *}
	echo lying >"$world/mode"
	run setup
	expect 'installed but not there: says so' 2 "$installing
setup: still missing after the installation: jansson" "$install $names"
}

test_usage()
{
	world_with
	run setup nonsense
	expect 'unknown group' 2 \
		"setup: unknown group 'nonsense' (the groups are: build fuzz kernel machine analysis check deb test)" ''
	run setup build nonsense
	expect 'unknown group after a known one' 2 \
		"setup: unknown group 'nonsense' (the groups are: build fuzz kernel machine analysis check deb test)" ''
	run setup --nonsense
	expect 'unknown option' 2 "setup: unknown option '--nonsense' (see --help)" ''
	run CC=nonsense setup
	expect 'a compiler no package is known for' 2 "setup: the compiler CC='nonsense' is not\
 there, and no package is known by that name" ''
	run CC=/nowhere/gcc setup
	expect 'a compiler by its path' 2 "setup: the compiler CC='/nowhere/gcc' is not there,\
 and no package is known by that name" ''

	run setup --help
	passed=yes
	same status 0 "$status"
	same 'fits a screen' yes "$([ "$(wc -l <"$world/out")" -le 24 ] && echo yes)"
	for word in build test --list SETUP=no CC; do
		same "names $word" yes "$(grep -q -e "$word" "$world/out" && echo yes)"
	done
	report '--help'

	run setup --list
	passed=yes
	same status 0 "$status"
	for name in $build $extra; do
		same "names $name" yes "$(grep -qw -e "$name" "$world/out" && echo yes)"
	done
	report '--list'
}

test_two_at_once()
{
	if ! command -v flock >/dev/null || [ ! -r /var/lib/dpkg ]; then
		echo "# skip $shell_name: two at once: no flock or no dpkg to lock here"
		return
	fi
	# shellcheck disable=SC2086 # a list
	world_with ${build% *}
	echo slow >"$world/mode"
	env -i PATH="$world/bin" TMPDIR="$world/tmp" SETUP_PYTHON="$world/python3" \
		"$shell" "$setup" 2>"$world/first" &
	tries=100
	while [ ! -s "$world/log" ] && [ $tries -gt 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
	run setup
	wait $!
	first=$?
	expect 'two at once: the second waits and finds everything there' 0 \
		'setup: waiting for another setup' "$install libjansson-dev"
	passed=yes
	same status 0 "$first"
	same stderr 'setup: installing libjansson-dev (apt-get)' "$(cat "$world/first")"
	report 'two at once: the first installs'
}

for shell_name in dash bash; do
	if ! shell=$(command -v $shell_name); then
		echo "# skip $shell_name: not on this machine"
		continue
	fi
	test_nothing_missing
	test_only_says
	test_installs
	test_apt_troubles
	test_usage
	test_two_at_once
done

echo "1..$count"
[ $count -gt 0 ] && [ $failures -eq 0 ]
