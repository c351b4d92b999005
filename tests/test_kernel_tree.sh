#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
#
# Proves that scripts/kernel-tree makes a tree once, finds it again, takes each of its ways out as
# documented, and leaves nothing behind. It sees a PATH of fakes, a package of a few files and a cache
# of its own: no network, no compiler, no kernel.
set -u

script=$(cd "$(dirname "$0")/.." && pwd)/scripts/kernel-tree
. "$(dirname "$0")/fakes.sh"
cache=$world/cache
kernels=$cache/kernels

# The fakes. Each reads the world it is in: known holds what apt knows, user the user id, mode what
# goes wrong, log what was asked of apt-get.
fake_begins="world='$world' top='$top'
read -r mode <\"\$world/mode\""

for name in flex bison bc gcc; do
	fake $name </dev/null
done
fake id <<'END'
cat "$world/user"
END
fake apt-cache <<'END'
echo "cache $1" >>"$world/asked"
while read -r name version; do
	case $1:$2 in
	pkgnames:*)	echo "$name" ;;
	policy:*)	case " $* " in *" $name "*) printf '%s:\n  Installed: (none)\n  Candidate: %s\n' "$name" "$version" ;; esac ;;
	show:$name=*)	printf 'Package: %s\nSize: 123456789\n' "$name" ;;
	esac
done <"$world/known"
END
fake apt-get <<'END'
echo "$@" >>"$world/log"
case $mode:$* in
offline:*)	echo 'E: The repository is out of reach.'; exit 100 ;;
stale:update*)	echo 'linux-source-6.12 6.12.9-1' >>"$world/known" ;;
*:update*)	;;
*download*)	cp "$top/package" "./linux-source-6.12_6.12.9-1_all.deb" ;;
esac
END
fake dpkg <<'END'
[ "$1 $2 $3 $4" = '--compare-versions 6.12.10-1 gt 6.12.9-1' ]
END
fake dpkg-deb <<'END'
[ "$1" = --fsys-tarfile ] && cat "$2"
END
fake dpkg-query <<'END'
echo 6.12.8-1
END
# As rdpmc_machine.debian is called: there is one suite that has it.
fake python3 <<'END'
echo "$*" >>"$world/suites"
[ "$*" = '-m rdpmc_machine.debian linux-source-6.12 bookworm-backports' ] || { echo 'E: there is none'; exit 77; }
mkdir -p "$RDPMC_CACHE/machine/packages"
cp "$top/package" "$RDPMC_CACHE/machine/packages/linux-source-6.12_6.12.7-1~bpo12+1.deb"
END
fake make <<'END'
[ -z "${MAKEFLAGS:-}${ARCH:-}" ] || { echo 'the environment of another make'; exit 1; }
case $mode:$* in
broken:*prepare)	echo 'a header is missing'; exit 2 ;;
slow:*prepare)		touch "$world/preparing"; exec sleep 60 ;;
*:*prepare)		touch "$2/prepared" ;;
*:*defconfig)		touch "$2/.config" ;;
esac
END

# The package: what is taken, and one file that is not.
source=$top/source/linux-source-6.12
mkdir -p "$source"
(
	cd "$source" || exit
	mkdir -p arch/x86/kvm include scripts virt/kvm kernel/time kernel/sched security/selinux/include \
		tools/include tools/arch/x86/include drivers/net
	touch Makefile Kbuild Kconfig COPYING drivers/net/Kconfig drivers/net/loopback.c kernel/workqueue.h kernel/bounds.c
	printf '#!/bin/sh\necho "$*" >>"$2"\n' >scripts/config
	chmod +x scripts/config
)
mkdir -p "$top/root/usr/src"
tar -C "$top/source" -cJf "$top/root/usr/src/linux-source-6.12.tar.xz" linux-source-6.12
tar -C "$top/root" -cf "$top/package" ./usr/src/linux-source-6.12.tar.xz

