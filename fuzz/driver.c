// SPDX-License-Identifier: GPL-2.0-or-later
/* Running libFuzzer and AFL++ as processes, and the drivers without feedback in this one. */
#include "fuzz/driver.h"

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
#include <time.h>
#include <unistd.h>

#include "fuzz/clock.h"
#include "fuzz/inputs.h"
#include "fuzz/mutate.h"
#include "fuzz/trial.h"

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

static bool in_path(const char *program)
{
	char paths[4096];

	snprintf(paths, sizeof(paths), "%s", getenv("PATH") ? getenv("PATH") : "");
	for (char *at = strtok(paths, ":"); at; at = strtok(NULL, ":"))
		if (exists(at, program))
			return true;
	return false;
}

const char *driver_missing(enum driver driver, const char *build)
{
	if (driver == DRIVER_LIBFUZZER && !exists(build, "fuzz-rdpmc-plain"))
		return "fuzz-rdpmc-plain is not built (make faults)";
	if (driver == DRIVER_AFL && !in_path("afl-fuzz"))
		return "afl-fuzz is not installed (scripts/setup fuzz)";
	if (driver == DRIVER_AFL && !exists(build, "fuzz-rdpmc-afl"))
		return "fuzz-rdpmc-afl is not built (make faults)";
	return NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Run @argv with output to @log; end it after @seconds. Returns its wait status, -1 with errno. */
static int run(char *const argv[], char *const env[], const char *log, double seconds)
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
	if (error) {
		errno = error;
		return -1;
	}
	while (!waitpid(pid, &status, WNOHANG)) {
		struct timespec pause = { .tv_nsec = 5000000 };

		nanosleep(&pause, NULL);
		if (clock_seconds() > end) {
			kill(-pid, SIGKILL); /* its own group: AFL++'s target, too */
			waitpid(pid, &status, 0);
			break;
		}
	}
	return status;
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

static const struct engine *plain_engine(const struct driver_job *job, struct driver_result *result)
{
	const struct engine *engine;
	char path[PATH_SIZE];
	const char *why;

	snprintf(path, sizeof(path), "%s/faults/%s/plain.so", job->build, job->name);
	engine = engine_find(path, &why);
	if (!engine)
		snprintf(result->why, sizeof(result->why), "%s", why);
	return engine;
}

struct judge {
	struct trial trial;
	unsigned int oracles;
};

static bool judge_one(void *opaque, const char *name, const uint8_t *data, size_t size)
{
	struct judge *judge = opaque;
	struct finding finding;

	(void)name;
	if (trial_run(&judge->trial, data, size, &finding))
		return true;
	judge->oracles = finding.oracles;
	return false;
}

/* What a fuzzer saved is tried again here: only what repeats is found. */
static void judge_saved(const struct driver_job *job, const char *pattern,
			struct driver_result *result)
{
	const struct engine *engine = plain_engine(job, result);
	struct judge judge = { .oracles = 0 };
	size_t count = 0;
	const char *why;
	glob_t paths;

	if (!engine || trial_init(&judge.trial, engine, &why))
		return;
	if (!glob(pattern, 0, NULL, &paths)) {
		for (size_t i = 0; i < paths.gl_pathc && !judge.oracles; i++)
			inputs_each(paths.gl_pathv[i], judge_one, &judge, &count, result->why,
				    sizeof(result->why));
		globfree(&paths);
	}
	trial_free(&judge.trial);
	result->found = judge.oracles != 0;
	result->oracles = judge.oracles;
}

static void run_libfuzzer(const struct driver_job *job, const char *directory,
			  struct driver_result *result)
{
	char program[PATH_SIZE], engine[PATH_SIZE], prefix[PATH_SIZE], time[64], seed[64];
	char log[PATH_SIZE], length[32], pattern[PATH_SIZE + 8];
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

	snprintf(program, sizeof(program), "%s/fuzz-rdpmc-plain", job->build);
	snprintf(engine, sizeof(engine), "RDPMC_ENGINE=%s/faults/%s/libfuzzer.so", job->build,
		 job->name);
	snprintf(length, sizeof(length), "-max_len=%zu", MUTATE_SIZE);
	snprintf(time, sizeof(time), "-max_total_time=%.0f", job->seconds);
	snprintf(seed, sizeof(seed), "-seed=%llu", (unsigned long long)job->seed);
	snprintf(prefix, sizeof(prefix), "-artifact_prefix=%s/", directory);
	snprintf(log, sizeof(log), "%s/log", directory);
	snprintf(pattern, sizeof(pattern), "%s/crash-*", directory);
	if (run(argv, env, log, job->seconds + GRACE) < 0) {
		snprintf(result->why, sizeof(result->why), "%s", strerror(errno));
		return;
	}
	result->ran = true;
	result->executions = number_in(log, "stat::number_of_executed_units:");
	judge_saved(job, pattern, result);
	if (!result->found)
		last_line(log, result->why, sizeof(result->why));
}

/* AFL++ wants an input: the plainest. */
static int write_seed(const char *directory, const uint8_t *data, size_t size)
{
	char path[PATH_SIZE];
	FILE *file;

	snprintf(path, sizeof(path), "%s/in", directory);
	if (mkdir(path, 0777))
		return -1;
	snprintf(path, sizeof(path), "%s/in/zero", directory);
	file = fopen(path, "wb");
	if (!file || fwrite(data, size, 1, file) != 1)
		return -1;
	return fclose(file);
}

static void run_afl(const struct driver_job *job, const char *directory,
		    struct driver_result *result)
{
	static const uint8_t zero[1], driver_first[4] = { '#', '#', 'S', 'I' };
	char program[PATH_SIZE], engine[PATH_SIZE], mutator[PATH_SIZE], path[PATH_SIZE + 8];
	char in[PATH_SIZE], out[PATH_SIZE], log[PATH_SIZE], time[64], seed[64], stats[PATH_SIZE];
	char pattern[PATH_SIZE];
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
	struct judge judge = { .oracles = 0 };
	const struct engine *plain = plain_engine(job, result);
	const char *why;

	if (!plain || trial_init(&judge.trial, plain, &why))
		return;
	/*
	 * AFL++ refuses to start from an input that crashes, and its driver tries the first four
	 * bytes of its signature before all else: what crashes there was found at once.
	 */
	if (judge_one(&judge, "", zero, sizeof(zero)))
		judge_one(&judge, "", driver_first, sizeof(driver_first));
	trial_free(&judge.trial);
	if (judge.oracles) {
		result->ran = result->found = true;
		result->executions = 1;
		result->oracles = judge.oracles;
		return;
	}
	snprintf(program, sizeof(program), "%s/fuzz-rdpmc-afl", job->build);
	snprintf(engine, sizeof(engine), "RDPMC_ENGINE=%s/faults/%s/afl.so", job->build, job->name);
	snprintf(mutator, sizeof(mutator), "AFL_CUSTOM_MUTATOR_LIBRARY=%s/afl-mutator.so",
		 job->build);
	snprintf(path, sizeof(path), "PATH=%s", getenv("PATH"));
	snprintf(in, sizeof(in), "%s/in", directory);
	snprintf(out, sizeof(out), "%s/out", directory);
	snprintf(log, sizeof(log), "%s/log", directory);
	snprintf(time, sizeof(time), "%.0f", job->seconds);
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)job->seed);
	snprintf(stats, sizeof(stats), "%s/out/default/fuzzer_stats", directory);
	snprintf(pattern, sizeof(pattern), "%s/out/default/crashes/id:*", directory);
	if (write_seed(directory, zero, sizeof(zero)) ||
	    run(argv, env, log, job->seconds + GRACE) < 0) {
		snprintf(result->why, sizeof(result->why), "%s", strerror(errno));
		return;
	}
	result->ran = true;
	result->executions = number_in(stats, "execs_done");
	judge_saved(job, pattern, result);
	if (!result->found)
		last_line(log, result->why, sizeof(result->why));
}

