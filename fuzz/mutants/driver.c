// SPDX-License-Identifier: GPL-2.0-or-later
/* Running libFuzzer and AFL++ as processes, and the drivers without feedback in this one. */
#include "fuzz/mutants/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/case/mutate.h"
#include "fuzz/inputs/inputs.h"
#include "fuzz/oracle/trial.h"
#include "lib/clock.h"

#define PATH_SIZE  512
#define GRACE      20 /* s beyond a fuzzer's own limit, before it is ended */
#define LOOK_EVERY 4096

const char *driver_name(enum driver driver)
{
	static const char *const names[NR_DRIVERS] = { "libfuzzer", "afl", "made", "random" };

	return names[driver];
}

static bool exists(const char *directory, const char *name)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return !access(path, R_OK);
}

const char *driver_missing(enum driver driver, const char *build)
{
	if (driver == DRIVER_LIBFUZZER && !exists(build, "fuzz-rdpmc-plain"))
		return "fuzz-rdpmc-plain is not built (make mutants)";
	if (driver == DRIVER_AFL && system("command -v afl-fuzz >/dev/null"))
		return "afl-fuzz is not installed (scripts/setup fuzz)";
	if (driver == DRIVER_AFL && !exists(build, "fuzz-rdpmc-afl"))
		return "fuzz-rdpmc-afl is not built (make mutants)";
	return NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Run @argv with output to @log; end it after @seconds, or if @interrupted. 0, or an error. */
static int run(char *const argv[], char *const env[], const char *log, double seconds,
	       bool (*interrupted)(void))
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	double end = clock_seconds() + seconds;
	int status, error;
	pid_t pid;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
	error = posix_spawnp(&pid, argv[0], &files, &attributes, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	while (!error && !waitpid(pid, &status, WNOHANG)) {
		usleep(5000);
		if (clock_seconds() > end || interrupted()) {
			kill(-pid, SIGKILL); /* its own group: AFL++'s target, too */
			waitpid(pid, &status, 0);
			break;
		}
	}
	return error;
}

/* The number after @key in @path; 0 when there is none. */
static uint64_t number_in(const char *path, const char *key)
{
	FILE *file = fopen(path, "r");
	uint64_t number = 0;
	char line[512], *at;

	while (file && fgets(line, sizeof(line), file)) {
		at = strstr(line, key);
		if (at && (at = strpbrk(at + strlen(key), "0123456789")))
			number = strtoull(at, NULL, 10);
	}
	if (file)
		fclose(file);
	return number;
}

/* What a fuzzer said last, for one that did not start. */
static void last_line(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "r");
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		if (line[0] != '\n')
			snprintf(text, size, "%.*s", (int)strcspn(line, "\n"), line);
	if (file)
		fclose(file);
}

/* One mutant under way. */
struct attempt {
	const struct driver_job *job;
	struct trial trial; /* of the mutant, without a fuzzer */
	const char *directory;
	struct driver_result *result;
};

static bool found(struct attempt *attempt, const uint8_t *data, size_t size, unsigned int oracles)
{
	struct driver_result *result = attempt->result;
	struct finding finding;

	result->found =
		!trial_run(&attempt->trial, data, size, &finding) && finding.oracles & oracles;
	result->oracles = result->found ? finding.oracles : 0;
	return result->found;
}

static bool judge(void *opaque, const char *name, const uint8_t *data, size_t size)
{
	(void)name;
	return !found(opaque, data, size, ~0U);
}

/* Run a fuzzer, whose log counts after @key. What it saved is tried again here: only what repeats is found. */
static void run_fuzzer(struct attempt *attempt, char *const argv[], char *const env[],
		       const char *stats, const char *key, const char *saved)
{
	struct driver_result *result = attempt->result;
	char log[PATH_SIZE], path[PATH_SIZE];
	size_t count = 0;
	int error;
	glob_t paths;

	snprintf(log, sizeof(log), "%s/log", attempt->directory);
	error = run(argv, env, log, attempt->job->seconds + GRACE, attempt->job->interrupted);
	if (error) {
		snprintf(result->why, sizeof(result->why), "%s", strerror(error));
		return;
	}
	result->ran = true;
	snprintf(path, sizeof(path), "%s/%s", attempt->directory, stats);
	result->executions = number_in(path, key);
	snprintf(path, sizeof(path), "%s/%s", attempt->directory, saved);
	if (!glob(path, 0, NULL, &paths)) {
		for (size_t i = 0; i < paths.gl_pathc && !result->found; i++)
			inputs_each(paths.gl_pathv[i], judge, attempt, &count, result->why,
				    sizeof(result->why));
		globfree(&paths);
	}
	if (!result->found)
		last_line(log, result->why, sizeof(result->why));
}

static void run_libfuzzer(struct attempt *attempt)
{
	const struct driver_job *job = attempt->job;
	char program[PATH_SIZE], engine[PATH_SIZE], prefix[PATH_SIZE], time[64], seed[64];
	char length[32];
	char *argv[] = { program,
			 length,
			 time,
			 seed,
			 prefix,
			 "-print_final_stats=1",
			 "-entropic=0",
			 "-reduce_inputs=0",
			 "-use_counters=0",
			 "-mutate_depth=50",
			 NULL };
	char *env[] = { engine, NULL };

	snprintf(length, sizeof(length), "-max_len=%zu", MUTATE_SIZE);
	snprintf(program, sizeof(program), "%s/fuzz-rdpmc-plain", job->build);
	snprintf(engine, sizeof(engine), "RDPMC_ENGINE=%s/mutants/%s/libfuzzer.so", job->build,
		 job->name);
	snprintf(time, sizeof(time), "-max_total_time=%.0f", job->seconds);
	snprintf(seed, sizeof(seed), "-seed=%llu", (unsigned long long)job->seed);
	snprintf(prefix, sizeof(prefix), "-artifact_prefix=%s/", attempt->directory);
	run_fuzzer(attempt, argv, env, "log", "stat::number_of_executed_units:", "crash-*");
}

