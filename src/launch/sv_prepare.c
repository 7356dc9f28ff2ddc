/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/show.h"
#include "io/clock.h"
#include "launch/nitro.h"
#include "launch/supervise.h"

#include <string.h>
#include <sys/resource.h>

#define DNS_PORT 53

/* What each machine can start at all. */
static int check_machine(const struct sv_plan *p, struct ss_err *err)
{
	const struct facts *f = &p->facts;

	if (!p->is_nitro && f->is_arm64)
		return ss_fail(err, SS_EUSAGE,
			       "'%s': wrong architecture: the image is for aarch64, and QEMU's "
			       "enclave machine is x86_64",
			       f->file.path);
	if (!p->is_nitro)
		return 0;
#ifdef __aarch64__
	if (!f->is_arm64)
		return ss_fail(err, SS_EUSAGE,
			       "'%s': wrong architecture: the image is for x86_64, this host is "
			       "aarch64",
			       f->file.path);
#else
	if (f->is_arm64)
		return ss_fail(err, SS_EUSAGE,
			       "'%s': wrong architecture: the image is for aarch64, this host is "
			       "x86_64",
			       f->file.path);
#endif
	if (f->is_local_kernel) {
		(void)ss_fail(err, SS_EUSAGE,
			      "'%s': its kernel is of profile 'local', which is for QEMU only",
			      f->file.path);
		err->hint = "build it with --kernel nitro, or start it with --local";
		return -1;
	}
	if (f->expired.code != SS_OK) {
		*err = f->expired;
		return ss_ctx(err, "'%s'", f->file.path);
	}
	return 0;
}

static int open_ports(struct sv_plan *p, struct ss_err *err)
{
	for (size_t i = 0; i < p->o.n_ports; i++)
		if (publish_open(&p->facts, p->o.ports[i], &p->ports, err) < 0)
			return -1;
	if (p->o.metrics != NULL &&
	    (publish_read_addr(p->o.metrics, "127.0.0.1", 0, &p->metrics_addr, err) < 0 ||
	     publish_bind(&p->metrics_addr, false, false, &p->metrics_fd, err) < 0))
		return ss_ctx(err, "--metrics");
	p->has_dns = p->o.dns != NULL;
	if (p->has_dns && publish_read_addr(p->o.dns, "", DNS_PORT, &p->dns, err) < 0)
		return ss_ctx(err, "--dns");
	return 0;
}

static int claim(struct sv_plan *p, struct ss_err *err)
{
	char suggested[RUNDIR_MAX_NAME + 1];
	const bool exactly = p->o.name != NULL;

	rundir_name_of(p->o.eif, suggested);
	if (rundir_open(&p->dir, err) < 0)
		return -1;
	if (rundir_claim_name(&p->dir, exactly ? p->o.name : suggested, exactly, &p->claim, err) <
	    0)
		return exactly ? ss_ctx(err, "--name") : -1;
	return p->is_nitro ? 0 : rundir_claim_cid(&p->claim, p->o.cid, err);
}

/* Each connection of a client is up to three descriptors. */
static void raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r); /* what there is must do */
	}
}

const char *sv_instance(const struct sv_plan *p)
{
	if (p->o.nsm_instance != NULL)
		return p->o.nsm_instance;
	return p->is_nitro ? "i-nitro" : "i-local";
}

bool sv_is_unmeasured(const struct sv_plan *p)
{
	return p->o.debug && (p->is_nitro || p->root != NULL);
}

static int open_root(struct sv_plan *p, struct ss_err *err)
{
	const char *id = p->o.nsm_instance;

	if (p->o.nsm_root == NULL && (id != NULL || p->o.nsm_role != NULL))
		return ss_fail(err, SS_EUSAGE, "--nsm-role and --nsm-instance need --nsm-root");
	if (p->o.nsm_root == NULL)
		return 0;
	if (p->is_nitro) {
		(void)ss_fail(err, SS_EUSAGE, "--nsm-root: a Nitro enclave has AWS's NSM");
		err->hint = "--local starts it on QEMU";
		return -1;
	}
	if (id != NULL && (strncmp(id, "i-", 2) != 0 || strlen(id) < 3 || strlen(id) > 32 ||
			   strspn(id + 2, "0123456789abcdef") != strlen(id) - 2))
		return ss_fail(err, SS_EUSAGE, "--nsm-instance: '%s' is not an instance's id",
			       SS_SHOW(((struct ss_span){ (const uint8_t *)id, strlen(id) })));
	return nsm_root_open(p->o.nsm_root, io_clock_now(), &p->root, err) < 0
		       ? ss_ctx(err, "--nsm-root")
		       : 0;
}

static int prepare(struct sv_plan *p, struct ss_err *err)
{
	p->is_nitro = !p->o.local && access(NITRO_DEVICE, F_OK) == 0;
	if (facts_load(p->o.eif, io_clock_now(), &p->facts, err) < 0 || check_machine(p, err) < 0)
		return -1;
	p->cpus = facts_cpus(&p->facts, p->o.cpus);
	if (facts_memory(&p->facts, p->o.memory_mib, p->cpus, &p->memory_mib, err) < 0 ||
	    claim(p, err) < 0 || open_ports(p, err) < 0 || open_root(p, err) < 0)
		return -1;
	if (!p->is_nitro && qemu_find(&p->facts.file, p->o.nsm_root != NULL, &p->qemu, err) < 0)
		return -1;
	/* QEMU's own NSM reads a call before it is whole, now and then, if a second processor is
	 * fast enough; then it answers no more. */
	if (!p->is_nitro && p->qemu.kind == QEMU_NITRO && p->o.cpus == 0)
		p->cpus = 1;
	(void)snprintf(p->id, sizeof(p->id), "%.32s-enc%08x%08x", sv_instance(p),
		       (unsigned)getpid(), p->claim.cid);
	raise_limit();
	return 0;
}

int sv_prepare(const struct sv_opts *o, struct sv_plan **ret, struct ss_err *err)
{
	struct sv_plan *p = ss_calloc(1, sizeof(*p));

	p->o = *o;
	p->facts = (struct facts)FACTS_NONE;
	p->dir = (struct rundir)RUNDIR_NONE;
	p->claim = (struct rundir_claim)RUNDIR_CLAIM_NONE;
	p->metrics_fd = -1;
	if (prepare(p, err) < 0) {
		sv_plan_free(p);
		return -1;
	}
	*ret = p;
	return 0;
}

void sv_plan_free(struct sv_plan *p)
{
	if (p == NULL)
		return;
	rundir_unclaim(&p->claim);
	rundir_done(&p->dir);
	publish_done(&p->ports);
	ss_closep(&p->metrics_fd);
	qemu_found_done(&p->qemu);
	facts_done(&p->facts);
	nsm_root_free(p->root);
	free(p);
}
