// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where the vCPU thread runs. hwloc knows what exists and what this process may use, /proc/stat
 * what is busy; a busy SMT sibling shares the core's counters and would be measured along.
 */
#include "host/topology.h"

#include <errno.h>
#include <hwloc.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/context.h"
#include "lib/clock.h"

#define LOOK_NS    100000000L
#define BUSY_LIMIT 0.10

#define NOT_LISTED UINT64_MAX

struct machine {
	hwloc_topology_t topology;
	hwloc_bitmap_t isolated;
	hwloc_bitmap_t usable; /* by this thread */
	size_t nr;             /* OS indexes are below this */
	double *busy;          /* per OS index, 0..1; 0 where no look was taken */
};

static int refuse(int error, char *why, size_t why_size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int refuse(int error, char *why, size_t why_size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, why_size, format, args);
	va_end(args);
	return -error;
}

static double over_limit(double busy)
{
	return busy > BUSY_LIMIT ? busy : 0;
}

static bool better(const struct candidate *a, const struct candidate *b)
{
	double a_busy = over_limit(a->busy), a_sibling = over_limit(a->sibling_busy);
	double b_busy = over_limit(b->busy), b_sibling = over_limit(b->sibling_busy);
	bool a_quiet = a_busy + a_sibling == 0, b_quiet = b_busy + b_sibling == 0;

	if (a_quiet != b_quiet)
		return a_quiet;
	if (a->isolated != b->isolated)
		return a->isolated;
	if (a_busy != b_busy)
		return a_busy < b_busy;
	if (a_sibling != b_sibling)
		return a_sibling < b_sibling;
	/* CPU 0 has the timekeeping and the interrupts that nobody steered elsewhere. */
	if ((a->cpu == 0) != (b->cpu == 0))
		return b->cpu == 0;
	return a->cpu < b->cpu;
}

static bool is_taken(const struct candidate *candidates, size_t i, const size_t *chosen, size_t n,
		     bool by_core)
{
	for (size_t j = 0; j < n; j++)
		if (by_core ? candidates[chosen[j]].core == candidates[i].core : chosen[j] == i)
			return true;
	return false;
}

size_t topology_spread(const struct candidate *candidates, size_t n, size_t wanted,
		       bool share_cores, size_t *chosen)
{
	size_t found = 0;

	for (int shared = 0; shared <= share_cores; shared++) {
		for (bool any = true; any && found < wanted;) {
			size_t best = 0;

			any = false;
			for (size_t i = 0; i < n; i++) {
				if (is_taken(candidates, i, chosen, found, !shared))
					continue;
				if (!any || better(&candidates[i], &candidates[best]))
					best = i;
				any = true;
			}
			if (any)
				chosen[found++] = best;
		}
	}
	return found;
}

static unsigned long load_flags(void)
{
	unsigned long flags = 0;

	/* hwloc's x86 discovery would otherwise run this thread on every CPU in turn. */
#if HWLOC_API_VERSION >= 0x00020500
	flags |= HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING;
#endif
#if HWLOC_API_VERSION >= 0x00020800
	flags |= HWLOC_TOPOLOGY_FLAG_NO_DISTANCES | HWLOC_TOPOLOGY_FLAG_NO_MEMATTRS |
		 HWLOC_TOPOLOGY_FLAG_NO_CPUKINDS;
#endif
	return flags;
}