/* AFL++ wants an input: the plainest. */
static int write_seed(const char *directory, const uint8_t *data, size_t size)
{
	char path[PATH_SIZE + 8];
	FILE *file;

	if (mkdir(directory, 0777))
		return -1;
	snprintf(path, sizeof(path), "%s/zero", directory);
	file = fopen(path, "wb");
	if (!file || fwrite(data, size, 1, file) != 1)
		return -1;
	return fclose(file);
}

static void run_afl(struct attempt *attempt)
{
	static const uint8_t zero[1], driver_first[4] = { '#', '#', 'S', 'I' };
	const struct driver_job *job = attempt->job;
	char program[PATH_SIZE], engine[PATH_SIZE], mutator[PATH_SIZE], path[PATH_SIZE + 8];
	char in[PATH_SIZE], out[PATH_SIZE], time[64], seed[64];
	char *argv[] = { "afl-fuzz", "-i", in,   "-o", out,     "-V",
			 time,       "-s", seed, "--", program, NULL };
	char *env[] = { engine,
			mutator,
			path,
			"AFL_CUSTOM_MUTATOR_ONLY=1",
			"AFL_BENCH_UNTIL_CRASH=1",
			"AFL_NO_UI=1",
			"AFL_NO_AFFINITY=1",
			"AFL_SKIP_CPUFREQ=1",
			"AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1",
			"AFL_FAST_CAL=1",
			NULL };

	/*
	 * AFL++ refuses to start from an input that crashes, and its driver tries the first four
	 * bytes of its signature before all else: what crashes there was found at once.
	 */
	if (found(attempt, zero, sizeof(zero), ~0U) ||
	    found(attempt, driver_first, sizeof(driver_first), ~0U)) {
		attempt->result->ran = true;
		attempt->result->executions = 1;
		return;
	}
	snprintf(program, sizeof(program), "%s/fuzz-rdpmc-afl", job->build);
	snprintf(engine, sizeof(engine), "RDPMC_ENGINE=%s/mutants/%s/afl.so", job->build,
		 job->name);
	snprintf(mutator, sizeof(mutator), "AFL_CUSTOM_MUTATOR_LIBRARY=%s/afl-mutator.so",
		 job->build);
	snprintf(path, sizeof(path), "PATH=%s", getenv("PATH"));
	snprintf(in, sizeof(in), "%s/in", attempt->directory);
	snprintf(out, sizeof(out), "%s/out", attempt->directory);
	snprintf(time, sizeof(time), "%.0f", job->seconds);
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)job->seed);
	if (write_seed(in, zero, sizeof(zero)))
		snprintf(attempt->result->why, sizeof(attempt->result->why), "%s", strerror(errno));
	else
		run_fuzzer(attempt, argv, env, "out/default/fuzzer_stats", "execs_done",
			   "out/default/crashes/id:*");
}

static void run_here(enum driver driver, struct attempt *attempt)
{
	const unsigned int oracles = driver == DRIVER_MADE ? attempt->job->oracles : ~0U;
	const double end = clock_seconds() + attempt->job->seconds;
	struct driver_result *result = attempt->result;
	struct random random = { attempt->job->seed };
	uint8_t data[(MUTATE_SIZE + 7) / 8 * 8];
	size_t size = MUTATE_SIZE;

	do {
		result->executions++;
		if (driver == DRIVER_MADE)
			size = mutate_make(&random, data, sizeof(data));
		else
			for (size_t i = 0; i < sizeof(data); i += 8) {
				uint64_t word = random_next(&random);

				memcpy(data + i, &word, 8);
			}
	} while (!found(attempt, data, size, oracles) &&
		 (result->executions % LOOK_EVERY ||
		  (clock_seconds() < end && !attempt->job->interrupted())));
	result->ran = tally_answered(&attempt->trial.tally) &&
		      (result->found || !attempt->job->interrupted());
	if (!tally_answered(&attempt->trial.tally))
		snprintf(result->why, sizeof(result->why), "no read was answered%s%.130s",
			 *attempt->trial.tally.refusal ? ": " : "", attempt->trial.tally.refusal);
}

void driver_run(enum driver driver, const struct driver_job *job, struct driver_result *result)
{
	char directory[] = "/tmp/rdpmc-diff.XXXXXX", path[PATH_SIZE];
	struct attempt attempt = { .job = job, .directory = directory, .result = result };
	const double since = clock_seconds();
	const struct engine *engine;
	const char *why;

	memset(result, 0, sizeof(*result));
	snprintf(path, sizeof(path), "%s/mutants/%s/plain.so", job->build, job->name);
	engine = engine_find(path, &why);
	if (!engine || trial_init(&attempt.trial, engine, &why)) {
		snprintf(result->why, sizeof(result->why), "%s", why);
		return;
	}
	if (driver == DRIVER_MADE || driver == DRIVER_RANDOM)
		run_here(driver, &attempt);
	else if (!mkdtemp(directory))
		snprintf(result->why, sizeof(result->why), "%s: %s", directory, strerror(errno));
	else if (driver == DRIVER_LIBFUZZER)
		run_libfuzzer(&attempt);
	else
		run_afl(&attempt);
	result->seconds = clock_seconds() - since;
	trial_free(&attempt.trial);
	if (driver == DRIVER_MADE || driver == DRIVER_RANDOM)
		return;
	/* One that ended by itself before its time has not looked. */
	if (result->ran && !result->found && result->seconds + 1 < job->seconds)
		result->ran = false;
	else if (result->ran)
		result->why[0] = '\0';
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