# A world in which a user can download 6.12.
new_world()
{
	rm -rf "$world"
	mkdir "$world" "$world/bin" "$world/lists" "$world/src" "$world/tmp"
	for tool in awk cat cp df du env find flock grep head ls mkdir mkfifo mktemp mv nproc rm rmdir sed sh sleep sort \
		tail tar touch xz; do
		path=$(command -v $tool) && ln -s "$path" "$world/bin/$tool"
	done
	cp "$top/fakes/"* "$world/bin"
	rm "$world/bin/dpkg-query" "$world/bin/python3"
	printf 'linux-source-6.1 6.1.7-1\nlinux-source-6.12 6.12.9-1\n' >"$world/known"
	echo 1000 >"$world/user"
	echo good >"$world/mode"
	: >"$world/log"
	: >"$world/asked"
}

# [VARIABLE=VALUE...] run ARGUMENT...
start()
{
	cd "$world" && exec env -i PATH="$world/bin" TMPDIR="$world/tmp" RDPMC_CACHE="$cache" \
		KERNEL_TREE_INSTALLED="$world/src" KERNEL_TREE_LISTS="$world/lists" $variables "$shell" "$script" "$@"
}
variables=
run()
{
	(start "$@") >"$world/out" 2>"$world/err" </dev/null
	status=$?
}

# The last run exited with STATUS, printed OUT and nothing else, said ERR somewhere (nothing at all, if
# that is empty), and in the cache is LEFT.
expect() # NAME STATUS OUT ERR LEFT
{
	passed=yes
	same status "$2" "$status"
	same stdout "$3" "$(cat "$world/out")"
	if [ -z "$4" ] || ! grep -qF -e "$4" "$world/err"; then
		same stderr "$4" "$(cat "$world/err")"
	fi
	same 'in the cache' "$5" "$(ls -A "$kernels" 2>/dev/null)"
	same 'left behind' '' "$(ls -A "$world/tmp")"
	report "$1"
}

# Asked of apt-get so far: this.
asked() # NAME LOG
{
	passed=yes
	same apt-get "$2" "$(cat "$world/log")"
	report "$1"
}

one_line() # NAME
{
	passed=yes
	same 'lines of stderr' 1 "$(grep -c '' "$world/err")"
	report "$1"
}

tree=$kernels/debian-6.12_6.12.9-1
download='-o APT::Sandbox::User=root download linux-source-6.12=6.12.9-1'

test_usage()
{
	new_world
	while read -r text arguments; do
		# shellcheck disable=SC2086 # arguments
		run $arguments
		expect "wrong use: $arguments" 2 '' "$(echo "$text" | tr _ ' ')" ''
		one_line "wrong use: $arguments: one line"
	done <<'END'
which_tree
which_tree debian:6.12 debian:6.1
unknown_option --nonsense
takes_no_argument --list debian:6.12
takes_one_argument --remove
there_are_debian:VERSION_and_all --remove everything
a_version_is_two_numbers debian:
a_version_is_two_numbers debian:6
a_version_is_two_numbers debian:6.12/..
a_version_is_two_numbers debian:6.*
no_such_directory nowhere
END
	run --help
	passed=yes
	same status 0 "$status"
	same 'fits a screen' yes "$([ "$(grep -c '' "$world/out")" -le 24 ] && echo yes)"
	report '--help'
	mkdir "$world/a tree"
	run './a tree'
	expect 'a directory is passed through' 0 "$world/a tree" '' ''
	variables='RDPMC_CACHE= HOME='
	run src
	expect 'a directory needs no cache' 0 "$world/src" '' ''
	run debian:6.12
	expect 'no cache to be had' 2 '' 'where is the cache?' ''
	variables="RDPMC_CACHE=$cache:2"
	run debian:6.12
	expect 'a cache that make would not take' 2 '' 'takes no such path' ''
	variables=
}

