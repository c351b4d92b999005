#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
#
# Proves that scripts/kernel-engine answers wrong use, and a tree that it cannot handle, with one
# paragraph that says what is wrong, exit status 2, and leaves nothing behind. The trees are a few
# files each, no kernel's.
set -u

script=scripts/kernel-engine
top=$(mktemp -d) || exit 1
trap 'rm -rf "$top"' EXIT
trap 'exit 1' INT TERM HUP
good=$top/good
count=0
failures=0

# As much of a tree as is asked for before anything is compiled.
mkdir -p "$good/arch/x86/kvm/vmx" "$good/arch/x86/kvm/svm" "$good/arch/x86/include/generated/asm" \
	"$good/arch/x86/include/asm" "$good/include/generated" "$good/include/linux" "$good/virt/kvm"
kvm=$good/arch/x86/kvm
echo 'int kvm_emulate_rdpmc, x86_emulate_instruction, emulate_ops;' >"$kvm/x86.c"
echo 'int kvm_pmu_refresh, kvm_pmu_init, kvm_pmu_ops_update, kvm_pmu_rdpmc;' >"$kvm/pmu.c"
echo 'int intel_pmu_ops;' >"$kvm/vmx/pmu_intel.c"
echo 'int amd_pmu_ops;' >"$kvm/svm/pmu.c"
echo 'struct kvm_pmu_ops { int check_rdpmc_early; };' >"$kvm/pmu.h"
touch "$good/Kbuild" "$good/Makefile" "$kvm/emulate.c" "$kvm/cpuid.c" "$kvm/vmx/vmx.h" "$kvm/Kconfig" \
	"$good/virt/kvm/Kconfig" "$good/include/generated/bounds.h" "$good/include/generated/timeconst.h" \
	"$good/arch/x86/include/asm/msr.h"
touch "$good/arch/x86/include/asm/alternative.h" "$good/arch/x86/include/asm/cpufeature.h"
for header in kconfig compiler_types init bug mmdebug kvm_host perf_event; do
	touch "$good/include/linux/$header.h"
done
for header in x86 cpuid kvm_emulate svm/svm; do
	touch "$kvm/$header.h"
done
echo 'struct kvm_vcpu { struct { int pmu; } arch; };' >"$good/include/linux/kvm_host.h"
cat >"$good/include/linux/types.h" <<'END'
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
#define __always_inline inline
END
echo '#define CONFIG_X86_64 1' >"$good/include/generated/autoconf.h"
echo '#define UTS_RELEASE "6.12.0-test"' >"$good/include/generated/utsrelease.h"