static int load_topology(struct machine *m, char *why, size_t why_size)
{
	if (hwloc_topology_init(&m->topology) < 0)
		return refuse(errno ? errno : ENOMEM, why, why_size, "hwloc cannot start");
	/* Cores beside CPUs and nodes, which always stay: little of a large machine's tree. */
	if (hwloc_topology_set_all_types_filter(m->topology, HWLOC_TYPE_FILTER_KEEP_NONE) < 0 ||
	    hwloc_topology_set_type_filter(m->topology, HWLOC_OBJ_CORE,
					   HWLOC_TYPE_FILTER_KEEP_ALL) < 0 ||
	    hwloc_topology_set_flags(m->topology, load_flags()) < 0 ||
	    hwloc_topology_load(m->topology) < 0)
		return refuse(errno ? errno : EIO, why, why_size,
			      "hwloc cannot read this machine's topology: %s", strerror(errno));
	/* hwloc "binds" successfully on a machine that it was only told about. */
	if (!hwloc_topology_is_thissystem(m->topology))
		return refuse(ENOTSUP, why, why_size,
			      "hwloc describes another machine: see HWLOC_XMLFILE, "
			      "HWLOC_SYNTHETIC in the environment");
	m->nr = hwloc_bitmap_last(hwloc_topology_get_complete_cpuset(m->topology)) + 1;
	return 0;
}

static int find_usable(struct machine *m, char *why, size_t why_size)
{
	hwloc_const_bitmap_t allowed = hwloc_topology_get_topology_cpuset(m->topology);
	hwloc_bitmap_t by_default = hwloc_bitmap_alloc();
	char line[4096];

	m->isolated = hwloc_bitmap_alloc();
	m->usable = hwloc_bitmap_alloc();
	if (!by_default || !m->isolated || !m->usable) {
		hwloc_bitmap_free(by_default);
		return refuse(ENOMEM, why, why_size, "out of memory");
	}
	if (context_read_line("", "/sys/devices/system/cpu/isolated", line, sizeof(line)) && *line)
		hwloc_bitmap_list_sscanf(m->isolated, line);

	if (hwloc_get_cpubind(m->topology, m->usable, HWLOC_CPUBIND_THREAD) < 0)
		hwloc_bitmap_copy(m->usable, allowed);
	hwloc_bitmap_and(m->usable, m->usable, allowed);
	/* The kernel starts every process off the isolated CPUs; that is not the user's wish. */
	hwloc_bitmap_andnot(by_default, allowed, m->isolated);
	if (hwloc_bitmap_isequal(m->usable, by_default))
		hwloc_bitmap_copy(m->usable, allowed);
	hwloc_bitmap_free(by_default);

	if (hwloc_bitmap_iszero(m->usable))
		return refuse(ENODEV, why, why_size, "no CPU is allowed to this process");
	return 0;
}

static int check_wanted(const struct machine *m, int wanted, char *why, size_t why_size)
{
	if (wanted < 0 ||
	    !hwloc_bitmap_isset(hwloc_topology_get_complete_cpuset(m->topology), wanted))
		return refuse(ENODEV, why, why_size, "CPU %d does not exist here", wanted);
	if (!hwloc_bitmap_isset(hwloc_topology_get_topology_cpuset(m->topology), wanted))
		return refuse(ENODEV, why, why_size,
			      "CPU %d is offline or not allowed by this process's cgroup", wanted);
	if (!hwloc_bitmap_isset(m->usable, wanted))
		return refuse(ENODEV, why, why_size,
			      "CPU %d is not in this process's affinity (taskset)", wanted);
	return 0;
}

/* The hardware threads of @cpu's core, those that this process may not use included. */
static hwloc_const_bitmap_t core_cpus(const struct machine *m, int cpu)
{
	hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(m->topology, cpu);
	hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(m->topology, HWLOC_OBJ_CORE, pu);

	return core ? core->complete_cpuset : pu->cpuset;
}

/* Fill @ticks with the time each CPU was not idle, in USER_HZ since boot. */
static bool read_ticks(uint64_t *ticks, size_t nr)
{
	FILE *stat = fopen("/proc/stat", "re");
	char *line = NULL;
	size_t size = 0;

	for (size_t i = 0; i < nr; i++)
		ticks[i] = NOT_LISTED;
	if (!stat)
		return false;
	/* The CPU lines come first; the interrupts after them are long and of no use. */
	while (getline(&line, &size, stat) > 0 && !strncmp(line, "cpu", 3)) {
		unsigned long long user, nice, system, idle, iowait, irq, softirq, steal;
		unsigned int cpu;

		if (sscanf(line, "cpu%u %llu %llu %llu %llu %llu %llu %llu %llu", &cpu, &user,
			   &nice, &system, &idle, &iowait, &irq, &softirq, &steal) == 9 &&
		    cpu < nr)
			ticks[cpu] = user + nice + system + irq + softirq + steal;
	}
	free(line);
	fclose(stat);
	return true;
}

