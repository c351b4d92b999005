#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
#
# Proves that scripts/machine kernel builds what its options say, writes nothing into the source tree,
# answers each mistake with one line, and leaves no process and no half-made file behind; and the same
# of what fetches packages. PATH is all fakes, the tree a few files: no network, no compiler, no kernel.
set -u

scripts=$(cd "$(dirname "$0")/.." && pwd)/scripts
# Itself, and no wrapper that looks for it in PATH.
python=$(python3 -c 'import sys; print(sys.executable)') || { echo '1..0 # SKIP no python3'; exit 77; }
. "$(dirname "$0")/fakes.sh"
cache=$world/cache
tree=$world/linux

cat >"$top/machine" <<END
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, '$scripts')
from rdpmc_machine import cache, debian, kernel
from rdpmc_machine.failed import Failed
if sys.argv[1] == 'kernel':
    sys.exit(kernel.command(sys.argv[2:]))
name, *arguments = sys.argv[1:]
try:
    # Suites begin with a comma.
    print(getattr(debian, name)(*(each[1:].split(',') if each[0] == ',' else each for each in arguments)))
except Failed as why:
    cache.say(f'{type(why).__name__}: {why}')
    sys.exit(2)
END

# The fakes. mode says what goes wrong, asked keeps what was asked of make and apt-get.
fake_begins="world='$world'
read -r mode <\"\$world/mode\""
for name in flex bison bc; do
	fake $name </dev/null
done
fake gcc <<'END'
cat >/dev/null
[ "$mode" != no-libelf ]
END
fake make <<'END'
echo "$@" >>"$world/asked"
[ -z "${MAKEFLAGS:-}" ] || { echo 'error: the environment of another make'; exit 2; }
for word; do
	case $word in
	O=*)			output=${word#O=} ;;
	KCONFIG_ALLCONFIG=*)	config=${word#*=} ;;
	esac
done
echo "make[1]: Entering directory '$output'"
case $mode:$* in
lacking:*allnoconfig*)	sed '/KVM_AMD/d' "$config" >"$output/.config" ;;
*allnoconfig*)		cp "$config" "$output/.config" ;;
broken:*)
	printf '  CC      %s\n' init/main.o arch/x86/kvm/pmu.o
	echo "arch/x86/kvm/pmu.c: In function 'kvm_pmu_rdpmc':"
	echo "arch/x86/kvm/pmu.c:7:9: error: 'nonsense' undeclared"
	echo '    7 |         nonsense;'
	echo 'make[3]: *** [pmu.o] Error 1'
	exit 2 ;;
full:*)	echo 'fatal error: error writing to main.o: No space left on device'; exit 2 ;;
slow:*)
	sleep 60 &
	echo $! >"$world/sleeping"
	wait ;;
*)
	printf '  CC      %s\n' init/main.o arch/x86/kvm/pmu.o .tmp_vmlinux1.kallsyms.o arch/x86/boot/header.o
	mkdir -p "$output/arch/x86/boot"
	rm -f "$output/arch/x86/boot/bzImage"
	touch "$output/.tmp_vmlinux1" "$output/vmlinux"
	cat "$2/arch/x86/kvm/pmu.c" >"$output/arch/x86/boot/bzImage" ;;
esac
END
fake apt-cache <<'END'
for word; do
	case $word in
	policy)	asked=policy ;;
	show)	asked=show ;;
	esac
done
case $asked:$word in
policy:linux-image-7.3)	printf '%s:\n  Installed: (none)\n  Candidate: 7.3.4-1\n' "$word" ;;
show:*)			echo "Size: $(cat "$world/size")" ;;
esac
END
fake apt-get <<'END'
for word; do
	case $word in
	update | download | source)	asked=$word ;;
	Dir::Etc::sourcelist=*)		sources=${word#*=} ;;
	esac
done
echo "$asked $word" >>"$world/asked"
cp "$sources" "$world/sources"
case $mode:$asked in
offline:*)		echo 'E: Failed to fetch some://where  Could not resolve the name.'; exit 100 ;;
full:download)		echo 'E: Write error - write (28: No space left on device)'; exit 100 ;;
damaged:download)	echo 'E: Hash Sum mismatch'; exit 100 ;;
*:download)		echo package >linux-image.deb ;;
unknown:source)		echo 'E: Unable to find a source package for bochs'; exit 100 ;;
# The mirror lacks the .dsc, and apt fails for it.
*:source)		echo tarball >bochs.orig.tar.xz; echo 'E: Failed to fetch some://bochs.dsc  404'; exit 100 ;;
esac
END

