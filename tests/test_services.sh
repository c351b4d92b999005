#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# beside others, long
# Proves that fuzzing services can build the fuzz target: .clusterfuzzlite/build.sh is run as they run it,
# in a copy of the tree, with their environment and no other, for each engine and sanitizer; what it
# makes is then moved and checked the way they check a build before they use it. There are no
# containers in it: compilers and engines are this machine's. Then the files that tell services what to
# do are read, and all that they call must be there.
set -u

cd "$(dirname "$0")/.." || exit 1
python=${SETUP_PYTHON:-/usr/bin/python3}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM HUP
count=0 failures=0

# check TITLE COMMAND...
check()
{
	title=$1
	shift
	count=$((count + 1))
	if "$@" >"$dir/out" 2>&1; then
		echo "ok $count - $title"
		grep '^# figure: ' "$dir/out"
		return 0
	fi
	failures=$((failures + 1))
	echo "not ok $count - $title"
	tail -n 30 "$dir/out" | sed 's/^/# /'
	return 1
}

skip()
{
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# What git has or would take, as it is now: nothing that was built here.
copy_tree()
{
	mkdir -p "$dir/src/rdpmc" && {
		git -c safe.directory='*' ls-files -co --exclude-standard 2>/dev/null ||
			find . -path ./build -prune -o -type f -print
	} | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done | tar -cf - -T - | tar -xf - -C "$dir/src/rdpmc"
}

# The tools of this machine but those named.
path_without() # DIRECTORY PATTERN...
{
	farm=$1
	shift
	mkdir "$farm"
	# ccache looks for the compiler in PATH, which the farm is alone.
	(IFS=:; for bin in $PATH; do [ "$bin" = /usr/lib/ccache ] || ln -s "$bin"/* "$farm" 2>/dev/null; done)
	for pattern; do
		find "$farm" -name "$pattern" -exec rm {} +
	done
}

# An engine as honggfuzz's: a library with main(), and with the functions that instrumented code calls.
make_driver()
{
	cat >"$dir/driver.c" <<'C'
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static size_t edges;

void __sanitizer_cov_trace_pc_guard_init(uint32_t *start, uint32_t *stop)
{
	edges += stop - start;
}
void __sanitizer_cov_trace_pc_guard(uint32_t *guard) { (void)guard; }

int main(int argc, char **argv)
{
	static uint8_t data[1 << 20];

	LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");

		if (!file)
			return 2;
		LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof(data), file));
		fclose(file);
	}
	printf("%d files, %zu edges\n", argc - 1, edges);
	return 0;
}
C
	clang -O1 -c -o "$dir/driver.o" "$dir/driver.c" && ar rcs "$dir/libdriver.a" "$dir/driver.o"
}

undefined=array-bounds,bool,builtin,enum,integer-divide-by-zero,null,object-size,return,returns-nonnull-attribute
undefined=$undefined,shift,signed-integer-overflow,unreachable,vla-bound

# Sets $cc, $cxx, $engine, $flags: what the services' image gives a build.
service()
{
	cc=clang cxx=clang++ engine=-fsanitize=fuzzer edges=-fsanitize=fuzzer-no-link ldflags=
	case $1 in
	afl)		cc=afl-clang-fast cxx=afl-clang-fast++ engine=$dir/libFuzzingEngine.a edges= ;;
	honggfuzz)	engine=$dir/libdriver.a edges=-fsanitize-coverage=trace-pc-guard,indirect-calls,trace-cmp ;;
	none)		engine=/usr/lib/none/libFuzzingEngine.a edges= ;; # named, and not there
	esac
	case $2 in
	address)	sanitize='-fsanitize=address -fsanitize-address-use-after-scope' ;;
	# What wraps by design is a signal to the fuzzer, and no mistake.
	undefined)	sanitize="-fsanitize=$undefined,unsigned-integer-overflow -fno-sanitize-recover=$undefined" ;;
	memory)		sanitize='-fsanitize=memory -fsanitize-memory-track-origins' ;;
	introspector)	sanitize='-O0 -flto -fuse-ld=gold -Wno-unused-command-line-argument' ldflags='-flto -fuse-ld=gold' ;;
	coverage)	sanitize='-pthread -Wl,--no-as-needed -Wl,-ldl -Wl,-lm -Wno-unused-command-line-argument'
			edges='-fprofile-instr-generate -fcoverage-mapping' ;;
	esac
	flags="-O1 -fno-omit-frame-pointer -gline-tables-only -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION $sanitize $edges"
}

# Beside the tree, as their images have it, by bash that stops at errors.
build() # NAME ENGINE SANITIZER PATH
{
	service "$2" "$3"
	mkdir -p "$dir/$1/out" "$dir/$1/work"
	(cd "$dir/src/rdpmc" && exec env -i PATH="$4" HOME="$dir" LANG=C AFL_QUIET=1 ARCHITECTURE=x86_64 \
		SRC="$dir/src" OUT="$dir/$1/out" WORK="$dir/$1/work" CC="$cc" CXX="$cxx" CFLAGS="$flags" CXXFLAGS="$flags" \
		LDFLAGS="$ldflags" LIB_FUZZING_ENGINE="$engine" FUZZING_ENGINE="$2" FUZZING_LANGUAGE=c SANITIZER="$3" \
		bash -eu "$dir/src/build.sh") >"$dir/$1/log" 2>&1
	echo $? >"$dir/$1/status"
}

# Beside the target its three files, all by its name, for that is how they are found.
built()
{
	cat "$dir/$1/log"
	[ "$(cat "$dir/$1/status")" = 0 ] || return
	[ -z "$(ls "$dir/$1/work")" ] || { echo "left in WORK: $(ls "$dir/$1/work")"; return 1; }
	ls "$dir/$1/out" >"$dir/$1/files"
	printf 'fuzz-rdpmc%s\n' '' .dict .options _seed_corpus.zip | LC_ALL=C sort | diff - "$dir/$1/files" || return
	# A target is what is executable and holds this name.
	[ -x "$dir/$1/out/fuzz-rdpmc" ] && grep -q LLVMFuzzerTestOneInput "$dir/$1/out/fuzz-rdpmc" || return
	# It must not matter where it was built.
	mv "$dir/$1/out" "$dir/$1/moved"
}

corpus_is_whole()
{
	mkdir "$dir/$1/corpus"
	"$python" -m zipfile -e "$dir/$1/moved/fuzz-rdpmc_seed_corpus.zip" "$dir/$1/corpus" || return
	find corpus/seeds corpus/regressions -type f ! -name '.*' -exec sha256sum {} + | cut -d ' ' -f 1 | sort \
		>"$dir/$1/wanted"
	[ -s "$dir/$1/wanted" ] || { echo 'there are no seeds'; return 1; }
	find "$dir/$1/corpus" -type f -exec sha256sum {} + | cut -d ' ' -f 1 | sort | diff "$dir/$1/wanted" -
}

# As they run it: in its directory, with its options, its dictionary and their limits.
run_target() # NAME ARGUMENT...
{
	name=$1
	shift
	(cd "$dir/$name/moved" && exec env -i PATH="$PATH" UBSAN_OPTIONS=silence_unsigned_overflow=1 \
		LLVM_PROFILE_FILE="$dir/$name/%m.profraw" timeout 60 ./fuzz-rdpmc "$@")
}

run_libfuzzer() # NAME ARGUMENT...
{
	name=$1
	shift
	# shellcheck disable=SC2046 # one option each
	run_target "$name" -rss_limit_mb=2560 -timeout=25 -artifact_prefix="$dir/" -dict=fuzz-rdpmc.dict \
		$(sed -n 's/^\(.*\) = \(.*\)/-\1=\2/p' "$dir/$name/moved/fuzz-rdpmc.options") "$@" \
		>"$dir/$name/said" 2>&1 && return
	cat "$dir/$name/said"
	return 1
}

says() # NAME REGULAR-EXPRESSION
{
	grep -Eq "$2" "$dir/$1/said" || { cat "$dir/$1/said"; echo "not said: $2"; return 1; }
}

runs()
{
	seeds=$(find "$dir/$1/corpus" -type f | wc -l)
	: >"$dir/empty"
	case $1:$2 in
	# Without edges libFuzzer can only replay.
	coverage:*)
		run_libfuzzer "$1" "$dir/empty" && run_libfuzzer "$1" "$dir/$1/corpus"/* &&
			[ "$(grep -c '^Executed ' "$dir/$1/said")" -eq "$seeds" ] ;;
	*:libfuzzer)
		run_libfuzzer "$1" "$dir/empty" && says "$1" '^Executed .*/empty in' &&
			run_libfuzzer "$1" -seed=1 -runs=4 && says "$1" '^Done 4 runs' &&
			run_libfuzzer "$1" -runs=0 "$dir/$1/corpus" && says "$1" "seed corpus: files: $seeds " ;;
	*:none)
		run_target "$1" "$dir/empty" && run_target "$1" "$dir/$1/corpus" >"$dir/$1/said" &&
			says "$1" ": $seeds cases" ;;
	*)
		run_target "$1" "$dir/empty" && run_target "$1" "$dir/$1/corpus"/* ;;
	esac
}

# The services' own threshold. AFL++ tells how many edges the seeds take, not how many there are.
is_instrumented()
{
	case $2 in
	libfuzzer)
		run_libfuzzer "$1" -runs=1 || return
		number=$(sed -n 's/^INFO: Loaded .*(\([0-9]*\) inline 8-bit counters).*/\1/p' "$dir/$1/said") ;;
	afl)
		(cd "$dir/$1/moved" && AFL_NO_AFFINITY=1 AFL_QUIET=1 timeout 60 afl-showmap -q -C -i "$dir/$1/corpus" \
			-o "$dir/$1/map" -- ./fuzz-rdpmc)
		number=$(wc -l <"$dir/$1/map") ;;
	honggfuzz)
		number=$(run_target "$1" "$dir/empty" | sed -n 's/.*, \([0-9]*\) edges/\1/p') ;;
	esac
	echo "# figure: $1: ${number:-no} edges"
	[ "${number:-0}" -ge 100 ]
}