/* Fill m->busy over LOOK_NS. What cannot be seen counts as idle. */
static int look(struct machine *m, char *why, size_t why_size)
{
	struct timespec left = { .tv_nsec = LOOK_NS };
	uint64_t *ticks = calloc(2 * m->nr, sizeof(*ticks));
	uint64_t *before = ticks, *after = ticks + m->nr;
	double start, elapsed_ticks;

	if (!ticks)
		return refuse(ENOMEM, why, why_size, "out of memory");
	start = clock_seconds();
	if (read_ticks(before, m->nr)) {
		while (nanosleep(&left, &left) < 0 && errno == EINTR)
			;
		/*
		 * Against the wall clock, not against the CPU's own ticks: with ten ticks to a
		 * look, a single one must not exceed the limit because an idle one went missing.
		 */
		elapsed_ticks = (clock_seconds() - start) * sysconf(_SC_CLK_TCK);
		read_ticks(after, m->nr);
		for (size_t i = 0; i < m->nr; i++) {
			if (before[i] == NOT_LISTED || after[i] == NOT_LISTED ||
			    after[i] <= before[i])
				continue;
			m->busy[i] = (after[i] - before[i]) / elapsed_ticks;
			if (m->busy[i] > 1)
				m->busy[i] = 1;
		}
	}
	free(ticks);
	return 0;
}

/* @cpu's busiest sibling; -1 when it has none. */
static int busiest_sibling(const struct machine *m, int cpu)
{
	hwloc_const_bitmap_t core = core_cpus(m, cpu);
	int busiest = -1;

	for (int i = hwloc_bitmap_first(core); i >= 0; i = hwloc_bitmap_next(core, i))
		if (i != cpu && (busiest < 0 || m->busy[i] > m->busy[busiest]))
			busiest = i;
	return busiest;
}

static int too_few(const struct machine *m, unsigned int wanted, size_t cores, char *why,
		   size_t why_size)
{
	int cpus = hwloc_bitmap_weight(m->usable);

	if (wanted > (unsigned int)cpus)
		return refuse(ENOSPC, why, why_size,
			      "%u vCPUs want as many CPUs, this process may use %d; vCPUs that "
			      "share one would measure the scheduler",
			      wanted, cpus);
	return refuse(ENOSPC, why, why_size,
		      "%u vCPUs want as many cores, this process may use %zu; --force takes SMT "
		      "siblings as well",
		      wanted, cores);
}

static int choose(struct machine *m, unsigned int wanted, bool share_cores, int *cpus, char *why,
		  size_t why_size)
{
	struct candidate *candidates = calloc(m->nr, sizeof(*candidates));
	size_t *chosen = calloc(wanted, sizeof(*chosen));
	size_t n = 0, found;

	if (!candidates || !chosen) {
		free(candidates);
		free(chosen);
		return refuse(ENOMEM, why, why_size, "out of memory");
	}
	for (int i = hwloc_bitmap_first(m->usable); i >= 0; i = hwloc_bitmap_next(m->usable, i)) {
		int sibling = busiest_sibling(m, i);

		candidates[n++] = (struct candidate){
			.cpu = i,
			.core = hwloc_bitmap_first(core_cpus(m, i)),
			.isolated = hwloc_bitmap_isset(m->isolated, i),
			.busy = m->busy[i],
			.sibling_busy = sibling < 0 ? 0 : m->busy[sibling],
		};
	}
	found = topology_spread(candidates, n, wanted, share_cores, chosen);
	for (size_t i = 0; i < found; i++)
		cpus[i] = candidates[chosen[i]].cpu;
	free(candidates);
	free(chosen);
	return found == wanted ? 0 : too_few(m, wanted, found, why, why_size);
}

