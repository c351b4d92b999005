#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others
# What scripts/rdpmc_prove/rewrites.py makes of C means the same: both are compiled and run. Where a rule does not fit,
# what it makes says so.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/checks.sh

cat >"$dir/assert.c" <<'END'
extern int printf(const char *, ...);
void *memcpy(void *, const void *, unsigned long);
void *memset(void *, int, unsigned long);
static void __CPROVER_assert(_Bool holds, const char *what)
{
	if (!holds)
		printf("%s\n", what);
}
static void __CPROVER_assume(_Bool holds)
{
}
void contract_copy(void *to, const void *from, unsigned long size)
{
	memcpy(to, from, size);
}
typedef unsigned int u32;
typedef unsigned long long u64;
struct pair { u32 a; u64 b; };
END
# same NAME RULE: the C on standard input, as it is and rewritten, prints the same, by that rule.
rewrite()
{
	python3 - "$1" >"$dir/new.c" 2>"$dir/rules" <<'END'
import sys
sys.path.insert(0, "scripts")
from rdpmc_prove import csource, rewrites
with open(sys.argv[1], encoding="utf-8") as source:
    items = csource.split(source.read())
rewriter = rewrites.Rewriter()
for item in items:
    rewriter.apply(item)
print("\n".join(item.text for item in items))
print(*rewriter.counts, sep="\n", file=sys.stderr)
END
}
both()
{
	cat >"$dir/old.c"
	rewrite "$dir/old.c"
	for which in old new; do
		cat "$dir/assert.c" "$dir/$which.c" >"$dir/whole.c"
		${CC:-cc} -w -O0 -fno-strict-aliasing -o "$dir/$which" "$dir/whole.c" 2>"$dir/err" && "$dir/$which" >"$dir/$which.out" || return
	done
	cp "$dir/new.out" "$dir/out"
}
same() # NAME RULE
{
	both && grep -qxF "$2" "$dir/rules" && [ -s "$dir/old.out" ] && cmp -s "$dir/old.out" "$dir/new.out"
	check "$1" test $? -eq 0
}

same 'memcpy() of a whole object' 'memcpy of a whole object' <<'END'
int main(void)
{
	struct pair from = { 3, 1ULL << 40 }, to = { 1, 2 }, other = to;

	memcpy(&to, &from, sizeof(to));
	memcpy(&other, &from, sizeof(*&from));
	printf("%u %llx %u %llx\n", to.a, to.b, other.a, other.b);
	return 0;
}
END
both <<'END'
int main(void)
{
	double from = 1.5;
	u64 to = 0;

	memcpy(&to, &from, sizeof(to));
	printf("%llx\n", to);
	return 0;
}
END
check '... which may not be of another type' grep -qx 'untranslated: memcpy from another type' "$dir/out"
same 'memcpy() of a number' 'memcpy of a number' <<'END'
int main(void)
{
	double from = 1.5;
	u64 to = 0;

	memcpy(&to, &from, sizeof(u64));
	printf("%llx\n", to);
	return 0;
}
END
both <<'END'
int main(void)
{
	u64 from = 1ULL << 40 | 7;
	u32 to = 0;

	memcpy(&to, &from, sizeof(u64));
	printf("%x\n", to);
	return 0;
}
END
check '... which may not be of another size' grep -qx 'untranslated: memcpy of a number' "$dir/out"
same 'memcpy() of a variable size' 'memcpy of a variable size, byte by byte' <<'END'
int main(int argc, char **argv)
{
	unsigned long size = 3 + argc;
	char to[8] = "zzzzzzz";

	memcpy(to, "abcdefg", size);
	printf("%s\n", to);
	return 0;
}
END
same 'memset() of a whole object' 'memset of a whole object to 0' <<'END'
int main(void)
{
	struct pair pair = { 3, 4 }, *there = &pair, other = pair;

	memset(there, 0, sizeof(*there));
	memset(&other, 0, sizeof(other));
	printf("%u %llu %u %llu\n", pair.a, pair.b, other.a, other.b);
	return 0;
}
END
same '__auto_type' '__auto_type' <<'END'
int main(void)
{
	const __auto_type small = (unsigned char)300;
	__auto_type wide = 1ULL << 40;

	printf("%d %llu %lu %lu\n", small, wide, sizeof(small), sizeof(wide));
	return 0;
}
END
same 'array_index_mask_nospec(), as a function' 'meaning of array_index_mask_nospec()' <<'END'
static unsigned long array_index_mask_nospec(unsigned long index, unsigned long size)
{
	unsigned long mask;

	asm volatile("cmp %1,%2; sbb %0,%0;" : "=r"(mask) : "g"(size), "r"(index) : "cc");
	return mask;
}
int main(void)
{
	for (unsigned long x = 0; x < 5; x++)
		printf("%lx\n", array_index_mask_nospec(x, 3));
	return 0;
}
END
same '... and as a statement' 'asm: array_index_mask_nospec' <<'END'
int main(void)
{
	for (unsigned long x = 0; x < 5; x++) {
		unsigned long mask;

		asm volatile("cmp %1,%2; sbb %0,%0;" : "=r"(mask) : "g"(3UL), "r"(x) : "cc");
		printf("%lx\n", mask);
	}
	return 0;
}
END
both <<'END'
int main(void)
{
	asm volatile("nop; nop");
	printf("done\n");
	return 0;
}
END
check 'assembler that no rule has is an assertion that fails' grep -qx 'untranslated: asm: nop; nop' "$dir/out"
echo "1..$n"
[ $failed -eq 0 ]