report() # PASSED NAME
{
	count=$((count + 1))
	if [ "$1" = yes ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		failures=$((failures + 1))
		sed 's/^/# out: /' "$top/out"
		head -n 30 "$top/err" | sed 's/^/# err: /'
	fi
}

run()
{
	rm -rf "$top/tmp" "$top/made"
	mkdir "$top/tmp" "$top/made"
	TMPDIR=$top/tmp "$script" "$@" >"$top/out" 2>"$top/err" </dev/null
	status=$?
}

# Exit status 2, nothing on stdout, no file anywhere, and on stderr LINES lines of which the last says
# TEXT; any number if LINES is "-".
refused() # NAME LINES TEXT
{
	passed=yes
	[ $status -eq 2 ] || { passed=no; echo "# exit status $status"; }
	[ ! -s "$top/out" ] || passed=no
	[ "$2" = - ] || [ "$(grep -c '' "$top/err")" -eq "$2" ] || { passed=no; echo "# more than $2 lines"; }
	tail -n 1 "$top/err" | grep -qF -e "$3" || { passed=no; echo "# expected: $3"; }
	left=$(find "$top/tmp" "$top/made" -mindepth 1)
	[ -z "$left" ] || { passed=no; echo "# left behind: $left"; }
	report $passed "$1"
}

# The good tree, after a COMMAND that spoils it.
spoilt() # NAME LINES TEXT COMMAND...
{
	name=$1 lines=$2 text=$3
	shift 3
	rm -rf "$top/tree"
	cp -r "$good" "$top/tree"
	(cd "$top/tree" && "$@") || echo '# the tree could not be spoilt'
	run --out "$top/made/x.so" "$top/tree"
	refused "$name" "$lines" "$text"
}
write() # FILE TEXT
{
	echo "$2" >"$1"
}

while read -r text arguments; do
	# shellcheck disable=SC2086 # arguments
	run $arguments
	refused "wrong use: $arguments" 1 "$(echo "$text" | tr _ ' ')"
done <<END
which_TREE?
which_TREE? a b c
unknown_option --nonsense $good
needs_an_argument --out
there_are_diff,_fuzz,_coverage_and_prove --for nonsense $good
letters,_digits --name a/b --out $top/made/x.so $good
no_such_directory $top/nowhere
no_such_directory $good $top/nowhere
END

mkdir "$top/a  tree"
run --out "$top/made/x.so" "$top/a  tree"
refused 'a path that compilers would not take' 1 'blanks or special characters'
spoilt 'no tree' 1 'a top-level Kbuild beside a Makefile' rm Kbuild
spoilt 'headers only' 1 'A package of headers does not have it: give the source' find arch/x86/kvm -name '*.[ch]' -delete
spoilt 'not prepared' 1 'defconfig prepare", or give the build directory (KOBJ=)' rm -r include/generated arch/x86/include/generated
spoilt 'configured, not prepared' 1 '/tree prepare"' rm include/generated/bounds.h
mkdir "$top/objects"
run --out "$top/made/x.so" "$good" "$top/objects"
refused 'a build directory that is not prepared' 1 "make -C $good O=$top/objects defconfig prepare\", or give no build directory (KOBJ=): $good itself is prepared."
run --out "$top/made/x.so" "$good/Makefile"
refused 'a file for a tree' 1 'Makefile: not a directory'
run --out "$top/made/x.so" "$good" "$top/nowhere"
refused 'no build directory' 1 "nowhere: no such directory; the build directory (KOBJ=)"
spoilt 'i386' 1 'Configure the tree for x86-64' write include/generated/autoconf.h '#define CONFIG_X86_32 1'
spoilt 'arm64' 1 'Configure the tree for x86-64' write include/generated/autoconf.h '#define CONFIG_ARM64 1'
spoilt 'a release that is no number' 1 'UTS_RELEASE' write include/generated/utsrelease.h '#define UTS_RELEASE "next"'
spoilt 'a kernel without the function that is called' 1 'kvm_pmu_rdpmc was looked for in' \
	write arch/x86/kvm/pmu.c 'int kvm_pmu_refresh, kvm_pmu_init, kvm_pmu_ops_update;'
if command -v clang >/dev/null; then
	spoilt 'a syntax error' - 'arch/x86/kvm/pmu.c does not compile with clang; the first errors are above' \
		write arch/x86/kvm/pmu.c 'int kvm_pmu_refresh, kvm_pmu_init, kvm_pmu_ops_update, kvm_pmu_rdpmc = = 1;'
	passed=yes
	grep -q 'pmu.c:1:.*error: expected expression' "$top/err" || passed=no
	report $passed 'a syntax error: the compiler says where'
	spoilt 'headers that do not compile are no tree without features' - 'its headers do not compile with clang' \
		write arch/x86/kvm/pmu.h 'struct kvm_pmu_ops { int check_rdpmc_early'
else
	count=$((count + 1))
	echo "ok $count - a syntax error # SKIP no clang here"
fi
for silent in true false; do
	printf '#!/bin/sh\n[ "$1" != --version ] || echo clang\n%s\n' $silent >"$top/silent"
	chmod +x "$top/silent"
	CC=$top/silent run --features "$good"
	refused "a compiler that tells nothing: $silent" 1 'does not tell what it has'
done
if command -v gcc >/dev/null; then
	CC=gcc run --out "$top/made/x.so" "$good"
	refused 'a gcc' 1 'CC=gcc is no clang'
fi
CC=no-such-compiler run --out "$top/made/x.so" "$good"
refused 'no compiler' 1 'no-such-compiler is not there'

run --features "$good"
passed=yes
[ $status -eq 0 ] && [ "$(grep -c '' "$top/err")" -eq 1 ] || passed=no
grep -q '^controls false ' "$top/out" && grep -q 'not judged in vmx.c and svm.c: .* error: .*desc.h' "$top/err" || passed=no
grep -q '^check-rdpmc-early true ' "$top/out" && grep -q '^mediated-pmu false ' "$top/out" || passed=no
grep -q '^fast-reads false ' "$top/out" && grep -q '^emu-rdpmc false ' "$top/out" || passed=no
[ -z "$(find "$top/tmp" -mindepth 1)" ] || passed=no
report $passed '--features tells what is there and what is not'
rm -rf "$top/tree"
cp -r "$good" "$top/tree"
echo 'fast_mode' >>"$top/tree/arch/x86/kvm/pmu.c"
echo 'struct kvm_pmu_ops { int emulate_rdpmc; }; /* check_rdpmc_early */' >"$top/tree/arch/x86/kvm/pmu.h"
run --features "$top/tree"
passed=yes
grep -q '^fast-reads true ' "$top/out" && grep -q '^emu-rdpmc true ' "$top/out" || passed=no
grep -q '^check-rdpmc-early false ' "$top/out" || passed=no
report $passed '--features: by a line of a source, by another name, and not by a word in a comment'
run --help
passed=yes
[ $status -eq 0 ] && [ ! -s "$top/err" ] && [ "$(grep -c '' "$top/out")" -le 24 ] || passed=no
report $passed '--help'

# Without the vendors' own files, of which one or both are refused. The compiler is a clang of the name alone, whose objects
# are empty but for what the linker asks for, and which tells what it links; ccache would not know it.
cat >"$top/clang" <<'END'
#!/bin/sh
[ "$1" != --version ] || { echo clang; exit; }
out=$(echo "$*" | sed 's/.* -o \([^ ]*\).*/\1/')
case " $* " in
*' -fsyntax-only '*)	echo 'feature/control/no:1:1: error: no such name' >&2 ;;
*' -shared '*)	echo "$*" >"${0%/*}/linked"; touch "$out" ;;
*)		case " $* " in *' -MF '*)
			source=$(echo "$*" | sed 's/.* -c \([^ ]*\).*/\1/')
			refused=$(cat "${0%/*}/refused" 2>/dev/null || echo /)
			# shellcheck disable=SC2254 # a pattern
			case $source in *$refused) echo "$source:1:1: error: refused" >&2; exit 1 ;; esac
			case $source in */engine.c) cp kernel-features.h "${0%/*}/features" ;; esac
			echo "x.o: $source" >"$(echo "$*" | sed 's/.* -MF \([^ ]*\).*/\1/')" ;;
		esac
		echo '__attribute__((weak)) int rdpmc_engine = 1, emulate_ops = 1;' | ${HOST_CC:-cc} -fdata-sections -xc -c -o "$out" - ;;
esac
END
chmod +x "$top/clang"
export CCACHE_DISABLE=1
for refused in '/glue_vmx.c' '/glue_[vs][vm][xm].c'; do
	echo "$refused" >"$top/refused"
	CC=$top/clang
	export CC
	run --out "$top/made/engine.so" "$good"
	unset CC
	passed=no
	[ $status -eq 0 ] && [ "$(grep -c 'not judged in vmx.c and svm.c: .*glue_.*error: refused' "$top/err")" -eq 1 ] &&
		[ "$(grep -c '' "$top/err")" -eq 1 ] && ! grep -q 'glue_[vs]' "$top/linked" && grep -q '"controls", .*false' "$top/features" &&
		passed=yes
	report $passed "made without $refused"
done
rm "$top/refused"

echo "1..$count"
[ $failures -eq 0 ]