/* Returns 0 or the errno of the refusal. */
static int bind_memory(const struct machine *m, int node)
{
	hwloc_bitmap_t nodes = hwloc_bitmap_alloc();
	int error = 0;

	if (!nodes)
		return ENOMEM;
	hwloc_bitmap_only(nodes, node);
	/* Not HWLOC_MEMBIND_STRICT: a full node shall spill over, not end in an OOM kill. */
	if (hwloc_set_membind(m->topology, nodes, HWLOC_MEMBIND_BIND,
			      HWLOC_MEMBIND_THREAD | HWLOC_MEMBIND_BYNODESET) < 0)
		error = errno;
	hwloc_bitmap_free(nodes);
	return error;
}

static int bind_thread(const struct machine *m, struct placement *p, int *memory_error, char *why,
		       size_t why_size)
{
	hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(m->topology, p->cpu);

	if (hwloc_set_cpubind(m->topology, pu->cpuset,
			      HWLOC_CPUBIND_THREAD | HWLOC_CPUBIND_STRICT) < 0)
		return refuse(errno, why, why_size, "cannot bind to CPU %d: %s", p->cpu,
			      strerror(errno));
	*memory_error = p->node < 0 ? ENODEV : bind_memory(m, p->node);
	/* On the only node there is, memory has nowhere else to go. */
	p->bound = !*memory_error || hwloc_get_nbobjs_by_type(m->topology, HWLOC_OBJ_NUMANODE) == 1;
	return 0;
}

static void add(struct placement *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct placement *p, const char *format, ...)
{
	size_t used = strlen(p->text);
	va_list args;

	va_start(args, format);
	vsnprintf(p->text + used, sizeof(p->text) - used, format, args);
	va_end(args);
}

static void describe(const struct machine *m, bool asked, int memory_error, struct placement *p)
{
	double itself = m->busy[p->cpu];

	add(p, "CPU %d: ", p->cpu);
	if (asked)
		add(p, "asked for");
	else
		add(p, "best of %d", p->nr_cpus);
	add(p, p->isolated ? ", isolated" : ", not isolated");
	if (p->siblings == 1)
		add(p, ", no SMT sibling");
	else if (p->busy > BUSY_LIMIT)
		add(p, ", SMT sibling %.0f %% busy", p->busy * 100);
	else
		add(p, ", SMT sibling idle");
	if (itself > BUSY_LIMIT)
		add(p, ", %.0f %% busy with other tasks", itself * 100);
	if (p->bound)
		add(p, "; memory on node %d", p->node);
	else
		add(p, "; memory not bound (%s)", strerror(memory_error));
}

static void describe_all(const struct machine *m, const int *cpus, unsigned int n,
			 struct placement *p)
{
	hwloc_bitmap_t all = hwloc_bitmap_alloc(), cores = hwloc_bitmap_alloc();
	char list[64] = "";

	for (unsigned int i = 0; all && cores && i < n; i++) {
		hwloc_bitmap_set(all, (unsigned int)cpus[i]);
		hwloc_bitmap_set(cores, (unsigned int)hwloc_bitmap_first(core_cpus(m, cpus[i])));
	}
	if (all && cores) {
		hwloc_bitmap_list_snprintf(list, sizeof(list), all);
		add(p, "; %u vCPUs on CPUs %s, %s", n, list,
		    hwloc_bitmap_weight(cores) < (int)n ? "some on SMT siblings of one core"
							: "a core each");
	}
	hwloc_bitmap_free(all);
	hwloc_bitmap_free(cores);
}

