// SPDX-License-Identifier: GPL-2.0-or-later
/* Every pair of PMUs: does the engine's intercept hide what must be hidden? */
#include "fuzz/pairs.h"

#include <stdlib.h>
#include <string.h>

/* What a guest can ask for: METRICS-CLEAR, USER-DISABLE of all GP and of all fixed counters. */
#define CONTROLS      8
#define CONTROL_CLEAR 1
#define CONTROL_GP    2
#define CONTROL_FIXED 4

#define NR_POLICIES 4

/* All that a PMU shows for one setting of the controls, as a hash. */
struct shown {
	uint64_t of[CONTROLS];
};

struct pmu {
	struct rdpmc_pmu guest; /* as the engine can give it */
	struct rdpmc_view host_view, guest_view;
	uint8_t controls;         /* bit by setting: the guest may make it */
	struct shown as_host[2];  /* by: are the counters the guest's? */
	struct shown as_guest[2]; /* by: is the VMware backdoor on? */
};

struct pairs {
	const struct rdpmc_pmu *pmus;
	struct pmu *known;
	size_t count;
	uint32_t *ecxs;
	size_t n_ecxs;
	atomic_size_t next;
};

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 32;
}

/*
 * What counters hold: the guest's have bits above and below every width, and no two the same; those
 * that are not the guest's (not mediated) differ from them in every bit.
 */
static void fill(struct rdpmc_counters *counters, bool guests, unsigned int control)
{
	const uint64_t flip = guests ? 0 : ~0ULL, set = 1ULL << 63 | 1ULL << 44 | 1ULL << 36 | 1;

	memset(counters, 0, sizeof(*counters));
	for (unsigned int x = 0; x < RDPMC_MAX_ECX; x++)
		counters->gp[x] = (mix(1, x) | set) ^ flip;
	for (unsigned int x = 0; x < RDPMC_MAX_FIXED; x++)
		counters->fixed[x] = (mix(2, x) | set) ^ flip;
	for (unsigned int i = 0; i < RDPMC_VMWARE_CLOCKS; i++)
		counters->vmware[i] = mix(3, i);
	counters->metrics = (mix(4, 0) | set) ^ flip;
	if (control & CONTROL_CLEAR)
		counters->fixed_ctr_ctrl |= RDPMC_FIXED_CTRL_METRICS_CLEAR;
	if (control & CONTROL_GP)
		counters->gp_user_disable = ~0U;
	for (unsigned int x = 0; control & CONTROL_FIXED && x < RDPMC_FIXED_CTRL_COUNTERS; x++)
		counters->fixed_ctr_ctrl |= RDPMC_FIXED_CTRL_USER_DISABLE(x);
}

/* A control bit that the guest's PMU does not have is reserved. */
static uint8_t may_set(const struct rdpmc_pmu *guest)
{
	const uint64_t clear = RDPMC_CAP_METRICS | RDPMC_CAP_METRICS_CLEAR;
	const bool architectural = guest->vendor == RDPMC_INTEL && guest->version;
	uint8_t controls = 0;

	for (unsigned int control = 0; control < CONTROLS; control++) {
		if (control & CONTROL_CLEAR &&
		    !(architectural && (guest->perf_capabilities & clear) == clear))
			continue;
		if (control & (CONTROL_GP | CONTROL_FIXED) &&
		    !(architectural && guest->user_disable))
			continue;
		controls |= (uint8_t)(1U << control);
	}
	return controls;
}

/* @number: CPL 0 or 3, PCE off or on. */
#define STATES 4
static struct rdpmc_state state_of(unsigned int number, uint32_t ecx)
{
	return (struct rdpmc_state){
		.regs = { .rax = 0x1111222233334444,
			  .rcx = 0xabcdef0100000000 | ecx,
			  .rdx = 0x5555666677778888,
			  .rip = 0x7fff00001000,
			  .rflags = 2 },
		.cr0 = RDPMC_CR0_PE,
		.cr4 = number & 2 ? RDPMC_CR4_PCE : 0,
		.mode = MODE_64BIT,
		.cpl = number & 1 ? 3 : 0,
	};
}

/*
 * Everything of one read that the guest, or what it reads afterwards, can show. A counter of another
 * class is another counter, though its number and width be the same.
 */
static uint64_t observe(const struct rdpmc_view *view, const struct rdpmc_policy *policy,
			const struct rdpmc_counters *before, unsigned int number, uint32_t ecx)
{
	const struct rdpmc_state state = state_of(number, ecx);
	const struct rdpmc_decision decision = rdpmc_decide(view, policy, before, &state);
	const struct rdpmc_regs regs =
		rdpmc_result(&decision, &state, rdpmc_value(&decision, before));

	uint64_t hash =
		(uint64_t)decision.class << 8 | (uint64_t)decision.answer << 1 | decision.clears;

	/* Each from another state of the hash: two halves that change alike must not cancel out. */
	return mix(mix(mix(mix(1, hash), regs.rax), regs.rdx), regs.rip);
}

static void show(const struct pairs *pairs, const struct rdpmc_view *view, bool backdoor,
		 bool guests, struct shown *shown)
{
	const struct rdpmc_policy policy = { .vmware_backdoor = backdoor };
	struct rdpmc_counters counters;

	for (unsigned int control = 0; control < CONTROLS; control++) {
		uint64_t hash = 0;

		fill(&counters, guests, control);
		for (size_t i = 0; i < pairs->n_ecxs; i++)
			for (unsigned int number = 0; number < STATES; number++)
				hash = mix(hash, observe(view, &policy, &counters, number,
							 pairs->ecxs[i]));
		shown->of[control] = hash;
	}
}

