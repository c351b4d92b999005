#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, long
# Proves that scripts/machine refuses what it cannot do with one line, builds the emulator or says why not, and
# that two emulated hosts, Intel's and AMD's, measure, judge and end as they must. `make test-machine` boots all.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/checks.sh
BUILD=${BUILD:-build}
export BUILD
machine=$PWD/scripts/machine
programs=$(realpath "$BUILD")

run()
{
	status=0
	"$machine" "$@" >"$dir/out" 2>"$dir/err" </dev/null || status=$?
}
one_line() { [ ! -s "$dir/out" ] && [ "$(wc -l <"$dir/err")" -eq 1 ] && grep -qF -e "$1" "$dir/err"; }
refuses() # STATUS TEXT ARGUMENTS...
{
	wanted=$1 text=$2
	shift 2
	run "$@"
	if [ $status -eq "$wanted" ] && one_line "$text"; then
		ok "refused: $text"
	else
		echo "# exit status $status, expected $wanted and: $text"
		not_ok "refused: $text"
	fi
}

wrong_use 'which command?'
wrong_use "invalid choice: 'nonsense'" nonsense
wrong_use 'no such processor; there are skylake, ' run --cpu pentium
wrong_use "'version' is no field" run --cpu skylake,version
wrong_use 'no-pmu has no PMU' run --cpu no-pmu,version=2
wrong_use "'1' is no number from 128 to 2048" run --memory 1
wrong_use 'no such file' run --put "$dir/absent"
wrong_use "it is debian:VERSION or a bzImage" run --kernel "$dir/absent"
wrong_use 'that is no bzImage' run --kernel Makefile
wrong_use 'a version is numbers' run --kernel debian:new
wrong_use "--modules is for a kernel of your own" run --kernel debian:7.3 --modules "$dir"
wrong_use '--get: the same file twice' run --get a=x --get a=y
wrong_use 'cannot be written' run --get "a=$dir/absent/x"
wrong_use 'is not built; make builds it' run --build "$dir" -- rdpmc-bench doctor
wrong_use 'cannot be written' profile --folded "$dir/absent/x"
wrong_use 'no debian:VERSION, no bzImage and no kernel source tree' ab "$dir/absent" "$dir/absent"
wrong_use 'no --get brings this file' run --profiles "$dir/result.json"
refuses 128 'invalid int value' bisect 'rdpmc/*' many
wrong_use 'is no number' profile --top 0
wrong_use "debian:6.12 is Debian's" ab 6.12 debian:7.3
wrong_use 'is no number' ab --top 0 "$dir/absent" "$dir/absent"
wrong_use 'unrecognized arguments: --kernel' ab --kernel x a b
run bisect --kdir "$dir" 'rdpmc/*' 1
check "bisect ends where there is no kernel tree" test $status -eq 128 -a "$(grep -c 'is no Linux source tree' "$dir/err")" -eq 1
wrong_use 'fuzz-rdpmc-live is not built' fuzz --build "$dir"
wrong_use 'no such directory' fuzz --seeds "$dir/absent" --corpus "$dir/c" --found "$dir/f" --program /bin/true
wrong_use "'0' is no number" fuzz --time 0
run --help
check "--help names the commands" ends 0 'shell     the same with a prompt'
run run --help
check "... and the exit statuses" ends 0 '125 the machine did not boot'

# Sources that are not the one the insertions are for.
echo text >"$dir/source"
RDPMC_CACHE=$dir/cache BOCHS_SOURCE=$dir/source
export RDPMC_CACHE BOCHS_SOURCE
refuses 2 'its SHA-256 is' build
BOCHS_SOURCE=$dir/absent
refuses 2 'No such file or directory' build
unset BOCHS_SOURCE
RDPMC_DEBIAN_MIRROR=file://$dir/nowhere
export RDPMC_DEBIAN_MIRROR
run build
check "without network it says so, exit 77" test $status -eq 77 -a "$(grep -c 'cannot be fetched' "$dir/err")" -eq 1
check "... and leaves no half of an emulator" test -z "$(find "$dir/cache/machine" -name tree)"
unset RDPMC_DEBIAN_MIRROR
RDPMC_CACHE=/proc/nowhere
refuses 2 'RDPMC_CACHE= names another directory' build
unset RDPMC_CACHE

# Each anchor of the insertions is looked for, and named when it is not there once.
anchors()
{
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=scripts python3 - "$dir/tree" <<'END'
import os
import sys
from rdpmc_machine import emulator
from rdpmc_machine.failed import Failed

tree = sys.argv[1]
changes = emulator.insertions().INSERTIONS
def make(broken=None, text=""):
    for name in {change[0] for change in changes}:
        path = os.path.join(tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="latin-1") as file:
            file.write("\n".join(text if change is broken else change[1] + ("\n" + change[1]) * (change[3] - 1 if change[3:]
                                  else 0) for change in changes if change[0] == name))
def says():
    try:
        emulator.insert(tree, changes)
    except Failed as why:
        return str(why)
    return ""
make()
assert says() == "", says()
for change in changes:
    for count in 0, 2:
        make(change, change[1] * count)
        first = change[1].strip().splitlines()[0]
        # An anchor may stand inside another.
        why = says()
        assert why and "not the Bochs" in why, (change, count, why)
END
}
anchors >"$dir/out" 2>"$dir/err"
check "an anchor that is not there exactly once is refused, each of them" test $? -eq 0