static void run_here(enum driver driver, const struct driver_job *job, struct driver_result *result)
{
	const struct engine *engine = plain_engine(job, result);
	struct random random = { job->seed };
	double end = clock_seconds() + job->seconds;
	uint8_t data[(MUTATE_SIZE + 7) / 8 * 8];
	struct finding finding;
	struct trial trial;
	const char *why;
	size_t size;

	if (!engine || trial_init(&trial, engine, &why))
		return;
	result->ran = true;
	while (!result->found && (result->executions % LOOK_EVERY || clock_seconds() < end)) {
		result->executions++;
		size = MUTATE_SIZE;
		if (driver == DRIVER_MADE)
			size = mutate_make(&random, data, sizeof(data));
		else
			for (size_t i = 0; i < sizeof(data); i += 8) {
				uint64_t word = random_next(&random);

				memcpy(data + i, &word, 8);
			}
		result->found = !trial_run(&trial, data, size, &finding) &&
				(driver == DRIVER_RANDOM || finding.oracles & job->oracles);
	}
	result->oracles = finding.oracles;
	trial_free(&trial);
}

void driver_run(enum driver driver, const struct driver_job *job, struct driver_result *result)
{
	char directory[] = "/tmp/rdpmc-diff.XXXXXX";
	double since = clock_seconds();

	memset(result, 0, sizeof(*result));
	if (driver == DRIVER_MADE || driver == DRIVER_RANDOM) {
		run_here(driver, job, result);
		result->seconds = clock_seconds() - since;
		return;
	}
	if (!mkdtemp(directory)) {
		snprintf(result->why, sizeof(result->why), "%s: %s", directory, strerror(errno));
		return;
	}
	if (driver == DRIVER_LIBFUZZER)
		run_libfuzzer(job, directory, result);
	else
		run_afl(job, directory, result);
	result->seconds = clock_seconds() - since;
	/* One that ended by itself before its time has not looked. */
	if (result->ran && !result->found && result->seconds + 1 < job->seconds)
		result->ran = false;
	else if (result->ran)
		result->why[0] = '\0';
	nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
