#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
#
# Proves that tests/run takes nothing for a success that is none, and ends whatever a test does.
set -u
. tests/checks.sh

a_test() # name, then what the test does
{
	printf '#!/bin/sh\n%s\n' "$2" >"$dir/$1.sh"
	printf '#!/bin/sh\n# beside others\n%s\n' "$2" >"$dir/$1_beside.sh"
	chmod +x "$dir/$1.sh" "$dir/$1_beside.sh"
}
run()
{
	TEST_LIMIT=2 tests/run "$@" >"$dir/out" 2>"$dir/err"
	status=$?
}
fails() # and standard output says all of these
{
	[ $status -eq 1 ] || return 1
	for text; do says "$text" || return 1; done
}

a_test good 'echo "ok 1 - this"; echo "ok 2 - that # SKIP no such machine"; echo "# figure: 7 of 7"; echo 1..2'
a_test bad 'echo "not ok 1 - this"; echo 1..1'
a_test mixed 'echo "ok 1 - this"; echo "# why: that"; echo "not ok 2 - that"; echo "ok 3 - it"; echo 1..3'
a_test crashes 'echo "ok 1 - this"; echo 1..1; kill -SEGV $$'
a_test ends_early 'echo "ok 1 - this"; echo 1..2'
a_test plans_nothing 'echo "ok 1 - this"'
a_test hangs 'echo "ok 1 - this"; exec sleep 60'
a_test hangs_and_is_deaf 'trap "" TERM; echo "ok 1 - this"; while :; do sleep 1; done'

run "$dir/good.sh"
check "what is well is a success" ends 0 "1 passed, 0 failed, 1 skipped"
check "a skip is told with its reason" says "that # SKIP no such machine"
check "a figure is told" says "# figure: 7 of 7"
run "$dir/good.sh" "$dir/bad.sh" "$dir/good.sh"
check "one failure among others" fails "not ok 1 - this" "2 passed, 1 failed, 2 skipped"
check "... and how to repeat it, in the last line" test "$(tail -n 1 "$dir/out")" = "to repeat one: make check T=bad"
run "$dir/mixed.sh"
check "of one that failed, what failed and why" fails "# why: that" "not ok 2 - that" "2 passed, 1 failed"
check "... and not what passed" test "$(grep -c -e "ok 1 - this" -e "ok 3 - it" "$dir/out")" -eq 0
run "$dir/good.sh" "$dir/good.sh" "$dir/good.sh" "$dir/good.sh" "$dir/good.sh" "$dir/good.sh"
check "the five slowest of more are named" ends 0 "slowest: good"
run "$dir/good_beside.sh" "$dir/bad_beside.sh"
check "one failure beside others" fails "not ok 1 - this" "1 passed, 1 failed, 1 skipped"
for test in crashes ends_early plans_nothing; do
	run "$dir/$test.sh"
	check "one that $test, and after what" fails "exit status" "after: ok 1 - this" "1 passed, 1 failed"
done
# On one processor they come one after the other: the long one first.
a_test short 'echo "ok 1 - short"; echo 1..1'
a_test long 'echo "ok 1 - long"; echo 1..1'
a_test longest 'echo "ok 1 - longest"; echo 1..1'
sed -i 's/^# beside others$/&, long/' "$dir/long_beside.sh"
sed -i 's/^# beside others$/&, longest/' "$dir/longest_beside.sh"
V=1 taskset -c "$(taskset -pc $$ | sed 's/.*: //; s/[-,].*//')" tests/run "$dir/short_beside.sh" "$dir/long_beside.sh" \
	"$dir/longest_beside.sh" >"$dir/out" 2>&1
check "the long ones come first" test "$(grep -o 'ok 1 - .*' "$dir/out" | tr '\n' ,)" = "ok 1 - longest,ok 1 - long,ok 1 - short,"

for test in hangs hangs_and_is_deaf hangs_beside; do
	run "$dir/$test.sh" "$dir/good.sh"
	check "one that $test is ended, and what it said is shown" \
		fails "ok 1 - this" "did not end within 2, or was killed" "2 passed, 1 failed, 1 skipped"
done
# Its own limit, where nobody sets another.
sed '2i# limit 1s' "$dir/hangs.sh" >"$dir/limited.sh"
chmod +x "$dir/limited.sh"
env -u TEST_LIMIT tests/run "$dir/limited.sh" >"$dir/out" 2>"$dir/err"
status=$?
check "one with a limit of its own" fails "did not end within 1s, or was killed"
# As the kernel does for want of memory.
a_test takes_it_along 'echo "ok 1 - this"; kill -9 $(ps -o ppid= -p $PPID) $PPID; echo 1..1'
run "$dir/good_beside.sh" "$dir/takes_it_along_beside.sh" "$dir/bad_beside.sh" "$dir/bad_beside.sh"
check "what told of a test was killed" fails "did not come to their end"
a_test plans_oddly 'printf "ok 1 - this\n1..1\377\n"'
run "$dir/plans_oddly.sh"
check "a plan that is no number" fails "1 passed, 1 failed"
run "$dir/nowhere.sh"
check "one that is not there" fails "0 passed, 1 failed"
run
check "no test at all" [ $status -eq 1 ]

# The build, as it would be.
env -u BUILD -u CC -u MAKEFLAGS make -n SETUP=no V=1 LLVM=1 O="$dir/o" WERROR=0 CPPFLAGS=-DMINE=1 CFLAGS=-O3 LDFLAGS=-Wl,-z,now "$dir/o/rdpmc-bench" \
	>"$dir/out" 2>"$dir/err"
check "make -n with the kernel's names" test $? -eq 0
check "LLVM=1, CPPFLAGS, CFLAGS" grep -q '^clang -I\. .*-DMINE=1 .*-O3 .* bench/report\.c$' "$dir/out"
check "... lld and llvm-objcopy" test "$(grep -c '^ld\.lld \|^llvm-objcopy ' "$dir/out")" -eq 2
check "LDFLAGS" grep -q -e "-Wl,-z,now -o $dir/o/rdpmc-bench " "$dir/out"
check "WERROR=0" test "$(grep -c -e -Werror "$dir/out")" -eq 0
check "O=: nothing is made elsewhere" test "$(grep -c -e ' -o build/' "$dir/out")" -eq 0

# A program that looks at no host has no made one, and none of its functions is wrapped.
env -u BUILD -u SANITIZED -u CC -u MAKEFLAGS make -n SETUP=no V=1 MADE=amd-svm O="$dir/o" "$dir/o-made/sanitized/test_fuzz_case" \
	"$dir/o-made/sanitized/test_live" >"$dir/out" 2>"$dir/err"
check "MADE=: a made host where a host is looked at" \
	test "$(grep -c -e "-o $dir/o-made/sanitized/test_live .*made_host\.o.*--wrap=cpuid_read" "$dir/out")" -eq 1
check "MADE=: no wrapped function without one" \
	test "$(grep -e "-o $dir/o-made/sanitized/test_fuzz_case " "$dir/out" | grep -c -e '--wrap')" -eq 0

echo "1..$n"
exit "$failed"