/* Is none of @cpus' SMT siblings busy? */
static int check_siblings(const struct machine *m, bool wanted, const int *cpus, unsigned int n,
			  char *why, size_t why_size)
{
	for (unsigned int i = 0; i < n; i++) {
		int sibling = busiest_sibling(m, cpus[i]);

		if (sibling >= 0 && m->busy[sibling] > BUSY_LIMIT)
			return refuse(EBUSY, why, why_size,
				      "%sCPU %d shares its core with CPU %d, which is %.0f %% busy",
				      wanted  ? ""
				      : n > 1 ? "too few cores are idle: "
					      : "no core is idle: ",
				      cpus[i], sibling, m->busy[sibling] * 100);
	}
	return 0;
}

static void locate(const struct machine *m, int cpu, struct placement *p)
{
	hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(m->topology, cpu);
	hwloc_obj_t core = hwloc_get_ancestor_obj_by_type(m->topology, HWLOC_OBJ_CORE, pu);

	p->cpu = cpu;
	p->core = core ? (int)core->logical_index : -1;
	p->node = hwloc_bitmap_first(pu->nodeset);
}

static int place(struct machine *m, int wanted, unsigned int n, bool force, int *cpus,
		 struct placement *p, char *why, size_t why_size)
{
	int ret, sibling, memory_error = 0;

	ret = load_topology(m, why, why_size);
	if (!ret)
		ret = find_usable(m, why, why_size);
	if (!ret && wanted != -1)
		ret = check_wanted(m, wanted, why, why_size);
	if (ret)
		return ret;

	p->nr_cpus = hwloc_bitmap_weight(m->usable);
	cpus[0] = wanted == -1 ? hwloc_bitmap_first(m->usable) : wanted;
	m->busy = calloc(m->nr, sizeof(*m->busy));
	if (!m->busy)
		return refuse(ENOMEM, why, why_size, "out of memory");
	if ((wanted == -1 && p->nr_cpus > 1) || busiest_sibling(m, cpus[0]) >= 0)
		ret = look(m, why, why_size);
	if (!ret && wanted == -1)
		ret = choose(m, n, force, cpus, why, why_size);
	if (!ret && !force)
		ret = check_siblings(m, wanted != -1, cpus, n, why, why_size);
	if (ret)
		return ret;

	locate(m, cpus[0], p);
	p->siblings = hwloc_bitmap_weight(core_cpus(m, p->cpu));
	p->isolated = hwloc_bitmap_isset(m->isolated, p->cpu);
	sibling = busiest_sibling(m, p->cpu);
	p->busy = sibling < 0 ? 0 : m->busy[sibling];
	ret = bind_thread(m, p, &memory_error, why, why_size);
	if (ret)
		return ret;
	describe(m, wanted != -1, memory_error, p);
	if (n > 1)
		describe_all(m, cpus, n, p);
	return 0;
}

static void forget(struct machine *m)
{
	free(m->busy);
	hwloc_bitmap_free(m->usable);
	hwloc_bitmap_free(m->isolated);
	if (m->topology)
		hwloc_topology_destroy(m->topology);
}

static int place_threads(int wanted, unsigned int n, bool force, int *cpus,
			 struct placement *placement, char *why, size_t why_size)
{
	struct machine m = { 0 };
	int ret;

	*placement = (struct placement){ .cpu = -1, .core = -1, .node = -1 };
	ret = place(&m, wanted, n, force, cpus, placement, why, why_size);
	forget(&m);
	return ret;
}

int topology_place(int wanted, bool force, struct placement *placement, char *why, size_t why_size)
{
	int cpu;

	return place_threads(wanted, 1, force, &cpu, placement, why, why_size);
}

int topology_place_all(unsigned int n, bool force, int *cpus, struct placement *placement,
		       char *why, size_t why_size)
{
	return place_threads(-1, n, force, cpus, placement, why, why_size);
}

int topology_bind(int cpu, char *why, size_t why_size)
{
	struct placement placement = { 0 };
	struct machine m = { 0 };
	int ret, memory_error;

	ret = load_topology(&m, why, why_size);
	if (!ret) {
		locate(&m, cpu, &placement);
		ret = bind_thread(&m, &placement, &memory_error, why, why_size);
	}
	forget(&m);
	return ret;
}