# Calls by the project's code, not by the runtime: that is C++, or has a name that begins with "__".
# To link a sanitizer is easy; what counts is that the code was compiled for it.
has_sanitizer()
{
	objdump -d --no-show-raw-insn "$dir/$1/moved/fuzz-rdpmc" | awk -v wanted="$2" '
	/^[0-9a-f]+ <.*>:$/ { own = $2 !~ /^<[_.]/ }
	own && /[[:space:]](call|callq|bl)[[:space:]]/ && match($0, /<__(asan|msan|ubsan)_/) {
		calls[substr($0, RSTART + 3, RLENGTH - 4)]++
	}
	END {
		short["address"] = "asan"; short["memory"] = "msan"; short["undefined"] = "ubsan"
		for (name in calls)
			print "calls " name " " calls[name]
		for (sanitizer in short) {
			n = calls[short[sanitizer]] + 0
			if (sanitizer == wanted && n < 150) { print "hardly any " sanitizer; bad = 1 }
			if (sanitizer != wanted && n > 0) { print "unwanted: " sanitizer; bad = 1 }
		}
		exit bad
	}' || return
	# Of the runtime they look at the symbol that starts it.
	case $2 in
	address)	runtime=__asan_init others=__msan_init ;;
	memory)		runtime=__msan_init others=__asan_init ;;
	undefined)	runtime=__ubsan_handle_ others='__asan_init|__msan_init' ;;
	*)		runtime='' others='__asan_init|__msan_init' ;;
	esac
	nm "$dir/$1/moved/fuzz-rdpmc" >"$dir/$1/symbols" &&
		grep -q " [TtWV] $runtime" "$dir/$1/symbols" && ! grep -E " ($others)$" "$dir/$1/symbols"
}