# A package of another suite beside what apt knows: it is taken as it is, and is not asked about.
test_given()
{
	new_world
	run debian:6.12
	cp "$top/package" "$world/linux-source-6.12_6.12.5-1~bpo12+1_all.deb"
	: >"$world/log"
	run linux-source-6.12_6.12.5-1~bpo12+1_all.deb
	given=$kernels/debian-6.12_6.12.5-1~bpo12+1
	expect 'makes the tree of a package' 0 "$given" 'extracting' "${given##*/}
${tree##*/}"
	asked 'downloads nothing for it' ''
	run linux-source-6.12_6.12.5-1~bpo12+1_all.deb
	expect 'finds it again' 0 "$given" '' "${given##*/}
${tree##*/}"
	run linux-source-6.12_6.12.6-1_all.deb
	expect 'a package that is not there' 2 '' 'no such file' "${given##*/}
${tree##*/}"
	rm -rf "$kernels"
}

test_making()
{
	new_world
	variables='MAKEFLAGS=-k ARCH=arm64'
	run debian:6.12
	variables=
	expect 'makes a tree' 0 "$tree" 'downloading linux-source-6.12 6.12.9-1 (123 MB)' "${tree##*/}"
	asked 'downloads that version, once' "$download"
	passed=yes
	for file in .config prepared Makefile drivers/net/Kconfig kernel/workqueue.h arch/x86/kvm; do
		same "has $file" yes "$([ -e "$tree/$file" ] && echo yes)"
	done
	same 'has no driver' '' "$(ls "$tree"/drivers/net/*.c 2>/dev/null)"
	same 'has KVM configured' 1 "$(grep -c -e '-e KVM ' "$tree/.config")"
	report 'the tree is trimmed, configured and prepared'

	: >"$world/asked"
	run debian:6.12
	expect 'finds it again, silent' 0 "$tree" '' "${tree##*/}"
	passed=yes
	same 'asked of apt-cache' '' "$(cat "$world/asked")"
	report 'and asks nobody'
	sleep 0.05
	touch "$world/lists"
	echo 'linux-source-6.12 6.12.10-1' >"$world/known"
	run debian:6.12
	expect 'tells of a newer package' 0 "$tree" 'there is 6.12.10-1 now' "${tree##*/}"
	: >"$world/asked"
	run debian:6.12
	expect 'and again' 0 "$tree" 'there is 6.12.10-1 now' "${tree##*/}"
	passed=yes
	same 'asked of apt-cache' '' "$(cat "$world/asked")"
	report 'without asking again'
	asked 'and downloads nothing' "$download"

	run --list
	passed=yes
	same status 0 "$status"
	same 'names both' 2 "$(grep -c 'debian:6.12  *6.12' "$world/out")"
	report '--list'
	run --remove debian:6.1
	expect '--remove of what is not there' 0 '' 'nothing to remove' "${tree##*/}"
	run --remove debian:6.12
	expect '--remove' 0 '' "removed $tree" ''
	mkdir -p "$tree" "$kernels/debian-6.1_6.1.7-1"
	run --remove all
	expect '--remove all' 0 '' "removed $tree" ''

	new_world
	cp "$top/root/usr/src/linux-source-6.12.tar.xz" "$world/src"
	cp "$top/fakes/dpkg-query" "$world/bin"
	rm "$world/bin/apt-get"
	run debian:6.12
	expect 'takes an installed package' 0 "$kernels/debian-6.12_6.12.8-1" extracting debian-6.12_6.12.8-1
	mkdir "$kernels/.making.debris"
	run --remove all
	expect 'what a killed one has left is removed' 0 '' removed ''
}

test_unavailable()
{
	new_world
	run debian:6.99
	expect 'an unknown version' 77 '' 'debian:6.1, debian:6.12' ''
	one_line 'an unknown version: one paragraph'
	asked 'not root: no update' ''
	echo 0 >"$world/user"
	run debian:6.99
	expect 'root: still unknown' 77 '' 'does not know the package linux-source-6.99' ''
	asked 'root: updates the lists' 'update -o APT::Update::Error-Mode=any'
	echo 'linux-source-6.1 6.1.7-1' >"$world/known"
	echo stale >"$world/mode"
	run debian:6.12
	expect 'root: known after an update' 0 "$tree" 'ready' "${tree##*/}"
	new_world
	echo offline >"$world/mode"
	run debian:6.12
	expect 'apt out of reach' 77 '' '(The repository is out of reach)' ''
	rm "$world/bin/apt-get"
	run debian:6.12
	expect 'no apt-get' 77 '' 'there is no apt-get' ''
}

# What apt does not know, without a change of its lists.
test_other_suites()
{
	new_world
	echo 'linux-source-6.1 6.1.7-1' >"$world/known"
	cp "$top/fakes/python3" "$world/bin"
	run debian:6.12
	expect 'another suite has it' 0 "$kernels/debian-6.12_6.12.7-1~bpo12+1" "in Debian's bookworm-backports" 'debian-6.12_6.12.7-1~bpo12+1'
	asked 'apt is asked for nothing' ''
	passed=yes
	same 'suites' '-m rdpmc_machine.debian linux-source-6.12 trixie
-m rdpmc_machine.debian linux-source-6.12 bookworm-backports' "$(cat "$world/suites")"
	same 'packages kept' '' "$(ls "$cache/machine/packages")"
	report 'the suites in turn, and the package is not kept'
	rm -rf "$kernels"
	run debian:7.2
	expect 'no suite has it' 77 '' 'apt does not know the package linux-source-7.2' ''
}

test_failures()
{
	new_world
	echo broken >"$world/mode"
	run debian:6.12
	expect 'make fails: its message' 2 '' 'a header is missing' ''
	rm "$world/bin/flex"
	run debian:6.12
	expect 'a missing tool' 2 '' 'missing: flex; scripts/setup kernel installs it' ''
	new_world
	cp "$top/fakes/dpkg-query" "$world/bin"
	head -c 300 "$top/root/usr/src/linux-source-6.12.tar.xz" >"$world/src/linux-source-6.12.tar.xz"
	run debian:6.12
	expect 'a damaged tarball' 2 '' 'extracting it failed' ''

	new_world
	echo slow >"$world/mode"
	for signal in TERM:143 HUP:129; do
		rm -f "$world/preparing"
		(start debian:6.12) >"$world/out" 2>"$world/err" </dev/null &
		tries=100
		while [ ! -e "$world/preparing" ] && [ $tries -gt 0 ]; do
			tries=$((tries - 1))
			sleep 0.05
		done
		kill -"${signal%:*}" $!
		wait $!
		status=$?
		expect "SIG${signal%:*} while it prepares" "${signal#*:}" '' preparing ''
	done
}

test_two_at_once()
{
	if ! command -v flock >/dev/null; then
		echo "# skip $shell_name: two at once: no flock"
		return
	fi
	new_world
	(start debian:6.12) >"$world/first" 2>/dev/null </dev/null &
	run debian:6.12
	wait $!
	first=$?
	passed=yes
	same 'status of one' 0 $status
	same 'status of the other' 0 $first
	same 'stdout of one' "$tree" "$(cat "$world/out")"
	same 'stdout of the other' "$tree" "$(cat "$world/first")"
	same 'in the cache' "${tree##*/}" "$(ls -A "$kernels")"
	report 'two at once: both have the tree'
	asked 'two at once: one download' "$download"
}

for shell_name in dash bash; do
	if ! shell=$(command -v $shell_name); then
		echo "# skip $shell_name: not on this machine"
		continue
	fi
	test_usage
	test_given
	test_making
	test_unavailable
	test_other_suites
	test_failures
	test_two_at_once
done

echo "1..$count"
[ $count -gt 0 ] && [ $failures -eq 0 ]