static void learn(struct sweep_thread *thread)
{
	struct pairs *pairs = thread->shared;
	size_t i;

	while (!sweep_ends(thread) && (i = atomic_fetch_add(&pairs->next, 1)) < pairs->count) {
		struct pmu *pmu = &pairs->known[i];
		struct rdpmc_pmu host = pairs->pmus[i];
		struct rdpmc_policy policy = { 0 };

		pmu->guest = pairs->pmus[i];
		thread->result.offered |= thread->trial.engine->offer(thread->trial.vcpu,
								      &pmu->guest, &host, &policy);
		rdpmc_view(&pairs->pmus[i], &thread->trial.choices, &pmu->host_view);
		rdpmc_view(&pmu->guest, &thread->trial.choices, &pmu->guest_view);
		pmu->controls = may_set(&pmu->guest);
		for (unsigned int k = 0; k < 2; k++) {
			show(pairs, &pmu->host_view, false, k, &pmu->as_host[k]);
			show(pairs, &pmu->guest_view, k, true, &pmu->as_guest[k]);
		}
	}
}

/* Not mediated, the processor's counters may hold anything: the guest's values, and others. */
static bool same(const struct pmu *host, const struct pmu *guest, const struct rdpmc_policy *policy)
{
	const struct shown *ours = &guest->as_guest[policy->vmware_backdoor];
	uint64_t differ = 0;

	for (unsigned int control = 0; control < CONTROLS; control++) {
		if (!(guest->controls >> control & 1))
			continue;
		differ |= host->as_host[1].of[control] ^ ours->of[control];
		if (!policy->mediated_pmu)
			differ |= host->as_host[0].of[control] ^ ours->of[control];
	}
	return !differ;
}

/* The first read that differs, as a case. */
static void example(const struct pairs *pairs, const struct pmu *host, const struct pmu *guest,
		    struct rdpmc_case *found)
{
	static const struct rdpmc_policy bare = { 0 };
	struct rdpmc_counters theirs, ours;

	found->state = state_of(0, 0);
	found->counter_seed = 1;
	for (unsigned int n = 0; n < CONTROLS * STATES * 2; n++) {
		const unsigned int control = n / 2 / STATES, number = n / 2 % STATES;

		if (!(guest->controls >> control & 1) || (found->policy.mediated_pmu && n & 1))
			continue;
		fill(&theirs, !(n & 1), control);
		fill(&ours, true, control);
		for (size_t i = 0; i < pairs->n_ecxs; i++) {
			uint32_t ecx = pairs->ecxs[i];

			if (observe(&host->host_view, &bare, &theirs, number, ecx) ==
			    observe(&guest->guest_view, &found->policy, &ours, number, ecx))
				continue;
			found->state = state_of(number, ecx);
			found->metrics = ours.metrics;
			found->fixed_ctr_ctrl = ours.fixed_ctr_ctrl;
			found->gp_user_disable = ours.gp_user_disable;
			return;
		}
	}
}

static void judge(struct sweep_thread *thread, size_t h, size_t g,
		  const struct rdpmc_policy *policy)
{
	const struct pairs *pairs = thread->shared;
	const struct pmu *host = &pairs->known[h], *guest = &pairs->known[g];
	const struct engine *engine = thread->trial.engine;
	struct sweep_result *result = &thread->result;
	struct rdpmc_pass pass = rdpmc_may_pass(&host->host_view, &guest->guest_view, policy);
	struct rdpmc_case wrong = { .host = pairs->pmus[h],
				    .guest = guest->guest,
				    .policy = *policy };
	bool sound = same(host, guest, policy);
	enum intercept intercept;

	engine->begin(thread->trial.vcpu, &guest->guest, &pairs->pmus[h], policy);
	intercept = engine->intercepts(thread->trial.vcpu);
	result->cases++;
	result->costly += intercept == INTERCEPT_ON && sound;
	if (sound != (pass.obstacle == OBSTACLE_NONE)) {
		example(pairs, host, guest, &wrong);
		if (!result->self++)
			case_encode(&wrong, &result->self_example);
		result->mismatches++;
	} else if (intercept == INTERCEPT_OFF && !sound) {
		struct finding finding = { .oracles = ORACLE_PASS_SOUND, .pass = pass };

		example(pairs, host, guest, &wrong);
		finding.state = wrong.state;
		sweep_note(result, &wrong, &finding);
	}
}

static void work(struct sweep_thread *thread)
{
	struct pairs *pairs = thread->shared;
	size_t host;

	while (!sweep_ends(thread) && (host = atomic_fetch_add(&pairs->next, 1)) < pairs->count) {
		for (size_t guest = 0; guest < pairs->count; guest++)
			for (unsigned int i = 0; i < NR_POLICIES; i++)
				judge(thread, host, guest,
				      &(struct rdpmc_policy){ .mediated_pmu = i & 1,
							      .vmware_backdoor = i & 2 });
	}
}

int pairs_sweep(const struct sweep *sweep, const struct rdpmc_pmu *pmus, size_t count,
		struct sweep_result *result, const char **why)
{
	struct pairs pairs = { .pmus = pmus, .count = count };
	double seconds;
	int error = -1;

	memset(result, 0, sizeof(*result));
	*why = "out of memory";
	pairs.known = calloc(count, sizeof(*pairs.known));
	pairs.ecxs = sweep_ecxs(true, &pairs.n_ecxs);
	if (pairs.known && pairs.ecxs) {
		atomic_init(&pairs.next, 0);
		error = sweep_run(sweep, learn, &pairs, result, why);
		seconds = result->seconds;
		if (!error && !result->interrupted) {
			atomic_store(&pairs.next, 0);
			error = sweep_run(sweep, work, &pairs, result, why);
			result->seconds += seconds;
		}
	}
	free(pairs.known);
	free(pairs.ecxs);
	return error;
}