# A kernel is unpacked here if it can be, and else unpacks itself.
unpacks()
{
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=scripts python3 - "$dir/bzimage" <<'END'
import bz2, gzip, lzma, struct, subprocess, sys
from rdpmc_machine import image

def zstd(data):
    return subprocess.run(["zstd", "-qc"], input=data, capture_output=True, check=True).stdout
def elf(kind=2, machine=62, at=0x1000000):
    segments = [(at, b"text" * 100), (at + 0x2000, b"data")]
    head = b"\x7fELF" + bytes([kind]) + b"\1\1".ljust(11, b"\0") + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, at + 16, 64, 0, 0, 64,
                                                                             56, 3, 0, 0, 0)
    offset, table, text = 64 + 3 * 56, b"", b""
    for address, data in segments:
        table += struct.pack("<IIQQQQQQ", 1, 5, offset + len(text), address + 0xffffffff80000000, address, len(data), len(data) + 64, 0)
        text += data
    return head + table + struct.pack("<IIQQQQQQ", 4, 4, 0, 0, 0, 16, 16, 0) + text
def parts(payload):
    setup = bytearray(1024)
    setup[0x1f1] = 1
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<II", setup, 0x248, 512, len(payload))
    struct.pack_into("<QI", setup, 0x258, 0x1000000, 0x800000)
    with open(sys.argv[1], "wb") as file:
        file.write(bytes(setup) + b"unpacker".ljust(512, b"\0") + payload)
    return image.place_kernel(sys.argv[1], b"initramfs", "words", 128)

size = struct.pack("<I", len(elf()))
for packed in zstd(elf()) + size, lzma.compress(elf()) + size, gzip.compress(elf()), bz2.compress(elf()) + size:
    (setup, _), (stub, code), (kernel, data), (_, last) = parts(packed)
    assert (setup, stub, kernel, last) == (0x10000, 0x100000, 0x1000000, b"initramfs"), packed[:6]
    assert data == (b"text" * 100).ljust(0x2000, b"\0") + b"data" and len(code) <= 0x8000
    assert struct.pack("<Q", 0x1000010) + b"\xff\xe0" in code[:0x100], "the jump to its entry"
for packed in (b"\x02\x21\x4c\x18" + elf(), zstd(elf())[:-9] + size, zstd(elf(kind=1)) + size, zstd(elf(machine=3)) + size,
               zstd(elf(at=0x100000)) + size, zstd(b"text") + size, zstd(elf()[:80]) + size, zstd(elf().replace(b"\1\0\0\0\5", b"\2\0\0\0\5")) + size,
               gzip.compress(elf())[:-20], b""):
    placed = parts(packed)
    assert [address for address, _ in placed[:2]] == [0x10000, 0x100000] and len(placed) == 3, packed[:6]
    assert placed[1][1].startswith(b"unpacker"), packed[:6]
END
}
unpacks >"$dir/out" 2>"$dir/err"
check "a kernel is unpacked, or unpacks itself" test $? -eq 0

# From here on it boots.
"$machine" build >"$dir/out" 2>"$dir/err"
case $? in
0)	check "the emulator is built, and found again" test "$("$machine" build 2>/dev/null)" = "$(cat "$dir/out")" ;;
77)
	skip "the emulated machine" "$(cat "$dir/err")"
	echo "1..$n"
	exit $((failed > 0))
	;;
*)	not_ok "the emulator is built" ;;
esac

# One boot for what is not of a host: what goes in, comes out, and how it ends.
cat >"$dir/job.sh" <<'END'
cat given.txt
echo trouble >&2
# What came of each random number and each interrupt since the boot.
cat /proc/sys/kernel/random/uuid /proc/interrupts /proc/uptime >boot
head -c 100000 /dev/zero | tr '\0' 'x' >big
exit 7
END
echo 'from the host' >"$dir/given.txt"
(cd "$dir" && "$machine" run --build "$programs" --put given.txt --put job.sh --get big --get none --get boot=boot1 -- sh job.sh >out 2>err)
status=$?
if [ $status -eq 77 ]; then
	skip "the emulated machine" "$(cat "$dir/err")"
	echo "1..$n"
	exit $((failed > 0))
fi
check "a command's exit status is the machine's" test $status -eq 7
check "... what it wrote comes out as it was" test "$(cat "$dir/out")" = 'from the host'
check "... standard error apart" grep -qx trouble "$dir/err"
check "a file comes back whole" test "$(tr -d x <"$dir/big" | wc -c),$(wc -c <"$dir/big")" = 0,100000
check "one that is not there is named" grep -q 'none: No such file' "$dir/err"
check "... and where it is" grep -qx 'machine: big is big here' "$dir/err"
check "what is under way has a line in a log" test "$(grep -c ': \(booting\|loading KVM\|running\)$' "$dir/err")" -eq 3
check "where the time went is told" grep -q 'booted in .* simulated' "$dir/err"