new_world()
{
	rm -rf "$world"
	mkdir "$world" "$world/bin" "$world/tmp" "$world/etc" "$world/linux"
	for tool in cat cp git gzip mkdir printf rm sed sleep touch; do
		path=$(command -v $tool) && ln -s "$path" "$world/bin/$tool"
	done
	cp "$top/fakes/"* "$world/bin"
	(
		cd "$tree" || exit
		mkdir -p arch/x86/kvm init mm drivers/acpi tools/objtool
		touch Kbuild init/main.c mm/memory.c drivers/acpi/Makefile tools/objtool/Makefile
		echo first >arch/x86/kvm/pmu.c
	)
	printf 'Types: deb\nURIs: some://mirror/debian\nSuites: bookworm\nComponents: main\nSigned-By: /key\n' \
		>"$world/etc/debian.sources"
	mkdir "$world/etc/sources.list.d"
	mv "$world/etc/debian.sources" "$world/etc/sources.list.d"
	echo 100000 >"$world/size"
	echo good >"$world/mode"
	: >"$world/asked"
}

variables=
start()
{
	# shellcheck disable=SC2086 # variables
	cd "$world" && exec env -i PATH="$world/bin" TMPDIR="$world/tmp" RDPMC_CACHE="$cache" \
		MACHINE_APT_ETC="$world/etc" $variables "$python" "$top/machine" "$@"
}
run()
{
	(start "$@") >"$world/out" 2>"$world/err" </dev/null
	status=$?
}

# The last run exited with STATUS, printed OUT, and its last line of LINES on stderr says ERR.
expect() # NAME STATUS OUT LINES ERR
{
	passed=yes
	same status "$2" "$status"
	same stdout "$3" "$(cat "$world/out")"
	same 'lines of stderr' "$4" "$(grep -c '' "$world/err")"
	tail -n 1 "$world/err" | grep -qF -e "$5" || same stderr "$5" "$(tail -n 1 "$world/err")"
	same 'left behind' '' "$(ls -A "$world/tmp")"
	report "$1"
}

test_usage()
{
	new_world
	mkdir "$world/a tree" "$world/empty"
	while read -r text arguments; do
		# shellcheck disable=SC2086 # arguments
		run kernel $arguments
		expect "wrong use: $arguments" 2 '' 1 "$(echo "$text" | tr _ ' ')"
	done <<'END'
arguments_are_required:_KDIR
unrecognized_arguments:_--nonsense --nonsense linux
expected_one_argument linux -o
at_least_1 --jobs 0 linux
invalid_int_value --jobs many linux
no_such_directory nowhere
empty_is_no_Linux_source_tree empty
nowhere.config:_No_such_file --config nowhere.config linux
END
	run kernel 'a tree'
	expect 'a path that make would not take' 2 '' 1 'takes no path with spaces or colons'
	variables='RDPMC_CACHE= HOME='
	run kernel linux
	expect 'no cache to be had' 2 '' 1 'no cache directory'
	variables="RDPMC_CACHE=$world/c:c"
	run kernel linux
	expect 'a cache that make would not take' 2 '' 1 'takes no such path'
	variables='RDPMC_CACHE=/dev/null/cache'
	run kernel linux
	expect 'a cache that cannot be made' 2 '' 1 'Not a directory'
	variables=
	rm "$tree/mm/memory.c"
	run kernel linux
	expect 'a trimmed tree' 2 '' 1 'is not a full Linux source tree: it has no mm/memory.c'
	new_world
	rm "$world/bin/flex" "$world/bin/gcc"
	run kernel linux
	expect 'missing tools' 2 '' 1 'missing to build a kernel: flex, gcc; scripts/setup machine installs it'
	new_world
	echo no-libelf >"$world/mode"
	run kernel linux
	expect 'no libelf' 2 '' 1 'missing to build a kernel: libelf-dev'
	run kernel --remove linux
	expect '--remove of what is not there' 0 '' 1 'nothing to remove'
	run kernel --help
	passed=yes
	same status 0 "$status"
	same 'fits a screen' yes "$([ "$(grep -c '' "$world/out")" -le 24 ] && echo yes)"
	report '--help'
}

