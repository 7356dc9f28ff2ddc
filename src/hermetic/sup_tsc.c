/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <string.h>
#include <sys/uio.h>

#define NAME "LD_DEBUG" /* and LD_DEBUG_OUTPUT */
#define NAME_SIZE (sizeof(NAME) - 1)
#define ENV_MAX 256u

void sup_tsc_learn(struct sup_tsc_sites *all, uint64_t at, uint64_t code)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].at == at && all->v[i].code == code)
			return;
	if (all->n == SS_NELEMS(all->v))
		return;
	all->v[all->n].at = at;
	all->v[all->n++].code = code;
}

/* Somebody shall read the statistics; also if it cannot be told. */
static bool shows_them(const struct sup_task *t, const uint64_t *env, size_t n)
{
	static char begins[ENV_MAX][NAME_SIZE];
	struct iovec here[ENV_MAX], there[ENV_MAX];

	if (n > ENV_MAX)
		return true;
	for (size_t i = 0; i < n; i++) {
		here[i] = (struct iovec){ begins[i], NAME_SIZE };
		there[i] = (struct iovec){ sup_pointer(env[i]), NAME_SIZE };
	}
	if (n > 0 &&
	    process_vm_readv(t->tid, here, n, there, n, 0) != (ssize_t)(n * sizeof(begins[0])))
		return true;
	for (size_t i = 0; i < n; i++)
		if (memcmp(begins[i], NAME, NAME_SIZE) == 0)
			return true;
	return false;
}

void sup_tsc_spare(const struct sup_tsc_sites *all, const struct sup_task *t, const uint64_t *env,
		   size_t n_env)
{
	static const uint8_t nothing[2] = { 0x66, 0x90 }; /* as long as rdtsc */
	uint64_t code[SS_NELEMS(all->v)];
	struct iovec here[SS_NELEMS(all->v)], there[SS_NELEMS(all->v)];

	for (size_t i = 0; i < all->n; i++) {
		here[i] = (struct iovec){ &code[i], sizeof(code[i]) };
		there[i] = (struct iovec){ sup_pointer(t->loader + all->v[i].at), sizeof(code[i]) };
	}
	/* Another loader may be shorter: then it reads the counter, and learns. */
	if (all->n == 0 ||
	    process_vm_readv(t->tid, here, all->n, there, all->n, 0) !=
		    (ssize_t)(all->n * sizeof(code[0])) ||
	    shows_them(t, env, n_env))
		return;
	for (size_t i = 0; i < all->n; i++) {
		uint64_t mended = code[i];

		memcpy(&mended, nothing, sizeof(nothing));
		if (code[i] == all->v[i].code)
			sup_regs_poke(t->tid, t->loader + all->v[i].at, mended);
	}
}