# The image that runs targets has a C library, and what comes with every compiled program.
needs_little()
{
	readelf -d "$dir/$1/moved/fuzz-rdpmc" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' >"$dir/$1/needed"
	[ -s "$dir/$1/needed" ] || { echo 'not even the C library?'; return 1; }
	! grep -vxE '(libc|libm)\.so\.6|libdl\.so\.2|libpthread\.so\.0|librt\.so\.1|libgcc_s\.so\.1|libstdc\+\+\.so\.6|ld-linux.*' \
		"$dir/$1/needed"
}

# By the parser that services use; libFuzzer only warns of an option that it does not know.
options_are_known()
{
	"$python" - "$dir/$1/moved/fuzz-rdpmc.options" <<'PY' || return
import configparser, sys
parser = configparser.ConfigParser()
assert parser.read(sys.argv[1])
assert parser.sections() == ["libfuzzer"], parser.sections()
assert "max_len" in parser["libfuzzer"], dict(parser["libfuzzer"])
for key, value in parser["libfuzzer"].items():
    assert key.isidentifier() and value.isdigit(), (key, value)
PY
	run_libfuzzer "$1" -runs=1 && ! grep -i 'unrecognized flag' "$dir/$1/said"
}

dictionary_is_taken()
{
	words=$(grep -c '=' corpus/rdpmc.dict)
	run_libfuzzer "$1" -runs=1 && says "$1" "^Dictionary: $words entries"
}