test_building()
{
	new_world
	find "$tree" | sort >"$world/before"
	variables='MAKEFLAGS=-k'
	run kernel linux
	variables=
	image=$(cat "$world/out")
	expect 'builds' 0 "$cache/machine/${image#"$cache/machine/"}" 3 '2 files compiled'
	passed=yes
	same 'the image' first "$(cat "$image")"
	same 'of the link' vmlinux "$(cd "$(dirname "$image")/build" && echo .tmp* vmlinux* | sed 's/^\.tmp\* //')"
	same 'the tree' "$(cat "$world/before")" "$(find "$tree" | sort)"
	same 'has KVM' 1 "$(grep -c '^CONFIG_KVM=y' "$(dirname "$image")/build/.config")"
	report 'of the sources, with our configuration, outside the tree'
	echo second >"$tree/arch/x86/kvm/pmu.c"
	run kernel linux -o "$world/copy"
	expect 'again, into a file' 0 "$world/copy" 2 built
	passed=yes
	same 'the copy' second "$(cat "$world/copy")"
	same 'the image' second "$(cat "$image")"
	same 'configured once' 1 "$(grep -c allnoconfig "$world/asked")"
	report 'the second build is of the edited sources, and does not configure'
	run kernel linux -o "$world/nowhere/copy"
	expect 'a file that cannot be written' 2 '' 3 'nowhere/copy: No such file'
	echo 'CONFIG_NET=y' >"$world/net.config"
	run kernel --config "$world/net.config" linux
	passed=yes
	other=$(cat "$world/out")
	same 'directories' 2 "$(printf '%s\n' "$image" "$other" | sort -u | grep -c '')"
	same 'has the option' 1 "$(grep -c '^CONFIG_NET=y' "$(dirname "$other")/build/.config")"
	report '--config builds in a directory of its own'
	echo 'CONFIG_UNIX=y' >>"$world/net.config"
	run kernel --config "$world/net.config" linux
	expect 'a changed configuration is taken' 0 "$other" 3 built
	run kernel --config "$world/net.config" --remove linux
	passed=yes
	same status 0 "$status"
	same 'what is left' "$(basename "$(dirname "$image")")" "$(ls "$cache/machine")"
	report '--remove'
}

# Is the fake make's sleep? Its number may be another process's by now.
alive()
{
	ps -o stat=,comm= -p "$(cat "$world/sleeping")" 2>/dev/null | grep -q '^[^Z].* sleep$'
}

test_failures()
{
	new_world
	echo broken >"$world/mode"
	run kernel linux
	expect 'the compiler fails: its lines, and one' 2 '' 6 "building failed (arch/x86/kvm/pmu.c:7:9: error: 'nonsense' undeclared)"
	passed=yes
	same "the error's lines" 3 "$(grep -c 'pmu.c: In function\|pmu.c:7:9: error: .* undeclared$\|   nonsense;' "$world/err")"
	same 'what is not asked for' 0 "$(grep -c '^make\|  CC' "$world/err")"
	report "the compiler's lines alone"
	echo good >"$world/mode"
	run kernel linux
	passed=yes
	same status 0 "$status"
	report 'and the next build is good'
	echo full >"$world/mode"
	run kernel linux
	expect 'the disk is full' 2 '' 2 'the disk is full'
	new_world
	echo lacking >"$world/mode"
	run kernel linux
	expect 'an option that the tree lacks' 2 '' 2 'cannot have CONFIG_KVM_AMD'

	new_world
	echo slow >"$world/mode"
	for signal in INT:130 TERM:143 HUP:129; do
		rm -f "$world/sleeping"
		(start kernel linux) >"$world/out" 2>"$world/err" </dev/null &
		tries=100
		while [ ! -s "$world/sleeping" ] && [ $tries -gt 0 ]; do
			tries=$((tries - 1))
			sleep 0.05
		done
		kill -"${signal%:*}" $!
		wait $!
		status=$?
		passed=yes
		same status "${signal#*:}" "$status"
		same 'the last line' 'machine: interrupted' "$(tail -n 1 "$world/err")"
		# Dead, if perhaps not yet buried: it got its signal with the others, and its time is the scheduler's.
		tries=100
		while alive && [ $tries -gt 0 ]; do
			tries=$((tries - 1))
			sleep 0.1
		done
		same 'still running' '' "$(alive && echo yes)"
		report "SIG${signal%:*} while it builds"
	done
}

test_built_in_place()
{
	new_world
	touch "$tree/.config"
	run kernel linux
	expect 'built in place, without git' 2 '' 2 'mrproper" cleans it'
	if ! command -v git >/dev/null; then
		echo '# skip: built in place: no git'
		return
	fi
	printf '.config\n*.o\n' >"$tree/.gitignore"
	(
		cd "$tree" && git init -q && git add -A &&
			git -c user.name=t -c user.email=t@example.org commit -qm tree
	) >/dev/null 2>&1
	touch "$tree/init/main.o" "$tree/init/new.c"
	run kernel linux
	expect 'built in place' 0 "$(cat "$world/out")" 4 built
	links=$(dirname "$(cat "$world/out")")/source
	rm "$tree/init/new.c"
	touch "$tree/init/newer.c"
	echo second >"$tree/arch/x86/kvm/pmu.c"
	passed=yes
	same 'sources alone' 'main.c new.c' "$(cd "$links/init" && echo *)"
	run kernel linux
	same 'what came and went' 'main.c newer.c' "$(cd "$links/init" && echo *)"
	same 'the image' second "$(cat "$(cat "$world/out")")"
	report 'built in place: links to its sources, kept up to date'
}