# A kernel that dies of a case, by a fuzzer of our own; and one that never comes so far.
mkdir "$dir/seeds" "$dir/found"
echo one >"$dir/seeds/one"
echo die >"$dir/seeds/die"
fuzz_dies() # NAME ARGUMENTS...
{
	name=$1
	shift
	mkdir "$dir/$name" "$dir/$name/tmp"
	TMPDIR=$dir/$name/tmp "$machine" fuzz --quiet --time 2 --seed 1 --seeds "$dir/seeds" --corpus "$dir/$name/corpus" \
		--found "$dir/$name/found" --program "$dir/dies" "$@" >"$dir/$name/out" 2>"$dir/$name/err"
	echo $? >"$dir/$name/status"
}
gcc -O1 -I. -static -o "$dir/dies" tests/machine/dies.c fuzz/targets/target_outlet.c || not_ok "the fuzzer that dies is built"
fuzz_dies once &
once=$!
fuzz_dies always --append 'rdinit=/nonsense' &
always=$!

# Ctrl-C does not come to what runs in the background.
hosts='' child=''
trap 'kill $hosts $child $once $always 2>/dev/null; rm -rf "$dir"' EXIT
tests/machine/hosts.py --short >"$dir/hosts" 2>&1 &
hosts=$!
(cd "$dir" && "$machine" run --quiet --build "$programs" --put given.txt --put job.sh --get big --get none --get boot=boot2 -- \
	sh job.sh >out 2>err)
check "two boots are the same to the byte" cmp "$dir/boot1" "$dir/boot2"
check "... and long enough to say so" test "$(wc -l <"$dir/boot1")" -gt 10
run run --quiet --console "$dir/console" --append 'rdinit=/nonsense' -- true
check "a kernel that panics: 125, and its words" test $status -eq 125 -a "$(grep -c 'panicked before it had booted: ' "$dir/err")" -eq 1
run run --quiet --time 1 -- sleep 1000
check "one that takes too long: 125" test $status -eq 125 -a "$(grep -c 'ended after 1 s' "$dir/err")" -eq 1
# Ctrl-C.
mkdir "$dir/tmp"
TMPDIR=$dir/tmp "$machine" run --quiet -- sleep 1000 >"$dir/out" 2>"$dir/err" &
child=$!
emulator() { pgrep -P "$child" -f bochs-; }
tries=600
until emulator >/dev/null || [ $tries = 0 ]; do
	tries=$((tries - 1))
	sleep 0.1
done
before=$(emulator)
kill -TERM $child
wait $child
check "SIGTERM: 143" test $? -eq 143
check "... nothing is left of it" test -z "$(ls "$dir/tmp")"
check "... the emulator that ran is gone" sh -c "[ -n '$before' ] && ! kill -0 $before 2>/dev/null"

wait $once
cp "$dir/once/err" "$dir/once/out" "$dir"
death=$(echo "$dir"/once/found/death-*)
check "fuzz: a kernel that panics is a finding: 1" test "$(cat "$dir/once/status")" = 1
check "... with the case" test "$(cat "$death/case")" = die
"$programs/rdpmc-diff" run --engine emulator "$death/journal" >"$dir/out" 2>&1
check "... and what ran before it" grep -q ': 2 cases,' "$dir/out"
check "... and what the kernel said" grep -q '^Kernel panic - not syncing: sysrq triggered crash' "$death/finding.md"
check "... and the command that repeats it" grep -qx "scripts/machine run --cpu skylake --kernel debian:7.3 --put $death/case=case -- rdpmc-diff run --engine kvm case" "$death/finding.md"
check "... it is booted again without that case, and only then" grep -q '^machine: [0-9]* cases in 2 s of fuzzing.* 2 boots, 1 new in the corpus, 0 findings, 1 crash;' "$dir/err"
check "... what the fuzzer kept comes out" grep -rqx 'made 3' "$dir/once/corpus"
check "... nothing is left of it" test -z "$(ls "$dir/once/tmp")"
wait $always
cp "$dir/always/err" "$dir/always/out" "$dir"
check "fuzz: a kernel that always dies at once: 125" test "$(cat "$dir/always/status")" = 125
check "... after three boots, in one line" test "$(grep -c '3 times in a row before its first case, the last time of: Kernel panic' "$dir/err")" -eq 1
check "... and is no finding" test -z "$(ls "$dir/always/found")"

wait $hosts
grep '^#' "$dir/hosts"
cp "$dir/hosts" "$dir/out"
: >"$dir/err"
for name in intel-mediated amd-mediated; do
	if grep -q "^ok .* - $name .*# SKIP" "$dir/hosts"; then
		skip "host $name" "$(sed -n "s/^ok .* - $name .*# SKIP //p" "$dir/hosts")"
	else
		check "host $name" grep -q "^ok .* - $name " "$dir/hosts"
	fi
done
echo "1..$n"
[ $failed -eq 0 ]