# Their check: it gets past its start, with the dictionary; and nothing is found in two seconds.
afl_fuzzes()
{
	(cd "$dir/$1/moved" && AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
		timeout 60 afl-fuzz -V 2 -i "$dir/$1/corpus" -o "$dir/$1/afl" -x fuzz-rdpmc.dict -- ./fuzz-rdpmc) \
		>"$dir/$1/said" 2>&1
	says "$1" 'All set and ready to roll' && says "$1" "Loaded $(grep -c = corpus/rdpmc.dict) extra tokens" &&
		grep '^saved_crashes *: 0' "$dir/$1/afl/default/fuzzer_stats"
}

# Where the sources were there is nothing any more; services copy them to OUT, and look there.
coverage_is_reported()
{
	moved=$dir/$1/moved
	(cd / && cp -rL --parents "$dir/src" "$moved") && mv "$dir/src" "$dir/src-was" || return
	mkdir -p "$dir/$1/none" && rm -f "$dir/$1"/*.profraw
	run_target "$1" -merge=1 -timeout=100 "$dir/$1/none" "$dir/$1/corpus" >"$dir/$1/said" 2>&1
	status=$?
	llvm-profdata merge -sparse "$dir/$1"/*.profraw -o "$dir/$1/profdata" &&
		llvm-cov show -instr-profile="$dir/$1/profdata" -path-equivalence=/,"$moved" "$moved/fuzz-rdpmc" \
			>"$dir/$1/shown" &&
		llvm-cov export -summary-only -instr-profile="$dir/$1/profdata" -path-equivalence=/,"$moved" \
			"$moved/fuzz-rdpmc" >"$dir/$1/summary" || status=1
	mv "$dir/src-was" "$dir/src"
	[ $status -eq 0 ] || { cat "$dir/$1/said"; return 1; }
	grep -q '| *static struct trial trial;' "$dir/$1/shown" || { echo 'no source is shown'; return 1; }
	# The seeds take all lines of emulator/ and model/: `make coverage` proves it, this that it is seen.
	"$python" - "$dir/$1/summary" <<'PY'
import json, sys
files = json.load(open(sys.argv[1]))["data"][0]["files"]
for part in "emulator", "model":
    mine = [f["summary"]["lines"] for f in files if f"/src/rdpmc/{part}/" in f["filename"]]
    covered, all_lines = sum(m["covered"] for m in mine), sum(m["count"] for m in mine)
    print(f"# figure: coverage: {covered} of {all_lines} lines of {part}/")
    assert all_lines > 50 and covered >= 0.9 * all_lines
PY
}

tree_is_untouched()
{
	(cd "$dir/src" && find . -type f -exec sha256sum {} +) | sort >"$dir/after"
	diff "$dir/before" "$dir/after"
}

# Exit 2 and a line that names it. The environment is the services', what is changed is in the arguments.
refused() # TEXT NAME=VALUE...
{
	text=$1
	shift
	service libfuzzer address
	(cd "$dir/src/rdpmc" && env -i PATH="$PATH" SRC="$dir/src" OUT="$dir/refused" CC="$cc" CXX="$cxx" CFLAGS="$flags" \
		CXXFLAGS="$flags" LIB_FUZZING_ENGINE="$engine" "$@" bash -eu "$dir/src/build.sh") >"$dir/refusal" 2>&1
	status=$?
	cat "$dir/refusal"
	[ $status -eq 2 ] && grep -qF -e "fuzz-target: $text" "$dir/refusal" && [ ! -e "$dir/refused/fuzz-rdpmc" ]
}

# Each file parses and has jobs; actions are pinned by their major version; and the commands are there:
# targets of make, scripts, and the subcommands of scripts/results.
files_call_what_is_there()
{
	"$1" - .github/workflows/fuzz.yml .github/workflows/test.yml .github/workflows/bench.yml .gitlab-ci.yml \
		.clusterfuzzlite/project.yaml <<'PY'
import os, re, subprocess, sys, yaml

bad = []
with open("Makefile") as makefile:
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile.read(), re.M))

class Strict(yaml.SafeLoader):
    """The same key twice is a mistake that PyYAML passes over."""
    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(map(str, keys))), f"line {node.start_mark.line + 1}: a key twice"
        return super().construct_mapping(node, deep)

def lines(node):
    """Every command in a file."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("run", "script", "before_script", "after_script"):
                for text in value if isinstance(value, list) else [value]:
                    yield from text.splitlines()
            else:
                yield from lines(value)
    elif isinstance(node, list):
        for value in node:
            yield from lines(value)

def calls(path, line):
    for command in re.split(r"&&|\|\||[;|()]", line.split(" #")[0]):
        words = command.split()
        while words and (words[0] in ("if", "then", "!", "exec") or re.match(r"\w+=", words[0])):
            words.pop(0)
        if words[:1] == ["make"]:
            for word in words[1:]:
                if word.startswith("-") or "=" in word:
                    continue
                if not re.fullmatch(r"[a-z-]+", word):
                    break
                yield "make " + word
                if word not in targets:
                    bad.append(f"{path}: make has no target {word}")
    for script in re.findall(r"(?<![\w/])scripts/[\w-]+(?: [a-z]+)?", line):
        yield script
        name, _, word = script.partition(" ")
        if not os.access(name, os.X_OK):
            bad.append(f"{path}: {name} is not there")
        elif name == "scripts/results":
            ran = subprocess.run([name, word, "--help"], capture_output=True, text=True, check=False)
            if ran.returncode:
                bad.append(f"{path}: {script}: {ran.stderr.strip()}")

for path in sys.argv[1:]:
    with open(path) as file:
        text = file.read()
    try:
        tree = yaml.load(text, Strict)
    except (yaml.YAMLError, AssertionError) as error:
        bad.append(f"{path}: {error}")
        continue
    if path.startswith(".github"):
        tree["on"] = tree.pop(True, tree.get("on"))  # YAML 1.1 reads "on" so
        jobs = tree.get("jobs") or {}
        if not (jobs and tree["on"] and tree.get("permissions")):
            bad.append(f"{path}: jobs, on and permissions are wanted")
        crons = [entry["cron"] for entry in tree["on"].get("schedule", [])]
        # Where a job asks which schedule it is, a slip of the pen would mean never.
        asked = re.findall(r"event\.schedule == '([^']*)'", text)
        if asked and set(asked) != set(crons):
            bad.append(f"{path}: schedules are {crons}, jobs ask for {asked}")
        for name, job in jobs.items():
            if job.get("needs", name) not in jobs:
                bad.append(f"{path}: {name} needs {job['needs']}")
            if not (job.get("runs-on") and job.get("steps") and job.get("timeout-minutes")):
                bad.append(f"{path}: job {name}: runs-on, steps and timeout-minutes are wanted")
            for step in job.get("steps", []):
                if ("uses" in step) == ("run" in step):
                    bad.append(f"{path}: a step of {name} neither uses nor runs, or both")
                if not re.search(r"@v\d+$", step.get("uses", "@v1")):
                    bad.append(f"{path}: {step['uses']}: not pinned by its major version")
    elif path == ".gitlab-ci.yml":
        stages = tree.get("stages", [])
        for name, job in tree.items():
            if isinstance(job, dict) and "script" in job and job.get("stage") not in stages:
                bad.append(f"{path}: {name} has no stage of {stages}")
    elif tree.get("language") != "c" or not {"address", "undefined", "memory"} <= set(tree["sanitizers"]):
        bad.append(f"{path}: language c, all three sanitizers")
    called = sorted({call for line in lines(tree) for call in calls(path, line)})
    print(path, "calls", called)
    if not called and "fuzz" not in path:
        bad.append(f"{path}: calls nothing of ours")
print(*bad, sep="\n")
sys.exit(bool(bad))
PY
}

# The image of a major version; the script where services look for it; the tree where it looks.
# shellcheck disable=SC2016 # the container's variable
dockerfile_is_right()
{
	[ "$(grep -c '^FROM ' .clusterfuzzlite/Dockerfile)" -eq 1 ] &&
		grep -qE '^FROM gcr\.io/oss-fuzz-base/base-builder:v[0-9]+$' .clusterfuzzlite/Dockerfile &&
		grep -qxF 'COPY . $SRC/rdpmc' .clusterfuzzlite/Dockerfile &&
		grep -qxF 'COPY .clusterfuzzlite/build.sh $SRC/' .clusterfuzzlite/Dockerfile &&
		grep -qxF 'WORKDIR $SRC/rdpmc' .clusterfuzzlite/Dockerfile && [ -x .clusterfuzzlite/build.sh ]
}

# What there is to build, as lines of NAME ENGINE SANITIZER; the rest is skipped.
builds='address libfuzzer address
undefined libfuzzer undefined
memory libfuzzer memory
coverage libfuzzer coverage
honggfuzz honggfuzz address
replay none address'
afl=
for library in "${AFL_PATH:-/usr/lib/afl}/libAFLDriver.a" /usr/local/lib/afl/libAFLDriver.a; do
	[ -n "$afl" ] || [ ! -f "$library" ] || afl=$library
done
if ! command -v afl-clang-fast++ >/dev/null; then
	skip 'afl' 'afl-clang-fast++ is not installed'
elif [ -z "$afl" ]; then
	skip 'afl' 'AFL++ came without its libAFLDriver.a'
else
	cp "$afl" "$dir/libFuzzingEngine.a"
	builds="$builds
afl afl address"
fi
echo 'int main(void) { return 0; }' >"$dir/lto.c"
if clang -flto -fuse-ld=gold -o "$dir/lto" "$dir/lto.c" 2>/dev/null; then
	builds="$builds
introspector libfuzzer introspector"
else
	skip 'introspector' 'clang does not link here with -flto -fuse-ld=gold'
fi

# The seed corpus is made by zip or by python3: one build is without either.
path_without "$dir/no-python" 'python*' 'pypy*'
path_without "$dir/no-zip" zip
with_zip=$dir/no-python
if ! command -v zip >/dev/null; then
	with_zip=$PATH
	skip 'a seed corpus without python3' 'zip is not installed'
fi

check 'the tree is copied' copy_tree
cp "$dir/src/rdpmc/.clusterfuzzlite/build.sh" "$dir/src/"
(cd "$dir/src" && find . -type f -exec sha256sum {} +) | sort >"$dir/before"
check 'an engine for the test' make_driver

while read -r name engine_name sanitizer; do
	case $name in
	undefined)	path=$with_zip ;;
	memory)		path=$dir/no-zip ;;
	*)		path=$PATH ;;
	esac
	build "$name" "$engine_name" "$sanitizer" "$path" &
done <<END_OF_BUILDS
$builds
END_OF_BUILDS
wait

while read -r name engine_name sanitizer; do
	check "$name: is built" built "$name" || continue
	check "$name: its seed corpus is corpus/" corpus_is_whole "$name"
	check "$name: runs on an empty input and on its seed corpus" runs "$name" "$engine_name"
	case $name in
	replay | coverage) ;;
	*) check "$name: is instrumented" is_instrumented "$name" "$engine_name" ;;
	esac
	check "$name: has its sanitizer and no other" has_sanitizer "$name" "$sanitizer"
	check "$name: needs no library that a runner lacks" needs_little "$name"
	case $name in
	afl) check "$name: afl-fuzz starts, takes the dictionary, finds nothing" afl_fuzzes "$name" ;;
	address)
		check "$name: the options file names what libFuzzer knows" options_are_known "$name"
		check "$name: the dictionary is taken" dictionary_is_taken "$name" ;;
	coverage) check "$name: a profile is made and reported" coverage_is_reported "$name" ;;
	esac
done <<END_OF_BUILDS
$builds
END_OF_BUILDS

check 'a build leaves the source tree alone' tree_is_untouched
check 'refused: OUT is not set' refused 'OUT is not set' OUT=
check 'refused: a compiler that is not there' refused 'no-such-clang: not found; CC' CC=no-such-clang
check 'refused: a linker that is not there' refused 'no-such-clang++: not found; CXX' CXX=no-such-clang++
check 'refused: an engine that is not there' refused 'LIB_FUZZING_ENGINE=/none.a: no such file' LIB_FUZZING_ENGINE=/none.a
check "the image's file has the tree and the script in their places" dockerfile_is_right
yaml=
for candidate in "$python" python3; do
	[ -n "$yaml" ] || ! "$candidate" -c 'import yaml' 2>/dev/null || yaml=$candidate
done
if [ -n "$yaml" ]; then
	check 'the files for services parse, and call what is there' files_call_what_is_there "$yaml"
else
	skip 'the files for services' 'python3-yaml is not installed'
fi

echo "1..$count"
[ $failures -eq 0 ]