# shellcheck disable=SC3046 # the function's name, not the shell's
test_packages()
{
	new_world
	path=$cache/machine/packages/linux-image-7.3_7.3.4-1.deb
	run fetch linux-image-7.3 ,trixie,sid
	expect 'fetches a package' 0 "$path" 2 'downloading linux-image-7.3 7.3.4-1'
	passed=yes
	same 'suites' 'Suites: trixie Suites: sid' "$(grep Suites "$world/sources" | tr '\n' ' ' | sed 's/ $//')"
	same 'mirrors' 'URIs: some://mirror/debian Signed-By: /key' \
		"$(grep 'URIs\|Signed' "$world/sources" | sort -ru | tr '\n' ' ' | sed 's/ $//')"
	report "of those suites, from this machine's mirror"
	: >"$world/asked"
	run fetch linux-image-7.3 ,trixie,sid
	passed=yes
	same stdout "$path" "$(cat "$world/out")"
	same 'asked' '' "$(cat "$world/asked")"
	report 'and finds it again, without asking'
	run fetch linux-image-9.9 ,trixie,sid
	expect 'an unknown package' 2 '' 1 'Unavailable: there is no package linux-image-9.9 in trixie, sid'
	run fetch linux-image-9.9 ',no suite'
	expect 'a suite that is no name' 2 '' 1 "'no suite' is not the name of a suite"
	while read -r mode lines text; do
		new_world
		echo "$mode" >"$world/mode"
		run fetch linux-image-7.3 ,trixie
		expect "a download that fails: $mode" 2 '' "$lines" "$text"
		passed=yes
		same 'half a package' '' "$(ls -A "$cache/machine/packages")"
		report "$mode: nothing is left"
	done <<'END'
offline 2 cannot be fetched (Could not resolve the name)
full 3 could not be downloaded: the disk is full
damaged 3 another hash than the list says
END
	new_world
	echo 99999999999999 >"$world/size"
	run fetch linux-image-7.3 ,trixie
	expect 'more than the disk has' 2 '' 2 'RDPMC_CACHE= names another directory'
	new_world
	rm "$world/bin/apt-get"
	run fetch linux-image-7.3 ,trixie
	expect 'no apt-get' 2 '' 1 'apt-get is missing'
	new_world
	rm -r "$world/etc/sources.list.d"
	printf 'deb some://else cloud main\ndeb some://security-mirror/debian bookworm main\n' >"$world/etc/sources.list"
	run mirror
	expect 'no Debian mirror' 2 '' 1 'apt has no Debian mirror in its sources; RDPMC_DEBIAN_MIRROR=URI'
	echo 'deb [arch=amd64 signed-by=/other] some://old/debian/ bookworm main # comment' >>"$world/etc/sources.list"
	run mirror
	expect 'a mirror in the old format' 0 "('some://old/debian/', '/other')" 0 ''
	variables='RDPMC_DEBIAN_MIRROR=some://chosen'
	run mirror
	variables=
	passed=yes
	same chosen some://chosen "$(cut -d"'" -f2 "$world/out")"
	report 'a mirror of one'"'"'s own'

	new_world
	hash=$(echo tarball | sha256sum | cut -d' ' -f1)
	run source bochs 3.0 ,trixie "$hash"
	expect 'a source whose .dsc is missing' 0 "$cache/machine/packages/bochs-$(echo "$hash" | cut -c1-12).tar" 2 downloading
	: >"$world/asked"
	run source bochs 3.0 ,trixie "$hash"
	passed=yes
	same asked '' "$(cat "$world/asked")"
	report 'is found again, without asking'
	run source bochs 3.0 ,trixie 0123456789abcdef
	expect 'a source with another hash' 2 '' 2 "has SHA-256 $hash, expected 0123456789abcdef"
	echo unknown >"$world/mode"
	run source bochs 3.0 ,trixie 0123456789abcdef
	expect 'an unknown source' 2 '' 2 'Unavailable: there is no source package bochs 3.0 in trixie'
}

test_usage
test_building
test_failures
test_built_in_place
test_packages

echo "1..$count"
[ $count -gt 0 ] && [ $failures -eq 0 ]
